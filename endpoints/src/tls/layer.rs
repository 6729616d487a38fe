//! TLS between the wire and a protocol.

use std::fmt;
use std::time::Duration;

use ropewalk_reactor::{Layer, LayerEnd, LayerState, Result};

use super::adapter::session::Session;
use super::error::TlsError;
use super::handshakes::HandshakeSlot;
use super::info::TlsInfo;

/// The most that a handshake's messages may take before the first of them is complete, in bytes; rustls has the same limit
/// for one message.
const HELD_MAX: usize = 64 * 1024;

/// The default of how long a handshake may take.
pub(super) const DEFAULT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// TLS between the wire and a protocol: one side of one connection.
///
/// [`TlsServerEndpoint`](crate::TlsServerEndpoint) and [`TlsClientEndpoint`](crate::TlsClientEndpoint) make them. They come
/// from [`TlsServerConfig::layer`](crate::TlsServerConfig::layer) and
/// [`TlsClientConfig::layer`](crate::TlsClientConfig::layer) for a factory that puts one into
/// [`Factory::admit`](ropewalk_reactor::Factory::admit) itself.
///
/// A layer that waits holds no buffer: what is received is decrypted where it lies.
pub struct TlsLayer {
    session: Session,
    /// Records that are not used up though they are complete: a message of the handshake begins in them, and the session
    /// knows where. Empty but for that.
    held: Vec<u8>,
    /// Counted among the handshakes of an endpoint. None once the handshake is over, well or badly.
    slot: Option<HandshakeSlot>,
    handshake_timeout: Duration,
    input_ended: bool,
}

impl TlsLayer {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            held: Vec::new(),
            slot: None,
            handshake_timeout: DEFAULT_HANDSHAKE_TIMEOUT,
            input_ended: false,
        }
    }

    /// The same layer with another limit for its handshake. Default 10 seconds.
    #[must_use]
    pub fn with_handshake_timeout(self, handshake_timeout: Duration) -> Self {
        Self { handshake_timeout, ..self }
    }

    pub(super) fn with_slot(self, slot: HandshakeSlot) -> Self {
        Self { slot: Some(slot), ..self }
    }

    /// What the handshake has agreed on; none before it is over.
    pub fn info(&self) -> Option<TlsInfo> {
        self.session.info()
    }

    /// Goes on with records that are held and with what comes after them.
    fn received_more(&mut self, input: &[u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<(), TlsError> {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(input);
        let used = self.process(&mut held, up, down)?;
        if used == held.len() {
            return Ok(());
        }
        held.drain(..used);
        if held.len() > HELD_MAX {
            return Err(TlsError::TooLarge);
        }
        self.held = held;
        Ok(())
    }

    /// Returns how much of `input` is used up.
    fn process(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize, TlsError> {
        let processed = self.session.receive(input, up, down);
        self.input_ended |= processed.ended;
        if !self.session.is_handshaking() || processed.error.is_some() {
            self.slot = None;
        }
        match processed.error {
            Some(error) => Err(error),
            // What comes after the end is nobody's.
            None if self.input_ended => Ok(input.len()),
            None => Ok(processed.used),
        }
    }
}

impl Layer for TlsLayer {
    fn name(&self) -> &'static str {
        "TLS"
    }

    fn begin(&mut self, down: &mut Vec<u8>) -> Result {
        Ok(self.session.flush(down)?)
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        if !self.held.is_empty() {
            self.received_more(input, up, down)?;
            return Ok(input.len());
        }
        let used = self.process(input, up, down)?;
        let rest = &input[used..];
        if !begins_with_record(rest) {
            return Ok(used);
        }
        if rest.len() > HELD_MAX {
            return Err(TlsError::TooLarge.into());
        }
        self.held = rest.to_vec();
        Ok(input.len())
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        Ok(self.session.encrypt(data, &mut self.held, down)?)
    }

    fn close(&mut self, end: LayerEnd, down: &mut Vec<u8>) {
        if end == LayerEnd::CutOff {
            // Without close_notify the peer knows that there should have been more.
            return;
        }
        if let Err(error) = self.session.close(&mut self.held, down) {
            log::debug!("closing without close_notify: {error}");
        }
    }

    fn tells_cut_off(&self) -> bool {
        true
    }

    fn may_end(&self) -> bool {
        self.input_ended
    }

    fn state(&self) -> LayerState {
        if self.session.is_handshaking() {
            LayerState::Opening
        } else if self.input_ended {
            LayerState::InputEnded
        } else {
            LayerState::Open
        }
    }

    fn handshake_timeout(&self) -> Duration {
        self.handshake_timeout
    }
}

impl fmt::Debug for TlsLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TlsLayer").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// Whether a complete record is at the front (RFC 8446, section 5.1: type, version, length, content).
fn begins_with_record(bytes: &[u8]) -> bool {
    match bytes {
        [_, _, _, high, low, content @ ..] => content.len() >= usize::from(u16::from_be_bytes([*high, *low])),
        _ => false,
    }
}
