//! Connections with layers, and connections by way of others.

use ropewalk::{
    PortForward, Protocol, ProxyClientEndpoint, ProxyHeader, ProxyServerEndpoint, ProxyVersion, Result,
    TcpClientEndpoint, TcpServerEndpoint, Transport, for_protocol,
};

use crate::asker::{Asker, Ending};
use crate::stage::{MILLISECOND, Stage};
use crate::streams::Echo;

/// Answers with who it thinks the client is.
struct WhoAmI;

impl Protocol for WhoAmI {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(format!("{};", transport.peer()));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

/// Clients that come through a proxy.
pub(crate) fn proxy(stage: &mut Stage) {
    let (server, address) = (stage.server.clone(), stage.address());
    let endpoint = ProxyServerEndpoint::new(TcpServerEndpoint::from(Stage::everywhere()));
    stage.listen(&server, &endpoint, for_protocol(|| WhoAmI));
    let header = ProxyHeader::new(([192, 0, 2, 1], 1), ([192, 0, 2, 2], 2));
    for (name, ending) in [("the first", Ending::Close), ("the second", Ending::HalfClose)] {
        let endpoint = ProxyClientEndpoint::new(TcpClientEndpoint::from(address), ProxyVersion::Two, &header);
        stage.ask(name, &endpoint, Asker::new("hello", "192.0.2.1:1;hello", ending));
    }
}

/// A forwarder on the server, to an echo on another port of the client's host.
pub(crate) fn forwarding(stage: &mut Stage) {
    let (server, client) = (stage.server.clone(), stage.client.clone());
    let backend = std::net::SocketAddr::new(client.address(), 9);
    stage.listen(&client, &TcpServerEndpoint::from(backend), for_protocol(|| Echo));
    let forward = std::rc::Rc::new(PortForward::new(TcpClientEndpoint::from(backend)));
    stage.listen_unwatched(&server, &TcpServerEndpoint::from(Stage::everywhere()), forward);
    let endpoint = stage.endpoint();
    stage.ask("the first", &endpoint, Asker::echo(2_000, Ending::HalfClose));
    stage.run_for(5 * MILLISECOND);
    stage.ask("the second", &endpoint, Asker::echo(30_000, Ending::Close));
}
