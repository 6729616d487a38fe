//! The peer's side of layers: it wraps what it sends, and unwraps what it has received when all is over.

use ropewalk::testing::Peer;

use crate::layering::{END, GREETING, masked, unmask};

/// What lies between the wire and the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Greets, then packs into records; says its end.
    Masked,
    /// Hears a line, then is gone.
    Header,
    /// Is open from the beginning.
    Turned,
    /// Passes output on in blocks, and the rest at its end.
    Blocks,
    /// Asks the silent whether they are there, in between pieces of output; hears what comes as it is.
    Beating,
    /// Is gone from the beginning.
    Gone,
    /// Fails, or panics, some day.
    Faulty,
}

/// A layer as the peer sees it.
struct Far {
    kind: Kind,
    has_greeted: bool,
    /// How many bytes the protocol had written below when the layer was inserted.
    before: usize,
}

/// The peer, with what it says and what it has heard.
pub(crate) struct FarEnd {
    pub(crate) peer: Peer,
    layers: Vec<Far>,
    /// Wrapped, and not yet sent.
    pub(crate) outbox: Vec<u8>,
    heard: Vec<u8>,
    /// What it has said so far, before it was wrapped.
    pub(crate) said: Vec<u8>,
}

/// Every byte tells its place, so that none can be lost, doubled, or moved unnoticed.
pub(crate) fn numbered(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|place| b'A' + u8::try_from(place % 25).unwrap()).collect()
}

impl FarEnd {
    pub(crate) fn new(peer: Peer, kinds: &[Kind]) -> Self {
        let mut far =
            Self { peer, layers: Vec::new(), outbox: Vec::new(), heard: Vec::new(), said: Vec::new() };
        kinds.iter().for_each(|kind| far.add(*kind, 0));
        far
    }

    /// From now on everything goes through one layer more, on both sides.
    pub(crate) fn add(&mut self, kind: Kind, before: usize) {
        self.layers.push(Far { kind, has_greeted: false, before });
        // The greeting goes at once, through the layers below.
        let index = self.layers.len() - 1;
        let greeting = self.layers[index].greeting();
        self.pack(index, greeting);
    }

    /// Passes `data` down from the layer at `index`, which is not passed itself.
    fn pack(&mut self, index: usize, data: Vec<u8>) {
        let wrapped = self.layers[..index].iter().rev().fold(data, |data, layer| layer.wrap(data));
        self.outbox.extend(wrapped);
    }

    pub(crate) fn say(&mut self, count: usize) {
        let data = numbered(self.said.len(), count);
        self.said.extend(&data);
        self.pack(self.layers.len(), data);
    }

    /// Sends so much of the outbox.
    pub(crate) fn send(&mut self, count: usize) {
        let rest = self.outbox.split_off(count.min(self.outbox.len()));
        self.peer.send(std::mem::replace(&mut self.outbox, rest));
    }

    /// Every layer says its end, from the top.
    pub(crate) fn say_end(&mut self) {
        for index in (0..self.layers.len()).rev() {
            if self.layers[index].kind == Kind::Masked {
                self.pack(index, END.to_vec());
            }
        }
    }

    pub(crate) fn hear(&mut self) {
        self.heard.extend(self.peer.received());
    }

    /// What the protocol has written, as far as it has come.
    pub(crate) fn unwrapped(&mut self) -> Result<Vec<u8>, String> {
        self.hear();
        let mut stream = self.heard.clone();
        for layer in &self.layers {
            let wrapped = stream.split_off(layer.before.min(stream.len()));
            stream.extend(layer.unwrap(wrapped)?);
        }
        Ok(stream)
    }
}

impl Far {
    fn greeting(&mut self) -> Vec<u8> {
        assert!(!std::mem::replace(&mut self.has_greeted, true), "it greets once");
        match self.kind {
            Kind::Masked => GREETING.to_vec(),
            Kind::Header => b"hello\n".to_vec(),
            Kind::Turned | Kind::Blocks | Kind::Beating | Kind::Gone | Kind::Faulty => Vec::new(),
        }
    }

    fn wrap(&self, data: Vec<u8>) -> Vec<u8> {
        match self.kind {
            Kind::Masked => masked(data),
            Kind::Turned => data.into_iter().map(turned).collect(),
            Kind::Header | Kind::Blocks | Kind::Beating | Kind::Gone | Kind::Faulty => data,
        }
    }

    fn unwrap(&self, mut data: Vec<u8>) -> Result<Vec<u8>, String> {
        match self.kind {
            Kind::Masked => {
                if !data.starts_with(&GREETING[..data.len().min(GREETING.len())]) {
                    return Err(format!("not a greeting: {:?}", data.escape_ascii().to_string()));
                }
                data.drain(..GREETING.len().min(data.len()));
                let plain = unmask(&mut data);
                // An end, or the beginning of a record.
                if data.first() == Some(&0) && data.len() > 1 {
                    return Err(format!("{} bytes after the end", data.len() - 1));
                }
                Ok(plain)
            }
            Kind::Turned => Ok(data.into_iter().map(turned).collect()),
            // Questions are empty records.
            Kind::Beating => {
                let mut pieces = Vec::new();
                let mut rest = &data[..];
                while let [length, after @ ..] = rest {
                    let (piece, after) = after.split_at(after.len().min(usize::from(*length)));
                    pieces.extend_from_slice(piece);
                    rest = after;
                }
                Ok(pieces)
            }
            Kind::Header | Kind::Blocks | Kind::Gone | Kind::Faulty => Ok(data),
        }
    }
}

/// Other bits than those that `Masked` turns over.
pub(crate) fn turned(byte: u8) -> u8 {
    byte ^ 0xa0
}
