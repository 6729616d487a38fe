//! Programs for hosts, and protocols that note what they hear.

use std::cell::RefCell;
use std::error::Error;
use std::net::IpAddr;
use std::rc::Rc;

use ropewalk::simulation::{Host, Simulation};
use ropewalk::{
    ConnectOptions, ConnectResult, Deferred, Factory, ListenOptions, Protocol, ReactorHandle, Reason, Result,
    Transport, for_protocol,
};

/// The port that servers listen on.
pub(crate) const PORT: u16 = 7;

/// What a protocol has heard.
#[derive(Clone, Default)]
pub(crate) struct Heard(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    data: Vec<u8>,
    end_of_input: bool,
    lost: Option<String>,
    transport: Option<Transport>,
}

impl Heard {
    pub(crate) fn data(&self) -> Vec<u8> {
        self.0.borrow().data.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.borrow().data.len()
    }

    pub(crate) fn is_made(&self) -> bool {
        self.0.borrow().transport.is_some()
    }

    pub(crate) fn lost(&self) -> Option<String> {
        self.0.borrow().lost.clone()
    }

    pub(crate) fn end_of_input(&self) -> bool {
        self.0.borrow().end_of_input
    }

    pub(crate) fn transport(&self) -> Transport {
        self.0.borrow().transport.clone().expect("a connection was made")
    }

    /// The protocol has its connection.
    pub(crate) fn made(&self, transport: &Transport) {
        self.0.borrow_mut().transport = Some(transport.clone());
    }

    pub(crate) fn hear(&self, data: &[u8]) {
        self.0.borrow_mut().data.extend_from_slice(data);
    }

    /// The connection has ended, or was never made.
    pub(crate) fn end(&self, reason: String) {
        self.0.borrow_mut().lost = Some(reason);
    }
}

/// Notes what it hears; at the end of input it closes.
pub(crate) struct Listener(pub(crate) Heard);

impl Protocol for Listener {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.made(transport);
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.hear(data);
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.0.0.borrow_mut().end_of_input = true;
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.0.end(reason.to_string());
    }
}

/// Answers with what it hears.
pub(crate) struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

/// A program that serves echoes.
pub(crate) fn echo_server(reactor: &ReactorHandle) -> Result<(), Box<dyn Error>> {
    reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), for_protocol(|| Echo))?;
    Ok(())
}

/// A program that waits to be told what to do.
pub(crate) fn idle(_: &ReactorHandle) -> Result<(), Box<dyn Error>> {
    Ok(())
}

/// Has `host` connect, and returns what its protocol hears.
pub(crate) fn connect(simulation: &mut Simulation, host: &Host, address: IpAddr) -> Heard {
    hear(|factory| simulation.reactor(host).connect((address, PORT), &ConnectOptions::default(), factory))
}

/// What a protocol hears, or in its place the error that there is none.
pub(crate) fn hear(connect: impl FnOnce(Rc<dyn Factory>) -> Deferred<ConnectResult>) -> Heard {
    let heard = Heard::default();
    let (protocol, failed) = (heard.clone(), heard.clone());
    connect(Rc::new(for_protocol(move || Listener(protocol.clone())))).then(move |result| {
        if let Err(error) = result {
            failed.end(error.to_string());
        }
    });
    heard
}
