//! Layers for tests, and what they do to bytes.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "shared by tests that each use a part")]

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::{Address, Factory, Layer, LayerEnd, LayerState, Protocol, Reason, Result};

/// Greets with `HI`, then hides what it carries in records: a length, 0 for the end, and bytes with some bits turned over.
pub struct Masked {
    greets_first: bool,
    state: LayerState,
}

pub const GREETING: &[u8] = b"HI";
pub const END: &[u8] = &[0];

const MASK: u8 = 0x55;

impl Masked {
    pub fn server() -> Self {
        Self { greets_first: false, state: LayerState::Opening }
    }

    pub fn client() -> Self {
        Self { greets_first: true, state: LayerState::Opening }
    }
}

impl Layer for Masked {
    fn name(&self) -> &'static str {
        "masked"
    }

    fn begin(&mut self, down: &mut Vec<u8>) -> Result {
        if self.greets_first {
            down.extend_from_slice(GREETING);
        }
        Ok(())
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        let mut used = 0;
        if self.state == LayerState::Opening {
            if input.len() < GREETING.len() {
                return Ok(0);
            }
            if !input.starts_with(GREETING) {
                down.extend_from_slice(b"SORRY");
                return Err("this is no greeting".into());
            }
            if !self.greets_first {
                down.extend_from_slice(GREETING);
            }
            self.state = LayerState::Open;
            used = GREETING.len();
        }
        while let Some(&length) = input.get(used) {
            if length == 0 {
                self.state = LayerState::InputEnded;
                return Ok(input.len());
            }
            let Some(record) = input.get(used + 1..used + 1 + usize::from(length)) else { break };
            up.extend(record.iter().map(|byte| byte ^ MASK));
            used += 1 + record.len();
        }
        Ok(used)
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        assert_ne!(self.state, LayerState::Opening, "output before the handshake");
        down.extend(masked(data));
        Ok(())
    }

    fn close(&mut self, _: LayerEnd, down: &mut Vec<u8>) {
        down.extend_from_slice(END);
    }

    fn may_end(&self) -> bool {
        self.state == LayerState::InputEnded
    }

    fn state(&self) -> LayerState {
        self.state
    }
}

/// The records that carry `data`.
pub fn masked(data: impl AsRef<[u8]>) -> Vec<u8> {
    let mut records = Vec::new();
    for piece in data.as_ref().chunks(255) {
        records.push(u8::try_from(piece.len()).unwrap());
        records.extend(piece.iter().map(|byte| byte ^ MASK));
    }
    records
}

/// What records carry; the rest of an unfinished one is left in `records`.
pub fn unmask(records: &mut Vec<u8>) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(record) = records.get(1..1 + usize::from(*records.first().unwrap_or(&0))) {
        if record.is_empty() {
            break;
        }
        data.extend(record.iter().map(|byte| byte ^ MASK));
        records.drain(..1 + record.len());
    }
    data
}

/// Hears a header of one line first, `from ADDRESS`, and is done.
pub struct Header {
    state: LayerState,
    said: Option<String>,
}

impl Header {
    pub fn new() -> Self {
        Self { state: LayerState::Opening, said: None }
    }
}

impl Layer for Header {
    fn name(&self) -> &'static str {
        "header"
    }

    fn received(&mut self, input: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
            return Ok(0);
        };
        self.said = Some(String::from_utf8_lossy(&input[..end]).into_owned());
        self.state = LayerState::Transparent;
        Ok(end + 1)
    }

    fn send(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result {
        unreachable!("a layer is sent nothing unless it is open")
    }

    fn state(&self) -> LayerState {
        self.state
    }

    fn keepsake(&self) -> Option<Rc<dyn Any>> {
        self.said.clone().map(|said| Rc::new(said) as Rc<dyn Any>)
    }

    fn addresses(&self) -> Option<(Address, Address)> {
        let peer: std::net::SocketAddr = self.said.as_ref()?.strip_prefix("from ")?.parse().ok()?;
        Some((peer.into(), ([10, 9, 9, 9], 99).into()))
    }
}

/// Puts layers under the protocols of another factory, and notes what it hears.
pub struct Layered<F, L> {
    pub factory: F,
    pub layers: L,
    pub failures: Rc<RefCell<Vec<String>>>,
}

impl<F: Factory, L: Fn() -> Vec<Box<dyn Layer>>> Layered<F, L> {
    pub fn new(factory: F, layers: L) -> Self {
        Self { factory, layers, failures: Rc::default() }
    }
}

impl<F: Factory, L: Fn() -> Vec<Box<dyn Layer>>> Factory for Layered<F, L> {
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        self.factory.build_protocol(peer)
    }

    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        layers.extend((self.layers)());
        self.factory.admit(peer, layers)
    }

    fn connection_failed(&self, _: &Address, reason: &Reason) {
        self.failures.borrow_mut().push(reason.to_string());
    }
}
