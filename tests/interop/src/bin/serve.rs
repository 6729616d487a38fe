//! Echoes lines on a socket from systemd, or on standard input and output. The line `quit` ends the program.
//!
//! `serve systemd NAME`, `serve stdio`
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ropewalk::{
    Delimiter, LineProtocol, LineReceiver, LineTransport, Reactor, Reason, Result, SendLine, ServerEndpoint,
    StdioEndpoint, SystemdServerEndpoint, Transport, for_protocol,
};

struct Lines;

impl LineProtocol for Lines {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        transport.send_line(line);
        if line == b"quit" {
            transport.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        transport.reactor().stop();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let endpoint: Box<dyn ServerEndpoint> = match arguments[..] {
        ["systemd", name] => Box::new(SystemdServerEndpoint::name(name)),
        ["stdio"] => Box::new(StdioEndpoint::new()),
        _ => panic!("usage: serve systemd NAME | serve stdio"),
    };
    let mut reactor = Reactor::new().unwrap();
    endpoint
        .listen(&reactor, for_protocol(|| LineReceiver::new(Lines).delimiter(Delimiter::LfOrCrLf)))
        .unwrap();
    reactor.run().unwrap();
}
