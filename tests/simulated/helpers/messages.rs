//! Messages arrive in order, and all of them if both ends say that all went well.

use ropewalk::for_protocol;
use ropewalk::simulation::{Simulation, simulate};

use super::formats::{Format, Manners};
use super::{End, MILLISECOND, SECOND, Trouble, await_connection, connect, hosts};

/// A conversation: the client sends, the server sends back.
struct Conversation {
    format: Format,
    server: End,
    client: End,
    sent: Vec<Vec<u8>>,
    trouble: Trouble,
}

fn manners(simulation: &Simulation, answers: bool) -> Manners {
    let dice = simulation.dice();
    let rests_after = dice.chance(0.3).then(|| 1 + dice.roll(10));
    Manners { answers, rests_after }
}

fn converse(simulation: &mut Simulation, format: Format) -> Conversation {
    let (server, client) = (End::default(), End::default());
    let (of_server, of_client) = (manners(simulation, true), manners(simulation, false));
    let end = server.clone();
    let pair = hosts(simulation, move || {
        let end = end.clone();
        Box::new(for_protocol(move || format.protocol(&end, of_server)))
    });
    let end = client.clone();
    connect(simulation, &pair, move || format.protocol(&end, of_client));
    let (dice, trouble) = (simulation.dice(), Trouble::any(&simulation.dice()));
    let rounds = 1 + dice.roll(20);
    let troubled = dice.roll(rounds + 5);
    let mut sent = Vec::new();
    for round in 0..rounds {
        if round == troubled {
            trouble.befalls(simulation, &pair, (&server, &client));
        }
        if let Some(transport) = client.transport() {
            for _ in 0..dice.roll(8) {
                let message = format.message(&dice);
                format.send(&transport, &message);
                sent.push(message);
            }
        }
        simulation.run_for(MILLISECOND * dice.roll(200) as u32);
    }
    if troubled >= rounds {
        trouble.befalls(simulation, &pair, (&server, &client));
        simulation.run_for(MILLISECOND * dice.roll(100) as u32);
    }
    await_connection(simulation, &client);
    if let Some(transport) = client.transport() {
        transport.lose_write_connection();
    }
    simulation.run_for(10_000 * SECOND);
    Conversation { format, server, client, sent, trouble }
}

impl Conversation {
    fn is_as_promised(&self) {
        let (heard, echoed) = (self.server.messages(), self.client.messages());
        let (format, trouble) = (self.format, self.trouble);
        assert!(self.sent.starts_with(&heard), "{format:?}, {trouble:?}: the server hears what was sent");
        assert!(heard.starts_with(&echoed), "{format:?}, {trouble:?}: the client hears what the server did");
        if self.server.ended_cleanly() && self.client.ended_cleanly() {
            assert_eq!(heard.len(), self.sent.len(), "{format:?}, {trouble:?}");
            assert_eq!(echoed.len(), self.sent.len(), "{format:?}, {trouble:?}");
        }
        if self.trouble == Trouble::None && self.client.transport().is_some() {
            assert!(self.server.ended_cleanly() && self.client.ended_cleanly(), "{:?}", self.client.lost());
        }
    }
}

#[test]
fn messages_arrive_in_order_whatever_befalls_hosts_and_network() {
    simulate(150, |simulation| {
        let dice = simulation.dice();
        let format = Format::ALL[dice.roll(5) as usize];
        converse(simulation, format).is_as_promised();
    });
}
