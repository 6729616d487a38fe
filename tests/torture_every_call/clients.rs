//! Clients that do not give up at the first failure.

use std::cell::Cell;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use ropewalk::{
    ClientOptions, ClientService, Protocol, Result, TcpClientEndpoint, TcpServerEndpoint, Transport,
    for_protocol,
};

use crate::asker::{Asker, Ending};
use crate::stage::{DONE, SECOND, Stage};
use crate::streams::Echo;

/// A name with three addresses of which one refuses and one does not answer.
pub(crate) fn name(stage: &mut Stage) {
    let server = stage.server.clone();
    let silent = IpAddr::from(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 99));
    let refusing = stage.client.address();
    stage.simulation.set_name("service", [silent, refusing, server.address(), server.address_v6()]);
    let everywhere = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 7));
    stage.listen(&server, &TcpServerEndpoint::from(everywhere), for_protocol(|| Echo));
    let endpoint: TcpClientEndpoint = "service:7".parse().unwrap();
    stage.ask("the client by name", &endpoint, Asker::echo(3_000, Ending::Close));
}

/// Notes the last answer.
struct Pinger(Rc<Cell<bool>>);

impl Protocol for Pinger {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.set(false);
        transport.write("ping");
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        self.0.set(true);
        Ok(())
    }
}

/// A service that has a connection again, whatever went wrong.
pub(crate) fn service(stage: &mut Stage) {
    let server = stage.server.clone();
    stage.listen(&server, &TcpServerEndpoint::from(Stage::everywhere()), for_protocol(|| Echo));
    let answered = Rc::new(Cell::new(false));
    let heard = Rc::clone(&answered);
    let factory = stage.book.watch("service", 4, for_protocol(move || Pinger(Rc::clone(&heard))));
    let (client, endpoint) = (stage.client.clone(), stage.endpoint());
    let service =
        ClientService::new(stage.simulation.reactor(&client), endpoint, factory, ClientOptions::default());
    service.start();
    stage.run_for(120 * SECOND);
    stage.results.set("the service", if answered.get() { DONE } else { "has no connection" });
    let (stopped, results) = (service.stop(), stage.results.clone());
    results.set("the stop", "has not ended");
    stopped.then(move |()| results.set("the stop", DONE));
}
