//! Joining the terminal and a connection that speaks telnet.

use std::any::Any;
use std::env;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{
    Address, ClientEndpoint, ConnectError, Layer, Policy, Protocol, ReactorHandle, Reason, Result,
    ServerEndpoint, StdioEndpoint, TelnetEvent, TelnetLayer, TelnetOption, TelnetTransport, TimerKey,
    Transport, for_protocol,
};

use crate::Ended;
use crate::terminal::{Terminal, window_size};

/// How often somebody looks whether the window has another size, if the server wants to know it.
const GLANCE: Duration = Duration::from_millis(500);

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
    /// Runs while the server wants to know how large the window is.
    glance: Option<TimerKey>,
    ended: Ended,
}

impl Network {
    fn new(ended: Ended) -> Self {
        let terminal = Terminal::default();
        Self { keyboard: None, terminal, server_echoes: false, nobody_goes_ahead: false, glance: None, ended }
    }

    fn server_option_changed(&mut self, option: TelnetOption, on: bool) {
        match option {
            TelnetOption::Echo => self.server_echoes = on,
            TelnetOption::SuppressGoAhead => self.nobody_goes_ahead = on,
            _ => return,
        }
        self.terminal.set(!self.server_echoes, !(self.server_echoes && self.nobody_goes_ahead));
    }

    fn watch_window(&mut self, transport: &Transport, on: bool) {
        if let Some(glance) = self.glance.take() {
            transport.cancel_timer(glance);
        }
        self.glance = on.then(|| transport.set_timer(GLANCE));
    }
}

/// The server hears of it if it wants to, and if it does not know it yet.
fn tell_window_size(transport: &Transport) {
    if let Some((columns, rows)) = window_size() {
        transport.set_window_size(columns, rows);
    }
}

impl Protocol for Network {
    fn connection_made(&mut self, transport: &Transport) {
        tell_window_size(transport);
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
            Ok(event) => match *event {
                TelnetEvent::PeerOption(option, on) => self.server_option_changed(option, on),
                TelnetEvent::OwnOption(TelnetOption::WindowSize, on) => self.watch_window(transport, on),
                _ => {}
            },
            Err(event) => {
                self.keyboard = event.downcast().ok().map(|keyboard| *keyboard);
                transport.resume_reading();
            }
        }
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        tell_window_size(transport);
        self.glance = Some(transport.set_timer(GLANCE));
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
