//! Messages of all sizes, whole and in fragments, over networks of all kinds: each comes once, in order, as it was sent.

use ropewalk::simulation::{Faults, Link, Simulation, simulate};
use ropewalk::testing::Dice;
use ropewalk::{CloseCode, Delivery, EncodedMessage, Message, MessageKind};

use super::{CLEAN, End, MILLISECOND, Pair, SECOND, plain};

/// What was said to one end.
#[derive(Default)]
struct Said {
    messages: Vec<(MessageKind, Vec<u8>)>,
    pings: Vec<Vec<u8>>,
}

/// Lengths around those at which the header changes, and some in between.
const LENGTHS: [usize; 9] = [0, 1, 125, 126, 127, 2_000, 65_535, 65_536, 80_000];

fn text(dice: &Dice, characters: usize) -> String {
    (0..characters).map(|_| *dice.pick(&['a', ' ', '\u{e9}', '\u{20ac}', '\u{1f9f5}'])).collect()
}

fn bytes(dice: &Dice, length: usize) -> Vec<u8> {
    (0..length).map(|_| dice.number() as u8).collect()
}

/// Says something through this end.
fn say(end: &End, said: &mut Said, dice: &Dice) {
    let (socket, length) = (end.socket(), *dice.pick(&LENGTHS));
    match dice.roll(6) {
        0 => {
            let text = text(dice, length.min(10_000));
            socket.send(&text);
            said.messages.push((MessageKind::Text, text.into()));
        }
        1 => {
            let bytes = bytes(dice, length);
            socket.send_encoded(&EncodedMessage::new(&bytes));
            said.messages.push((MessageKind::Binary, bytes));
        }
        2 => {
            let mut whole = text(dice, 5);
            let mut message = socket.begin(MessageKind::Text).unwrap();
            message.send(&whole);
            // This waits for the end of the message.
            socket.send("between");
            for _ in 0..dice.roll(5) {
                let piece = text(dice, dice.roll(300) as usize);
                whole += &piece;
                message.send(&piece);
                ping(end, said, dice);
            }
            message.finish("");
            said.messages.push((MessageKind::Text, whole.into()));
            said.messages.push((MessageKind::Text, b"between".to_vec()));
        }
        3 => ping(end, said, dice),
        _ => {
            let bytes = bytes(dice, length);
            socket.send(Message::Binary(&bytes));
            said.messages.push((MessageKind::Binary, bytes));
        }
    }
}

fn ping(end: &End, said: &mut Said, dice: &Dice) {
    let payload = dice.bytes(dice.roll(126) as usize);
    end.socket().ping(&payload).unwrap();
    said.pings.push(payload);
}

fn rough(simulation: &mut Simulation) {
    let dice = simulation.dice();
    let mut link = Link::default();
    link.jitter = MILLISECOND * dice.roll(100) as u32;
    link.loss = if dice.chance(0.5) { dice.roll(20) as f64 / 100.0 } else { 0.0 };
    link.buffer = *dice.pick(&[500, 10_000, 256 * 1024]);
    simulation.set_default_link(link);
}

#[test]
fn each_message_comes_once_and_in_order() {
    simulate(100, |simulation| {
        rough(simulation);
        let dice = simulation.dice();
        let delivery = if dice.chance(0.5) { Delivery::Whole } else { Delivery::Pieces };
        let slow = |receiver: super::WebSocketReceiver<_>| {
            receiver.handshake_timeout(1_000 * SECOND).close_timeout(10_000 * SECOND)
        };
        let pair = Pair::connect(simulation, slow, slow, delivery);
        for host in [&pair.server, &pair.client] {
            if dice.chance(0.5) {
                simulation.set_faults(host, Faults::rough());
            }
        }
        let opens = |_: &mut Simulation| pair.at_server.is_open() && pair.at_client.is_open();
        if !simulation.run_until(1_000 * SECOND, opens) {
            // The attempt to connect has a time, too.
            return;
        }
        let (mut by_server, mut by_client) = (Said::default(), Said::default());
        for _ in 0..10 {
            for (end, said) in [(&pair.at_server, &mut by_server), (&pair.at_client, &mut by_client)] {
                if dice.chance(0.7) {
                    say(end, said, &dice);
                }
            }
            simulation.run_for(MILLISECOND * dice.roll(300) as u32);
            if dice.chance(0.1) {
                simulation.partition(&[&pair.server], &[&pair.client]);
                simulation.run_for(SECOND * dice.roll(50) as u32);
                simulation.heal();
            }
        }
        simulation.run_for(10_000 * SECOND);
        pair.at_client.socket().close(CloseCode::NORMAL, "that is all");
        simulation.run_for(20_000 * SECOND);
        assert_heard(&pair.at_server, &by_client, &by_server);
        assert_heard(&pair.at_client, &by_server, &by_client);
        let closing = [(Some(1000), "that is all".to_owned())];
        assert_eq!(
            (&*pair.at_server.0.borrow().closing, &*pair.at_client.0.borrow().closing),
            (&closing[..], &closing[..])
        );
    });
}

/// An end has heard what the other has said, and the answers to its own pings.
fn assert_heard(end: &End, by_other: &Said, by_itself: &Said) {
    let heard = end.0.borrow();
    let lengths =
        |messages: &[(_, Vec<u8>)]| messages.iter().map(|(_, bytes)| bytes.len()).collect::<Vec<_>>();
    assert!(
        heard.messages == by_other.messages,
        "{:?} instead of {:?}",
        lengths(&heard.messages),
        lengths(&by_other.messages)
    );
    assert_eq!(heard.pieces, None);
    assert_eq!(heard.pings.len(), by_other.pings.len());
    assert!(heard.pongs == by_itself.pings);
    assert_eq!(heard.lost.as_ref().map(|(_, reason)| reason.as_str()), Some(CLEAN));
}

#[test]
fn a_partition_in_mid_message_only_delays_it() {
    let mut simulation = Simulation::new(1);
    let pair = Pair::open(&mut simulation, plain, plain);
    let mut link = Link::default();
    link.bandwidth = Some(100_000);
    simulation.set_default_link(link);
    let message = bytes(&simulation.dice(), 1_000_000);
    pair.at_client.socket().send(&message);
    simulation.run_for(3 * SECOND);
    simulation.partition(&[&pair.server], &[&pair.client]);
    simulation.run_for(60 * SECOND);
    assert_eq!(pair.at_server.count(), 0);
    simulation.heal();
    simulation.run_for(100 * SECOND);
    assert!(pair.at_server.0.borrow().messages == [(MessageKind::Binary, message)]);
}

#[test]
fn half_a_message_is_none() {
    let mut simulation = Simulation::new(2);
    let pair = Pair::open(&mut simulation, |receiver| receiver.heartbeat(10 * SECOND), plain);
    let mut link = Link::default();
    link.bandwidth = Some(100_000);
    simulation.set_default_link(link);
    pair.at_client.socket().send("whole");
    pair.at_client.socket().send(&vec![b'x'; 1_000_000]);
    simulation.run_for(3 * SECOND);
    simulation.kill(&pair.client);
    simulation.run_for(100 * SECOND);
    assert_eq!(pair.at_server.0.borrow().messages, [(MessageKind::Text, b"whole".to_vec())]);
    let reason = pair.at_server.reason().unwrap();
    assert!(reason.contains("without a close frame") || reason.contains("reset"), "{reason}");
    assert_eq!(simulation.reactor_stats(&pair.server).connections, 0);
}
