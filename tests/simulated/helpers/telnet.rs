//! Telnet between hosts: what is agreed on comes in its place among the data, whatever the network does.

use std::any::Any;
use std::net::SocketAddr;
use std::time::Duration;

use ropewalk::simulation::{Host, Simulation, simulate};
use ropewalk::testing::{Dice, Memory};
use ropewalk::{
    Address, ConnectOptions, Factory, Layer, ListenOptions, Policy, Protocol, Reason, Result, TelnetEvent,
    TelnetLayer, TelnetOption, TelnetTransport, TimerKey, Transport, for_protocol,
};

use super::{End, MILLISECOND, PORT, SECOND, Trouble, await_connection, hosts};
use crate::examples::chat::chat;
use crate::examples::login::login;
use crate::examples::member::Member;

const LINES: usize = 10;

/// Has telnet lie between the wire and a client's protocol.
struct Telnet;

impl Policy for Telnet {
    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        layers.push(Box::new(TelnetLayer::client("XTERM")));
        true
    }
}

fn connect(simulation: &mut Simulation, host: &Host, server: &Host, factory: impl Factory + 'static) {
    let address = (server.address(), PORT);
    let _ = simulation.reactor(host).connect(address, &ConnectOptions::default(), factory);
}

/// Somebody who answers what the server asks, and looks at whether what is typed would be shown.
struct Person {
    end: End,
    dice: Dice,
    heard: Vec<u8>,
    /// How much of that was answered.
    answered: usize,
    server_echoes: bool,
    said: usize,
}

impl Person {
    /// What to say to what has come since the last answer.
    fn answer(&mut self, transport: &Transport) {
        while let Some((prompt, answer)) = self.next_answer() {
            assert_eq!(self.server_echoes, prompt == "Password: ", "what is typed at {prompt:?}");
            self.answered += place(&self.heard[self.answered..], prompt).unwrap() + prompt.len();
            match answer {
                Some(answer) => transport.write(answer),
                None => transport.lose_write_connection(),
            }
        }
    }

    fn next_answer(&mut self) -> Option<(&'static str, Option<String>)> {
        let rest = &self.heard[self.answered..];
        let has = |text| place(rest, text).is_some();
        if has("Name: ") {
            Some(("Name: ", Some("joe\n".to_owned())))
        } else if has("Password: ") {
            self.said += 1;
            Some(("Password: ", Some(if self.said == 1 { "wrong\n" } else { "hemp\n" }.to_owned())))
        } else if has("Welcome, joe!\r\n") {
            self.said = 0;
            Some(("Welcome, joe!\r\n", Some("line 0\n".to_owned())))
        } else if has("joe: line") && has("\r\n") {
            self.said += 1;
            Some(("\r\n", (self.said < LINES).then(|| format!("line {}\n", self.said))))
        } else {
            None
        }
    }
}

fn place(heard: &[u8], text: &str) -> Option<usize> {
    heard.windows(text.len()).position(|window| window == text.as_bytes())
}

/// All that somebody hears who logs in at the second attempt.
fn whole_conversation() -> String {
    let lines = (0..LINES).map(|number| format!("joe: line {number}\r\n"));
    let login = "Name: Password: \r\nThat is not the password.\r\nName: Password: \r\nWelcome, joe!\r\n";
    login.chars().chain(lines.collect::<String>().chars()).collect()
}

impl Protocol for Person {
    fn connection_made(&mut self, transport: &Transport) {
        self.end.made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.end.hear(data);
        self.heard.extend_from_slice(data);
        self.answer(transport);
        if self.dice.chance(0.1) {
            transport.pause_reading();
            let _ = transport.set_timer(MILLISECOND * self.dice.roll(20_000) as u32);
        }
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.resume_reading();
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        if let Some(TelnetEvent::PeerOption(TelnetOption::Echo, on)) = event.downcast_ref() {
            self.server_echoes = *on;
        }
        if self.dice.chance(0.1) {
            transport.pause_reading();
            let _ = transport.set_timer(MILLISECOND * self.dice.roll(20_000) as u32);
        }
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.end.end(reason);
    }
}

/// For a while nothing gets through, perhaps.
fn outage(simulation: &mut Simulation, (server, client): &(Host, Host)) {
    let dice = simulation.dice();
    if dice.chance(0.5) {
        simulation.partition(&[server], &[client]);
        simulation.run_for(MILLISECOND * dice.roll(60_000) as u32);
        simulation.heal();
    }
}

#[test]
fn who_logs_in_hears_the_same_whatever_befalls_and_no_password_is_shown() {
    let whole = whole_conversation();
    simulate(150, |simulation| {
        let dice = simulation.dice();
        let (server, client) = (End::default(), End::default());
        let pair = hosts(simulation, || Box::new(login("hemp".into())));
        let (end, seed) = (client.clone(), dice.number());
        let person = for_protocol(move || {
            let (end, dice) = (end.clone(), Dice::new(seed));
            Person { end, dice, heard: Vec::new(), answered: 0, server_echoes: false, said: 0 }
        });
        connect(simulation, &pair.1, &pair.0, Telnet.around(person));
        for _ in 0..dice.roll(3) {
            simulation.run_for(MILLISECOND * dice.roll(2_000) as u32);
            outage(simulation, &pair);
        }
        let trouble = Trouble::any(&dice);
        trouble.befalls(simulation, &pair, (&server, &client));
        simulation.run_for(10_000 * SECOND);
        let heard = String::from_utf8(client.data()).unwrap();
        assert!(whole.starts_with(&heard), "{trouble:?}: {heard:?}");
        if trouble == Trouble::None && client.transport().is_some() {
            assert_eq!(heard, whole);
            assert!(client.ended_cleanly(), "{:?}", client.lost());
            assert_eq!(simulation.reactor_stats(&pair.0).connections, 0);
        }
    });
}

/// Notes what comes, without telnet.
struct Wire(End);

impl Protocol for Wire {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.made(transport);
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.hear(data);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.0.end(reason);
    }
}

/// What a login answers to input that comes at once.
fn answers_in_memory(input: &[u8]) -> Vec<u8> {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let address = SocketAddr::from(([127, 0, 0, 1], PORT));
    reactor.listen(address, ListenOptions::default(), login("hemp".into())).unwrap();
    memory.settle(&mut reactor);
    let peer = memory.connect(address).unwrap();
    peer.send(input);
    memory.settle(&mut reactor);
    peer.received()
}

/// Commands of all kinds, keys and lines.
fn typed(dice: &Dice) -> Vec<u8> {
    const PARTS: [&[u8]; 16] = [
        b"\xff\xfd\x03\xff\xfd\x01", // DO SUPPRESS-GO-AHEAD, DO ECHO: each key is sent
        b"\xff\xfe\x03\xff\xfe\x01", // and back to lines
        b"\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0", // WILL NAWS, and the size
        b"\xff\xfb\x18\xff\xfa\x18\0XTERM\xff\xf0", // WILL TERMINAL-TYPE, and its name
        b"\xff\xfd\x22\xff\xfb\x22\xff\xfe\x22\xff\xfc\x22", // what is not known
        b"\xff\xf6",                 // are you there
        b"\xff\xf7",                 // erase character
        b"\xff\xf8",                 // erase line
        b"\xff\xff",
        b"joe\r\n",
        b"hemp\r\n",
        b"jof\x7fe\r\0",
        b"hemmp\x15hemp\r\0",
        b"hello",
        b"\r\n",
        b"\r",
    ];
    (0..dice.roll(40)).flat_map(|_| dice.pick(&PARTS).to_vec()).collect()
}

#[test]
fn commands_and_keys_do_the_same_over_a_rough_network_as_in_memory() {
    simulate(150, |simulation| {
        let dice = simulation.dice();
        let (server, client) = (End::default(), End::default());
        let pair = hosts(simulation, || Box::new(login("hemp".into())));
        let input = typed(&dice);
        let expected = answers_in_memory(&input);
        let end = client.clone();
        connect(simulation, &pair.1, &pair.0, for_protocol(move || Wire(end.clone())));
        await_connection(simulation, &client);
        let Some(transport) = client.transport() else { return };
        let (mut rest, troubled) = (&input[..], dice.roll(20));
        let trouble = Trouble::any(&dice);
        for round in 0.. {
            if round == troubled {
                trouble.befalls(simulation, &pair, (&server, &client));
            }
            if rest.is_empty() && round >= troubled {
                break;
            }
            let (piece, later) = rest.split_at(rest.len().min(dice.roll(20) as usize));
            transport.write(piece);
            rest = later;
            simulation.run_for(MILLISECOND * dice.roll(300) as u32);
            if dice.chance(0.1) {
                outage(simulation, &pair);
            }
        }
        simulation.run_for(Duration::from_secs(3_000));
        let heard = client.data();
        assert!(expected.starts_with(&heard), "{trouble:?}: {}", heard.escape_ascii());
        // Whoever goes on after the third wrong password may be reset before all was heard.
        if trouble == Trouble::None && client.lost().is_none_or(|(_, is_clean)| is_clean) {
            assert_eq!(heard.escape_ascii().to_string(), expected.escape_ascii().to_string());
        }
    });
}

/// People who are by telnet in a chat, and whose clients negotiate while they talk.
#[test]
fn negotiation_disturbs_no_conversation() {
    const LINES: usize = 30;
    simulate(40, |simulation| {
        let dice = simulation.dice();
        let (server, first) = hosts(simulation, || Box::new(chat()));
        let mut people = Vec::new();
        for (number, host) in [first, simulation.host("second", |_| Ok(()))].into_iter().enumerate() {
            let (member, name) = (Member::default(), format!("member {number}"));
            let ears = member.clone();
            let factory = for_protocol(move || ears.protocol(&name, false));
            connect(simulation, &host, &server, Telnet.around(factory));
            people.push((member, host));
        }
        let members: Vec<Member> = people.iter().map(|(member, _)| member.clone()).collect();
        if !simulation.run_until(1_000 * SECOND, |_| members.iter().all(Member::is_welcome)) {
            return;
        }
        for line in 0..LINES {
            for (number, member) in members.iter().enumerate() {
                if dice.chance(0.5) {
                    member.transport().ask_for_terminal();
                }
                if dice.chance(0.5) {
                    member.transport().set_character_mode(dice.chance(0.5));
                }
                member.say(&format!("line {line} of {number}"));
            }
            simulation.run_for(MILLISECOND * dice.roll(500) as u32);
            if dice.chance(0.1) {
                let (_, host) = dice.pick(&people);
                outage(simulation, &(server.clone(), host.clone()));
            }
        }
        simulation.run_for(1_000 * SECOND);
        for (hears, says) in [(0, 1), (1, 0)] {
            let expected: Vec<_> = (0..LINES).map(|line| format!("line {line} of {says}")).collect();
            assert_eq!(members[hears].heard_from(&format!("member {says}")), expected);
        }
    });
}
