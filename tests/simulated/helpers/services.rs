//! The small services say what they say, once, and close.

use std::rc::Rc;

use ropewalk::simulation::{Simulation, simulate};
use ropewalk::{Chargen, Daytime, Discard, Echo, Factory, Qotd, Time, for_protocol};

use super::files::Client;
use super::{End, MILLISECOND, SECOND, Trouble, await_connection, connect, hosts};

/// What a client has heard of a service that says what it has to say and closes.
fn asked(simulation: &mut Simulation, factory: impl Fn() -> Box<dyn Factory> + 'static) -> End {
    let dice = simulation.dice();
    let pair = hosts(simulation, factory);
    let client = End::default();
    let (end, rests) = (client.clone(), dice.chance(0.3));
    connect(simulation, &pair, move || Client { end: end.clone(), rests });
    simulation.run_for(10_000 * SECOND);
    client
}

#[test]
fn a_quote_arrives_whole() {
    simulate(30, |simulation| {
        let quote = "To be or not to be. ".repeat(1 + simulation.dice().roll(25) as usize);
        let qotd = Qotd::new(&quote);
        let client = asked(simulation, move || {
            let qotd = qotd.clone();
            Box::new(for_protocol(move || qotd.clone()))
        });
        assert_eq!(String::from_utf8(client.data()).unwrap(), quote + "\r\n");
        assert!(client.ended_cleanly(), "{:?}", client.lost());
    });
}

#[test]
fn the_time_of_the_services_is_that_of_the_simulation() {
    simulate(30, |simulation| {
        let client = asked(simulation, || Box::new(for_protocol(|| Time)));
        let seconds = u32::from_be_bytes(client.data().try_into().unwrap());
        // The first second of 2026, in seconds since 1900; a lossy network may take its time.
        assert!((3_976_214_400..3_976_214_600).contains(&seconds), "{seconds}");
    });
    simulate(30, |simulation| {
        let client = asked(simulation, || Box::new(for_protocol(|| Daytime)));
        let text = String::from_utf8(client.data()).unwrap();
        assert!(text.starts_with("Thursday, January 1, 2026 00:0") && text.ends_with("-UTC\r\n"), "{text}");
    });
}

#[test]
fn characters_come_in_order_as_long_as_somebody_reads() {
    let line = |number: usize| -> Vec<u8> {
        let characters = (0..72).map(|column| b' ' + ((number + column) % 95) as u8);
        characters.chain(*b"\r\n").collect()
    };
    let expected: Vec<u8> = (0..95).flat_map(line).collect();
    simulate(30, |simulation| {
        let dice = simulation.dice();
        let pair = hosts(simulation, || Box::new(for_protocol(|| Chargen)));
        let client = End::default();
        let end = client.clone();
        connect(simulation, &pair, move || Client { end: end.clone(), rests: true });
        simulation.run_for(MILLISECOND * (50 + dice.roll(2_000)) as u32);
        let trouble = Trouble::any(&dice);
        trouble.befalls(simulation, &pair, (&End::default(), &client));
        await_connection(simulation, &client);
        if let Some(transport) = client.transport() {
            transport.lose_connection();
        }
        simulation.run_for(10_000 * SECOND);
        let data = client.data();
        let pattern = expected.iter().cycle().take(data.len());
        assert!(data.iter().eq(pattern), "{trouble:?}: {} characters", data.len());
        if trouble == Trouble::None {
            assert_eq!(simulation.reactor_stats(&pair.0).connections, 0);
        }
    });
}

#[test]
fn what_is_echoed_is_what_was_sent_and_what_is_discarded_is_gone() {
    simulate(40, |simulation| {
        let dice = simulation.dice();
        let echoes = dice.chance(0.5);
        let pair = hosts(simulation, move || {
            if echoes { Box::new(for_protocol(|| Echo)) } else { Box::new(for_protocol(|| Discard)) }
        });
        let client = End::default();
        let end = client.clone();
        connect(simulation, &pair, move || Client { end: end.clone(), rests: false });
        await_connection(simulation, &client);
        let Some(transport) = client.transport() else { return };
        let sent: Rc<[u8]> = (0..dice.roll(20_000)).map(|_| dice.number() as u8).collect();
        transport.write(&sent);
        transport.lose_write_connection();
        simulation.run_for(10_000 * SECOND);
        assert!(client.data() == if echoes { &sent[..] } else { &[] });
        assert!(client.ended_cleanly(), "{:?}", client.lost());
    });
}
