//! A WebSocket between the wire and a protocol.

use std::fmt;
use std::time::Duration;

use ropewalk_reactor::{Layer, LayerEnd, LayerState, LayerStop, ProtocolError, Result};

use super::incoming::{Heard, Incoming};
use super::opening::Opening;
use super::outgoing::{Outgoing, Secrets};
use super::server::WebSocketServerConfig;
use crate::websocket::error::WebSocketError;
use crate::websocket::frames::decoder::Frame;
use crate::websocket::frames::header::Opcode;
use crate::websocket::message::MessageKind;
use crate::websocket::socket::Role;
use crate::websocket::{CloseCode, close_frame};

/// A stream of bytes over a WebSocket (RFC 6455), between the wire and a protocol: one side of one connection. With it any protocol
/// of streams talks to browsers.
///
/// The input is what comes in messages, of text or binary, one after the other: where they begin and end means nothing, so they
/// may be of any length. What is written goes out as messages, binary unless
/// [text](crate::WebSocketServerConfig::text) is wanted; one has what the protocol has written at once, of much at most 64 KiB.
///
/// Pings are answered, and a peer that is silent is asked whether it is still there; see
/// [`heartbeat`](crate::WebSocketServerConfig::heartbeat). A close frame of the peer with code 1000, 1001 or none ends the input; with any other it is
/// [`WebSocketError::ClosedByPeer`]. This side says by code 1000 that it will send nothing more; that the peer still may, as other
/// streams have it, is of use between ends that are such streams, whereas browsers send nothing more. It says 1001 (going away) if
/// the connection was [dismissed](ropewalk_reactor::Transport::dismiss), as when the reactor drains or stops, and 1011 (internal error; RFC
/// 6455, section 7.4.1) if the connection ends because of an error of the protocol, or was [cut off](ropewalk_reactor::Transport::cut_off); an idle connection that ends in time is told 1000. A connection that ends
/// without a close frame is [truncated](ropewalk_reactor::Reason::Truncated). A peer that breaks the protocol of WebSockets is told
/// so by a close frame, and the connection ends with a [`WebSocketError`].
///
/// Layers come from [`WebSocketServerConfig::layer`](crate::WebSocketServerConfig::layer) and
/// [`WebSocketClientConfig::layer`](crate::WebSocketClientConfig::layer). A handshake that fails is a
/// [`HandshakeError`](crate::HandshakeError), also if a page was asked for and answered: the connection ends with it in any case.
pub struct WebSocketLayer {
    /// Present until the handshake is done.
    opening: Option<Box<Opening>>,
    incoming: Incoming,
    outgoing: Outgoing,
    /// What the peer's close frame has said, once it has come: it is answered with the same, unless this side fails.
    closed_with: Option<Option<CloseCode>>,
    stop: Option<LayerStop>,
    handshake_timeout: Duration,
    heartbeat: Option<Duration>,
}

impl WebSocketLayer {
    pub(super) fn server(
        config: WebSocketServerConfig,
        kind: MessageKind,
        handshake_timeout: Duration,
        heartbeat: Option<Duration>,
    ) -> Self {
        Self::new(
            Opening::server(config),
            Role::Server,
            Outgoing::new(kind, None),
            handshake_timeout,
            heartbeat,
        )
    }

    pub(super) fn client(
        opening: Opening,
        kind: MessageKind,
        secrets: Secrets,
        handshake_timeout: Duration,
        heartbeat: Option<Duration>,
    ) -> Self {
        Self::new(opening, Role::Client, Outgoing::new(kind, Some(secrets)), handshake_timeout, heartbeat)
    }

    fn new(
        opening: Opening,
        role: Role,
        outgoing: Outgoing,
        handshake_timeout: Duration,
        heartbeat: Option<Duration>,
    ) -> Self {
        Self {
            opening: Some(Box::new(opening)),
            incoming: Incoming::new(role),
            outgoing,
            closed_with: None,
            stop: None,
            handshake_timeout,
            heartbeat,
        }
    }

    /// Hears frames, until the protocol has to hear of those before the next one.
    fn hear_frames(&mut self, input: &[u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        let (mut used, from) = (0, up.len());
        while self.closed_with.is_none() {
            let Some(found) = self.incoming.find(&input[used..]) else { break };
            if up.len() > from && matches!(found.frame, Frame::Control(..) | Frame::Bad(_)) {
                // The protocol answers what came before it is answered.
                self.stop = Some(LayerStop::Deliver);
                return Ok(used);
            }
            let (taken, heard) = self.incoming.hear(found.frame, &input[used..used + found.length], up);
            used += taken;
            match heard {
                Heard::Data => {}
                Heard::Control(opcode, payload) => self.hear_control(opcode, &payload, down)?,
                Heard::Problem(error) if up.len() == from => return Err(error.into()),
                Heard::Problem(_) | Heard::DataBeforeProblem => {
                    self.stop = Some(LayerStop::Deliver);
                    return Ok(used);
                }
            }
        }
        // What comes behind a close frame is nobody's.
        Ok(if self.closed_with.is_some() { input.len() } else { used })
    }

    fn hear_control(&mut self, opcode: Opcode, payload: &[u8], down: &mut Vec<u8>) -> Result {
        match opcode {
            Opcode::Close => self.hear_close(payload, down),
            Opcode::Ping => self.outgoing.send_pong(payload, down),
            _ => Ok(()),
        }
    }

    fn hear_close(&mut self, payload: &[u8], down: &mut Vec<u8>) -> Result {
        let (code, reason) = close_frame::read(payload)?;
        match code {
            None | Some(CloseCode::NORMAL | CloseCode::GOING_AWAY) => {
                self.closed_with = Some(code);
                Ok(())
            }
            Some(code) => {
                self.outgoing.close(Some(code), reason, down);
                Err(WebSocketError::ClosedByPeer { code, reason: reason.to_owned() }.into())
            }
        }
    }

    /// Tells the peer of what it has done wrong.
    fn say_goodbye(&mut self, error: &ProtocolError, down: &mut Vec<u8>) {
        if let Some(error) = error.downcast_ref::<WebSocketError>() {
            if let Some(code) = error.close_code() {
                self.outgoing.close(Some(code), &error.to_string(), down);
            }
        }
    }
}

impl Layer for WebSocketLayer {
    fn name(&self) -> &'static str {
        "WebSocket"
    }

    fn begin(&mut self, down: &mut Vec<u8>) -> Result {
        if let Some(opening) = &mut self.opening {
            opening.begin(self.outgoing.make_key()?, down);
        }
        Ok(())
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        let mut head = 0;
        if let Some(opening) = &mut self.opening {
            let Some(length) = opening.hear(input, down)? else { return Ok(0) };
            self.opening = None;
            head = length;
        }
        let heard = self.hear_frames(&input[head..], up, down);
        if let Err(error) = &heard {
            self.say_goodbye(error, down);
        }
        Ok(head + heard?)
    }

    fn converses(&self) -> bool {
        true
    }

    fn take_stop(&mut self) -> Option<LayerStop> {
        self.stop.take()
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        self.outgoing.send(data, down)
    }

    fn close(&mut self, end: LayerEnd, down: &mut Vec<u8>) {
        let code = match (end, self.closed_with) {
            (LayerEnd::Failed | LayerEnd::CutOff, _) => Some(CloseCode::INTERNAL_ERROR),
            (_, Some(heard)) => heard,
            (LayerEnd::Dismissed, None) => Some(CloseCode::GOING_AWAY),
            (LayerEnd::Finished, None) => Some(CloseCode::NORMAL),
        };
        self.outgoing.close(code, "", down);
    }

    fn heartbeat(&self) -> Option<Duration> {
        self.heartbeat
    }

    fn beat(&mut self, unanswered: u32, down: &mut Vec<u8>) -> Result {
        let Some(period) = self.heartbeat.filter(|_| unanswered > 0) else {
            return self.outgoing.send_ping(down);
        };
        let error = WebSocketError::NoPong(period).into();
        self.say_goodbye(&error, down);
        Err(error)
    }

    fn tells_cut_off(&self) -> bool {
        true
    }

    fn may_end(&self) -> bool {
        self.closed_with.is_some()
    }

    fn state(&self) -> LayerState {
        match (&self.opening, self.closed_with) {
            (Some(_), _) => LayerState::Opening,
            (None, Some(_)) => LayerState::InputEnded,
            (None, None) => LayerState::Open,
        }
    }

    fn handshake_timeout(&self) -> Duration {
        self.handshake_timeout
    }
}

impl fmt::Debug for WebSocketLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WebSocketLayer").field("state", &self.state()).finish_non_exhaustive()
    }
}
