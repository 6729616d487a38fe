//! Echo as a user of Ropewalk writes it.

use std::error::Error;

use ropewalk::{ListenOptions, Protocol, Reactor, Result, Transport, for_protocol};

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

pub(crate) fn serve() -> std::result::Result<(), Box<dyn Error>> {
    let mut reactor = Reactor::new()?;
    let port = reactor.listen("127.0.0.1:0".parse()?, ListenOptions::default(), for_protocol(|| Echo))?;
    println!("{}", port.address());
    Ok(reactor.run()?)
}
