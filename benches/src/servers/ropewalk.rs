//! The services as a user of Ropewalk writes them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;

use ropewalk::{
    Bytes, ConnectionId, Delimiter, Factory, LineProtocol, LineReceiver, LineTransport, Message, Protocol,
    Reactor, Reason, Result, SendLine, ServerEndpoint, TcpServerEndpoint, TlsServerConfig, TlsServerEndpoint,
    Transport, WebSocket, WebSocketProtocol, WebSocketReceiver, for_protocol,
};

use super::Service;
use crate::tls::Certificate;

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

struct Lines;

impl LineProtocol for Lines {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        transport.send_line_with(line, &Delimiter::Lf);
        Ok(())
    }
}

type Room = Rc<RefCell<BTreeMap<ConnectionId, Transport>>>;

struct Chat {
    room: Room,
}

impl LineProtocol for Chat {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        self.room.borrow_mut().insert(transport.id(), (*transport).clone());
    }

    fn line_received(&mut self, _: &mut LineTransport<'_>, line: &[u8]) -> Result {
        let line = Bytes::from([line, b"\n"].concat());
        for member in self.room.borrow().values() {
            member.write_shared(line.clone());
        }
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        self.room.borrow_mut().remove(&transport.id());
    }
}

impl WebSocketProtocol for Echo {
    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        socket.send(message);
        Ok(())
    }
}

pub(crate) fn serve(service: Service) -> std::result::Result<(), Box<dyn Error>> {
    match service {
        Service::Echo => listen(&tcp(), for_protocol(|| Echo)),
        Service::Lines => listen(&tcp(), for_protocol(|| LineReceiver::new(Lines).delimiter(Delimiter::Lf))),
        Service::Chat => {
            let room = Room::default();
            let make = move || LineReceiver::new(Chat { room: Rc::clone(&room) }).delimiter(Delimiter::Lf);
            listen(&tcp(), for_protocol(make))
        }
        Service::TlsEcho => {
            let Certificate { pem, key } = Certificate::new()?;
            let config = TlsServerConfig::from_pem(pem, key)?;
            listen(&TlsServerEndpoint::new(tcp(), config), for_protocol(|| Echo))
        }
        Service::WebSocketEcho => listen(&tcp(), for_protocol(|| WebSocketReceiver::server(Echo))),
    }
}

fn tcp() -> TcpServerEndpoint {
    TcpServerEndpoint::from(SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn listen(
    endpoint: &impl ServerEndpoint,
    factory: impl Factory + 'static,
) -> std::result::Result<(), Box<dyn Error>> {
    let mut reactor = Reactor::new()?;
    let port = endpoint.listen(&reactor, factory)?;
    println!("{}", port.address());
    Ok(reactor.run()?)
}
