//! A server that tells many the same, some of whom do not listen.

use ropewalk::simulation::{Host, Simulation};
use ropewalk::{
    ConnectOptions, EncodedMessage, Limits, ListenOptions, MessageKind, WebSocketReceiver, for_protocol,
};

use super::{Ears, End, MILLISECOND, PORT, SECOND, exact, idle};

/// A server with one end for each client.
struct Room {
    simulation: Simulation,
    server: Host,
    members: Vec<End>,
    clients: Vec<End>,
}

impl Room {
    fn new(clients: usize, output_max: usize) -> Self {
        let mut simulation = Simulation::new(1);
        simulation.set_default_link(exact(MILLISECOND));
        let members: Vec<End> = (0..clients).map(|_| End::default()).collect();
        let ends = members.clone();
        let server = simulation.host("server", move |reactor| {
            let mut limits = Limits::default();
            limits.output = output_max;
            reactor.set_default_limits(limits);
            let free = std::cell::RefCell::new(ends.clone().into_iter());
            let factory = for_protocol(move || {
                let end = free.borrow_mut().next().expect("no more come than there is room for");
                WebSocketReceiver::server(Ears::new(&end))
            });
            reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), factory)?;
            Ok(())
        });
        let host = simulation.host("clients", idle);
        let mut ends = Vec::new();
        for _ in 0..clients {
            let end = End::default();
            let ears = end.clone();
            let url = "ws://server/".parse().unwrap();
            let factory = for_protocol(move || WebSocketReceiver::client(Ears::new(&ears), &url));
            let reactor = simulation.reactor(&host);
            let _ = reactor.connect((server.address(), PORT), &ConnectOptions::default(), factory);
            // One by one, so that the ends are in the same order at both hosts.
            simulation.run_for(10 * MILLISECOND);
            ends.push(end);
        }
        Self { simulation, server, members, clients: ends }
    }

    fn tell_all(&mut self, text: &str) {
        let message = EncodedMessage::new(text);
        self.members.iter().for_each(|member| member.socket().send_encoded(&message));
        self.simulation.run_for(5 * MILLISECOND);
    }
}

fn news(number: usize) -> String {
    format!("{number} {}", "n".repeat(10_000))
}

fn all_news(count: usize) -> Vec<(MessageKind, Vec<u8>)> {
    (0..count).map(|number| (MessageKind::Text, news(number).into_bytes())).collect()
}

#[test]
fn who_does_not_listen_delays_nobody_and_hears_everything_in_the_end() {
    const NEWS: usize = 100;
    let mut room = Room::new(10, 16 * 1024 * 1024);
    room.clients[0].socket().transport().pause_reading();
    for number in 0..NEWS {
        room.tell_all(&news(number));
        let counts: Vec<usize> = room.clients[1..].iter().map(End::count).collect();
        assert_eq!(counts, [number + 1; 9], "all others have heard it within its turn and its way");
    }
    assert_eq!(room.clients[0].count(), 0);
    assert!(room.members[0].socket().transport().buffered() > 500_000);
    room.clients[0].socket().transport().resume_reading();
    room.simulation.run_for(SECOND);
    for client in &room.clients {
        assert!(client.0.borrow().messages == all_news(NEWS));
    }
    assert_eq!(room.simulation.reactor_stats(&room.server).output_buffered, 0);
}

#[test]
fn who_does_not_listen_for_too_long_is_dropped_alone() {
    const OUTPUT_MAX: usize = 200_000;
    let mut room = Room::new(5, OUTPUT_MAX);
    room.clients[0].socket().transport().pause_reading();
    for number in 0..100 {
        room.tell_all(&news(number));
        assert!(room.simulation.reactor_stats(&room.server).output_buffered <= OUTPUT_MAX);
    }
    let reason = room.members[0].reason().unwrap();
    assert!(reason.contains("200000") || reason.contains("200,000"), "{reason}");
    for client in &room.clients[1..] {
        assert!(client.0.borrow().messages == all_news(100) && client.lost().is_none());
    }
    room.clients[0].socket().transport().resume_reading();
    room.simulation.run_for(SECOND);
    assert!(room.clients[0].lost().is_some());
    let heard = room.clients[0].count();
    assert!(room.clients[0].0.borrow().messages == all_news(heard), "what it has heard is whole");
}
