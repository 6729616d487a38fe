//! Two ends that compress for each other.

use ropewalk_protocols::{DeflateOptions, EncodedMessage, MessageKind, WebSocketReceiver};
use ropewalk_reactor::testing::{Events, Probe};

use crate::world::{Listens, act};

/// A server's and a client's end, and what the client hears.
struct Pair {
    server: Probe,
    client: Probe,
    heard: Events,
    /// How many bytes the server has sent.
    sent: usize,
}

impl Pair {
    fn new(server: DeflateOptions, client: DeflateOptions) -> Self {
        let url = "ws://server.example/".parse().unwrap();
        let heard = Events::new();
        let limit = 16 * 1024 * 1024;
        let server = WebSocketReceiver::server(Listens::echo(&Events::new())).deflate(server);
        let client = WebSocketReceiver::client(Listens::new(&heard), &url).deflate(client);
        let [server, client] = [Probe::new(server.max_message(limit)), Probe::new(client.max_message(limit))];
        let mut pair = Self { server, client, heard, sent: 0 };
        pair.carry();
        assert_eq!(pair.heard.take(), ["opened "]);
        pair.sent = 0;
        pair
    }

    /// Carries bytes to and fro until both are silent.
    fn carry(&mut self) {
        loop {
            let (up, down) = (self.client.written(), self.server.written());
            if up.is_empty() && down.is_empty() {
                return;
            }
            self.sent += down.len();
            up.chunks(50_000).for_each(|part| self.server.deliver(part));
            down.chunks(50_000).for_each(|part| self.client.deliver(part));
        }
    }

    /// The server sends back what the client sends.
    #[track_caller]
    fn check_echo(&mut self, message: Vec<u8>) {
        let expected = format!("binary {}", message.escape_ascii());
        act(&mut self.client, move |socket| socket.send(&message));
        self.carry();
        assert!(self.heard.take() == [expected]);
    }
}

/// Bytes that compress somewhat.
fn words(length: usize) -> Vec<u8> {
    (0..length / 7 + 1)
        .flat_map(|place| format!("{:07}", place * place % 9_973).into_bytes())
        .take(length)
        .collect()
}

#[test]
fn what_is_sent_comes_back_for_all_options_and_lengths() {
    for (server, client) in [(false, false), (false, true), (true, false), (true, true)] {
        for level in [1, 9] {
            let options =
                |takeover| DeflateOptions::new().context_takeover(takeover).level(level).threshold(0);
            let mut pair = Pair::new(options(server), options(client));
            for length in [0, 1, 5, 124, 125, 126, 4_000, 65_535, 65_536] {
                pair.check_echo(words(length));
                pair.check_echo(vec![7; length]);
            }
            let sent: usize = [4_000, 65_535, 65_536].iter().sum();
            assert!(pair.sent < sent * 3 / 2, "{} bytes sent", pair.sent);
        }
    }
}

#[test]
fn with_context_takeover_what_is_said_again_costs_little() {
    let options = DeflateOptions::new().threshold(0);
    let cost = |takeover: bool| {
        let mut pair = Pair::new(options.context_takeover(takeover), options.context_takeover(takeover));
        pair.check_echo(words(3_000));
        let first = pair.sent;
        pair.check_echo(words(3_000));
        (first, pair.sent - first)
    };
    let (first, second) = cost(true);
    assert!(second < first / 10, "{first}, then {second} bytes");
    let (first, second) = cost(false);
    assert_eq!(first, second);
}

#[test]
fn a_message_encoded_once_is_read_by_all_whatever_they_have_agreed_on() {
    let broadcast = EncodedMessage::new(&words(3_000));
    let expected = format!("binary {}", words(3_000).escape_ascii());
    let small_window = "permessage-deflate; server_max_window_bits=9";
    let kept = DeflateOptions::new().context_takeover(true).threshold(0);
    for options in [DeflateOptions::new(), kept, kept.level(1), kept.threshold(1_000_000)] {
        let mut pair = Pair::new(options, kept);
        for round in 0..3 {
            let message = broadcast.clone();
            act(&mut pair.server, move |socket| {
                socket.send("between");
                socket.send_encoded(&message);
                socket.send("between");
            });
            pair.carry();
            assert!(pair.heard.take() == ["text between", &expected, "text between"], "round {round}");
        }
    }
    // Here the message refers to farther back than the client can.
    let (mut probe, _, _) = super::negotiated(kept, small_window, Listens::new);
    let message = broadcast.clone();
    act(&mut probe, move |socket| socket.send_encoded(&message));
    let (mut other, _, _) = super::negotiated(kept, "permessage-deflate", Listens::new);
    act(&mut other, move |socket| socket.send_encoded(&broadcast));
    assert!(probe.written() != other.written());
}

#[test]
fn a_broadcast_is_compressed_once_and_not_copied() {
    let message = EncodedMessage::new(&words(100_000));
    let mut sent = (0..5).map(|_| {
        let (mut probe, message) = (super::forgetful_server(Listens::new).0, message.clone());
        act(&mut probe, move |socket| socket.send_encoded(&message));
        probe.written()
    });
    let first = sent.next().unwrap();
    assert!(first[0] == 0xc2 && first.len() < 60_000);
    assert!(sent.all(|other| other == first));
}

#[test]
fn fragments_are_put_together() {
    for takeover in [false, true] {
        let options = DeflateOptions::new().context_takeover(takeover).threshold(0);
        let mut pair = Pair::new(options, options);
        for _ in 0..3 {
            act(&mut pair.server, |socket| {
                let mut message = socket.begin(MessageKind::Binary).unwrap();
                message.send(words(5_000));
                socket.send("behind it");
                message.send("");
                message.send(words(100_000));
                message.finish("");
            });
            pair.carry();
            let whole = [words(5_000), words(100_000)].concat();
            assert!(
                pair.heard.take() == [format!("binary {}", whole.escape_ascii()), "text behind it".into()]
            );
        }
    }
}
