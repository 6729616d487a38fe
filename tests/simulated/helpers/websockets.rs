//! WebSockets whose server drains or stops.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ropewalk::simulation::simulate;
use ropewalk::{
    CloseCode, Message, Reason, Result, WebSocket, WebSocketError, WebSocketProtocol, WebSocketReceiver,
    WebSocketUrl, for_protocol,
};

use super::{MILLISECOND, SECOND, connect, hosts};

struct Echo;

impl WebSocketProtocol for Echo {
    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        socket.send(message);
        Ok(())
    }
}

/// Talks all the time.
#[derive(Clone, Default)]
struct Guest(Rc<RefCell<Stay>>);

#[derive(Default)]
struct Stay {
    code: Option<CloseCode>,
    /// The connection ended in an orderly way, but without a farewell.
    was_left: bool,
}

impl WebSocketProtocol for Guest {
    fn opened(&mut self, socket: &WebSocket) {
        socket.send("hello");
    }

    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        socket.send(message);
        Ok(())
    }

    fn closing(&mut self, _: &WebSocket, code: Option<CloseCode>, _: &str) {
        self.0.borrow_mut().code = code;
    }

    fn connection_lost(&mut self, _: &ropewalk::Transport, reason: &Reason) {
        if let Reason::Error(error) = reason {
            self.0.borrow_mut().was_left = error.downcast_ref() == Some(&WebSocketError::NotClosed);
        }
    }
}

#[test]
fn nobody_is_left_without_a_farewell_when_a_server_drains_or_stops() {
    let told = Rc::new(Cell::new(0));
    let count = Rc::clone(&told);
    simulate(100, move |simulation| {
        let dice = simulation.dice();
        let pair = hosts(simulation, || Box::new(for_protocol(|| WebSocketReceiver::server(Echo))));
        let guests: Vec<Guest> = (0..1 + dice.roll(4)).map(|_| Guest::default()).collect();
        for guest in &guests {
            let url = "ws://server/".parse::<WebSocketUrl>().unwrap();
            let guest = guest.clone();
            connect(simulation, &pair, move || WebSocketReceiver::client(guest.clone(), &url));
        }
        simulation.run_for(MILLISECOND * dice.roll(3_000) as u32);
        let server = simulation.reactor(&pair.0);
        let ended = Rc::new(Cell::new(false));
        if dice.chance(0.5) {
            let end = Rc::clone(&ended);
            server.drain(10 * SECOND).then(move |_| end.set(true));
        } else {
            server.stop();
            ended.set(true);
        }
        simulation.run_for(10 * SECOND + MILLISECOND);
        assert!(ended.get(), "a drain ends in its time");
        simulation.run_for(1_000 * SECOND);
        for Guest(stay) in &guests {
            assert!(!stay.borrow().was_left);
            count.set(count.get() + usize::from(stay.borrow().code == Some(CloseCode::GOING_AWAY)));
        }
    });
    assert!(told.get() > 20 || std::env::var_os("SEED").is_some(), "{} guests were told", told.get());
}
