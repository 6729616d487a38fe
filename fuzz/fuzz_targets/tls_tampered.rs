//! Whoever has the wire between two ends of TLS can break their talk off, but change nothing of it, nor end it in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::{Layer, TlsVersion};
use ropewalk_fuzz::{Choices, Friends, NAME, TlsEnd, with_friends};

/// More rounds than a talk needs that nobody disturbs.
const ROUNDS_MAX: usize = 1_000;

struct Talk {
    /// The client and the server.
    ends: [TlsEnd; 2],
    tampered: bool,
}

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let version = choices.one_of(&[TlsVersion::Tls13, TlsVersion::Tls12]);
    let mut talk = with_friends(version, Talk::new);
    if choices.yes() {
        talk.settle();
    }
    while !choices.are_over() {
        talk.act(&mut choices);
        talk.check();
    }
    talk.settle();
    talk.check();
    if !talk.tampered {
        let [client, server] = &talk.ends;
        assert_eq!((&client.error, &server.error), (&None, &None));
        assert_eq!((&client.got, &server.got), (&server.said, &client.said));
        assert_eq!((client.layer.may_end(), server.layer.may_end()), (server.has_closed, client.has_closed));
    }
});

impl Talk {
    fn new(friends: &Friends) -> Self {
        let client = friends.client.layer(NAME).expect("it is a good name");
        let server = friends.server.layer().expect("the configuration is good");
        Self { ends: [TlsEnd::new(client), TlsEnd::new(server)], tampered: false }
    }

    /// Does one thing to one end, or to what it has said.
    fn act(&mut self, choices: &mut Choices<'_>) {
        let side = choices.below(2);
        let end = &mut self.ends[side];
        let action = choices.below(7);
        self.tampered |= action >= 4;
        match action {
            0 => end.say(choices.bytes()),
            1 => end.say(&vec![b'x'; 200 * usize::from(choices.byte())]),
            2 => end.close(),
            3 => self.pass(side, choices.byte().into()),
            4 => {
                let (place, change) = (place(choices), choices.byte() | 1);
                if let Some(byte) = end.wire.get_mut(place) {
                    *byte ^= change;
                }
            }
            5 => {
                let (place, length) = (place(choices), usize::from(choices.byte()));
                end.wire = end
                    .wire
                    .iter()
                    .take(place)
                    .chain(end.wire.iter().skip(place + length))
                    .copied()
                    .collect();
            }
            _ => {
                let place = place(choices).min(end.wire.len());
                end.wire.splice(place..place, choices.bytes().iter().copied());
            }
        }
    }

    /// Passes on so many bytes of what one end has said; all with 0.
    fn pass(&mut self, from: usize, length: usize) {
        let wire = &mut self.ends[from].wire;
        let length = if length == 0 { wire.len() } else { length.min(wire.len()) };
        let passed: Vec<u8> = wire.drain(..length).collect();
        self.ends[1 - from].hear(&passed);
    }

    /// Passes everything on until nobody says anything.
    fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            if self.ends.iter().all(|end| end.wire.is_empty()) {
                return;
            }
            self.pass(0, 0);
            self.pass(1, 0);
        }
        panic!("they go on talking by themselves");
    }

    fn check(&self) {
        for [end, other] in [[0, 1], [1, 0]].map(|sides| sides.map(|side| &self.ends[side])) {
            assert!(other.said.starts_with(&end.got), "what was never said has come");
            assert!(other.has_closed || !end.layer.may_end(), "an end that nobody has said is believed");
        }
    }
}

/// Where to tamper.
fn place(choices: &mut Choices<'_>) -> usize {
    usize::from(choices.byte()) * 16 + usize::from(choices.byte() % 16)
}
