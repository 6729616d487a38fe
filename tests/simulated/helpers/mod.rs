//! The helper protocols between two hosts, with anything happening to them, from seeds.

mod ends;
mod files;
mod formats;
mod messages;
mod services;
mod stateful;
mod telnet;
mod tiny;
mod websockets;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Faults, Host, Link, Simulation};
use ropewalk::{
    ConnectOptions, Factory, Limits, ListenOptions, Protocol, ReactorHandle, Transport, for_protocol,
};

pub(crate) use ends::Trouble;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const PORT: u16 = 1_000;

/// What the protocol of one end has heard.
#[derive(Clone, Default)]
struct End(Rc<RefCell<Heard>>);

#[derive(Default)]
struct Heard {
    transport: Option<Transport>,
    messages: Vec<Vec<u8>>,
    /// How the connection ended, and whether in an orderly way.
    lost: Option<(String, bool)>,
}

impl End {
    fn made(&self, transport: &Transport) {
        self.0.borrow_mut().transport = Some(transport.clone());
    }

    fn hear(&self, message: &[u8]) {
        assert!(self.0.borrow().lost.is_none(), "G1: nothing comes after the loss");
        self.0.borrow_mut().messages.push(message.to_vec());
    }

    fn end(&self, reason: &ropewalk::Reason) {
        let lost = self.0.borrow_mut().lost.replace((reason.to_string(), reason.is_clean()));
        assert!(lost.is_none(), "G1: a connection is lost once");
    }

    fn messages(&self) -> Vec<Vec<u8>> {
        self.0.borrow().messages.clone()
    }

    /// What was heard, in one piece.
    fn data(&self) -> Vec<u8> {
        self.0.borrow().messages.concat()
    }

    fn transport(&self) -> Option<Transport> {
        self.0.borrow().transport.clone()
    }

    fn lost(&self) -> Option<(String, bool)> {
        self.0.borrow().lost.clone()
    }

    fn ended_cleanly(&self) -> bool {
        self.lost().is_some_and(|(_, is_clean)| is_clean)
    }
}

/// A server and a client, on a network that the dice have made.
fn hosts(simulation: &mut Simulation, factory: impl Fn() -> Box<dyn Factory> + 'static) -> (Host, Host) {
    let listen = move |reactor: &ReactorHandle| {
        // Some of these networks are slower than anybody waits for.
        let mut limits = Limits::default();
        limits.close_timeout = 3_000 * SECOND;
        reactor.set_default_limits(limits);
        let factory: Rc<dyn Factory> = factory().into();
        reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), factory)?;
        Ok(())
    };
    let server = simulation.host("server", listen);
    let client = simulation.host("client", |_| Ok(()));
    let dice = simulation.dice();
    let mut link = Link::default();
    link.buffer = if dice.chance(0.5) { 200 + dice.roll(3_000) as usize } else { 256 * 1024 };
    link.loss = if dice.chance(0.5) { dice.roll(30) as f64 / 100.0 } else { 0.0 };
    link.jitter = MILLISECOND * dice.roll(100) as u32;
    simulation.set_default_link(link);
    for host in [&server, &client] {
        if dice.chance(0.5) {
            simulation.set_faults(host, Faults::rough());
        }
    }
    (server, client)
}

/// Lets time pass until an end has its connection, if it comes to that.
fn await_connection(simulation: &mut Simulation, end: &End) {
    let _ = simulation.run_until(100 * SECOND, |_| end.transport().is_some());
}

/// Has the client connect.
fn connect<P: Protocol + 'static>(
    simulation: &mut Simulation,
    (server, client): &(Host, Host),
    make: impl Fn() -> P + 'static,
) {
    let address = (server.address(), PORT);
    let _ = simulation.reactor(client).connect(address, &ConnectOptions::default(), for_protocol(make));
}
