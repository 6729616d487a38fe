//! Joining the terminal and a socket for datagrams.

use std::any::Any;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{
    Address, DatagramError, DatagramProtocol, DatagramTransport, Protocol, ReactorHandle, Reason, Result,
    ServerEndpoint, StdioEndpoint, Transport, UdpEndpoint, for_protocol,
};

use crate::Ended;

/// How long answers are waited for when there is no more to ask.
const PATIENCE: Duration = Duration::from_secs(1);

/// Begins the conversation with `endpoint`.
pub(crate) fn join(reactor: &ReactorHandle, endpoint: &UdpEndpoint, ended: &Ended) -> io::Result<()> {
    let network = endpoint.connect(reactor, Network { keyboard: None, ended: Rc::clone(ended) })?;
    let ended = Rc::clone(ended);
    let keyboard = for_protocol(move || Keyboard { network: network.clone(), ended: Rc::clone(&ended) });
    StdioEndpoint::new().listen(reactor, keyboard)?;
    Ok(())
}

struct Network {
    /// The connection with the terminal, once it stands. Nothing is sent before, so nothing comes.
    keyboard: Option<Transport>,
    ended: Ended,
}

impl DatagramProtocol for Network {
    fn event_received(&mut self, _: &DatagramTransport, event: Box<dyn Any>) {
        self.keyboard = event.downcast().ok().map(|keyboard| *keyboard);
    }

    fn datagram_received(&mut self, _: &DatagramTransport, data: &[u8], _: &Address) -> Result {
        if let Some(keyboard) = &self.keyboard {
            keyboard.write(data);
        }
        Ok(())
    }

    fn error_received(&mut self, transport: &DatagramTransport, error: &DatagramError) {
        *self.ended.borrow_mut() = Some(Err(error.to_string().into()));
        transport.reactor().stop();
    }
}

struct Keyboard {
    network: DatagramTransport,
    ended: Ended,
}

impl Protocol for Keyboard {
    fn connection_made(&mut self, transport: &Transport) {
        self.network.post(transport.clone());
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            self.network.send(line)?;
        }
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        let ended = Rc::clone(&self.ended);
        transport.reactor().call_later(PATIENCE, move |reactor| {
            ended.borrow_mut().get_or_insert(Ok(()));
            reactor.stop();
        });
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        transport.reactor().stop();
    }
}
