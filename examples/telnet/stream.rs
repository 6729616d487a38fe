//! Joining the terminal and a connection that speaks telnet.

use std::any::Any;
use std::env;
use std::rc::Rc;

use ropewalk::{
    Address, ClientEndpoint, ConnectError, Layer, Policy, Protocol, ReactorHandle, Reason, Result,
    ServerEndpoint, StdioEndpoint, TelnetEvent, TelnetLayer, TelnetOption, Transport, for_protocol,
};

use crate::Ended;
use crate::terminal::Terminal;

/// Begins the conversation with `endpoint`.
pub(crate) fn join(reactor: &ReactorHandle, endpoint: &impl ClientEndpoint, ended: &Ended) {
    let (for_network, for_attempt) = (Rc::clone(ended), Rc::clone(ended));
    let factory = Telnet.around(for_protocol(move || Network::new(Rc::clone(&for_network))));
    let handle = reactor.clone();
    endpoint.connect(reactor, factory).then(move |result| match result {
        // Nobody but a signal does that.
        Ok(_) | Err(ConnectError::Cancelled { .. }) => {}
        Err(error) => {
            *for_attempt.borrow_mut() = Some(Err(error.into()));
            handle.stop();
        }
    });
}

/// Has telnet lie between the wire and the protocol.
struct Telnet;

impl Policy for Telnet {
    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        let terminal_type = env::var("TERM").unwrap_or_else(|_| "UNKNOWN".to_owned());
        layers.push(Box::new(TelnetLayer::client(terminal_type)));
        true
    }
}

/// What comes from the server.
struct Network {
    /// The connection with the terminal, once it stands.
    keyboard: Option<Transport>,
    terminal: Terminal,
    server_echoes: bool,
    nobody_goes_ahead: bool,
    ended: Ended,
}

impl Network {
    fn new(ended: Ended) -> Self {
        let terminal = Terminal::default();
        Self { keyboard: None, terminal, server_echoes: false, nobody_goes_ahead: false, ended }
    }

    fn option_changed(&mut self, option: TelnetOption, on: bool) {
        match option {
            TelnetOption::Echo => self.server_echoes = on,
            TelnetOption::SuppressGoAhead => self.nobody_goes_ahead = on,
            _ => return,
        }
        self.terminal.set(!self.server_echoes, !(self.server_echoes && self.nobody_goes_ahead));
    }
}

impl Protocol for Network {
    fn connection_made(&mut self, transport: &Transport) {
        // What the server says first waits for somebody who reads it.
        transport.pause_reading();
        let (network, ended) = (transport.clone(), Rc::clone(&self.ended));
        let keyboard = for_protocol(move || Keyboard { network: network.clone(), ended: Rc::clone(&ended) });
        if let Err(error) = StdioEndpoint::new().listen(transport.reactor(), keyboard) {
            transport.fail(error);
        }
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        match event.downcast::<TelnetEvent>() {
            Ok(event) => {
                if let TelnetEvent::PeerOption(option, on) = *event {
                    self.option_changed(option, on);
                }
            }
            Err(event) => {
                self.keyboard = event.downcast().ok().map(|keyboard| *keyboard);
                transport.resume_reading();
            }
        }
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if let Some(keyboard) = &self.keyboard {
            keyboard.write(data);
            transport.wait_for_room(keyboard);
        }
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        *self.ended.borrow_mut() = Some(Ok(()));
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        if !matches!(reason, Reason::Closed | Reason::Shutdown) {
            *self.ended.borrow_mut() = Some(Err(reason.to_string().into()));
        }
        // What was written to the terminal still reaches it.
        transport.reactor().stop();
    }
}

/// What comes from the terminal, or from whatever standard input is.
struct Keyboard {
    network: Transport,
    ended: Ended,
}

impl Protocol for Keyboard {
    fn connection_made(&mut self, transport: &Transport) {
        self.network.post(transport.clone());
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.network.write(data);
        transport.wait_for_room(&self.network);
        Ok(())
    }

    fn eof_received(&mut self, _: &Transport) -> Result {
        // The server may have more to say.
        *self.ended.borrow_mut() = Some(Ok(()));
        self.network.lose_write_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.network.lose_connection();
    }
}
