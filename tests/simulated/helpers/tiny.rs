//! Two ends of tinyproto that both transmit of their own accord hear everything once and in order.

use ropewalk::simulation::{Simulation, simulate};
use ropewalk::testing::Dice;
use ropewalk::{Reason, Result, TinyProtocol, TinyReceiver, Transmit, Transport, for_protocol};

use super::{End, MILLISECOND, SECOND, Trouble, await_connection, connect, hosts};

/// Hears messages, and now and then says something to one.
struct Talker {
    end: End,
    said: End,
    dice: Dice,
}

impl TinyProtocol for Talker {
    fn connection_made(&mut self, transport: &Transport) {
        self.end.made(transport);
        self.said.made(transport);
    }

    fn message_received(&mut self, _: &Transport, message: &[u8]) -> Result {
        self.end.hear(message);
        if self.dice.chance(0.2) {
            say(&self.said, &self.dice);
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.end.end(reason);
    }
}

/// Transmits a message, and notes it.
fn say(said: &End, dice: &Dice) {
    if let Some(transport) = said.transport() {
        let message = dice.bytes(*dice.pick(&[0, 10, 300, 5_000]));
        said.hear(&message);
        transport.transmit(message);
    }
}

/// What one end has heard, and what it has said.
#[derive(Clone, Default)]
struct Talk {
    heard: End,
    said: End,
}

impl Talk {
    fn talker(&self, seed: u64) -> Talker {
        Talker { end: self.heard.clone(), said: self.said.clone(), dice: Dice::new(seed) }
    }
}

fn talk(simulation: &mut Simulation) -> (Talk, Talk, Trouble) {
    // Some of these networks are slower than anybody waits for.
    let patience = 100_000 * SECOND;
    let (server, client) = (Talk::default(), Talk::default());
    let seed = simulation.dice().number();
    let talk = server.clone();
    let pair = hosts(simulation, move || {
        let talk = talk.clone();
        let receiver = move || TinyReceiver::server(talk.talker(seed)).collision_timeout(patience);
        Box::new(for_protocol(receiver))
    });
    let talk = client.clone();
    let receiver = move || TinyReceiver::client(talk.talker(seed + 1)).collision_timeout(patience);
    connect(simulation, &pair, receiver);
    let (dice, trouble) = (simulation.dice(), Trouble::any(&simulation.dice()));
    let rounds = 1 + dice.roll(20);
    let troubled = dice.roll(rounds);
    for round in 0..rounds {
        if round == troubled {
            trouble.befalls(simulation, &pair, (&server.heard, &client.heard));
        }
        for _ in 0..dice.roll(8) {
            say(&client.said, &dice);
            say(&server.said, &dice);
        }
        simulation.run_for(MILLISECOND * dice.roll(200) as u32);
    }
    await_connection(simulation, &client.heard);
    simulation.run_for(20_000 * SECOND);
    if let Some(transport) = client.heard.transport() {
        transport.close_after_transmission();
    }
    simulation.run_for(10_000 * SECOND);
    (server, client, trouble)
}

#[test]
fn both_ends_talk_all_the_time_and_everything_arrives_once_and_in_order() {
    simulate(150, |simulation| {
        let (server, client, trouble) = talk(simulation);
        for (hears, says) in [(&server, &client), (&client, &server)] {
            let (heard, said) = (hears.heard.messages(), says.said.messages());
            assert!(said.starts_with(&heard), "{trouble:?}");
            let both_clean = server.heard.ended_cleanly() && client.heard.ended_cleanly();
            if both_clean || (trouble == Trouble::None && client.heard.transport().is_some()) {
                assert!(both_clean, "{:?} and {:?}", server.heard.lost(), client.heard.lost());
                assert_eq!(heard.len(), said.len(), "{trouble:?}");
            }
        }
    });
}
