//! Smoke.
use ropewalk::*;
struct Echo;
impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}
fn main() -> std::io::Result<()> {
    env_logger::init();
    let mut reactor = Reactor::new()?;
    let port =
        reactor.listen("127.0.0.1:8123".parse().unwrap(), ListenOptions::default(), for_protocol(|| Echo))?;
    println!("listening on {}", port.address());
    reactor.stop_on_signals()?;
    reactor.run()
}
