//! What can lie between the wire and a protocol.

use std::any::Any;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::{Address, Result};

/// A filter of bytes between the wire and a protocol: TLS, a PROXY header, a negotiation with a proxy.
///
/// A layer is owned by its connection and does no input or output of its own: bytes come in, bytes go out. Layers
/// stack. `up` is towards the protocol, `down` towards the wire; what a layer passes down goes through the layers below it.
/// A layer must not use the transport of its own connection while it is called. Layers come from [`Factory::admit`](crate::Factory::admit) or
/// [`Transport::insert_layer`](crate::Transport::insert_layer). A connection without layers pays nothing for them.
///
/// The protocol's `connection_made` waits until all layers have left [`LayerState::Opening`]. Each begins once those below
/// it have.
///
/// An error, or a panic, ends the connection: what the layer passed down before is still sent, such as an alert, the layer
/// hears and sends nothing more, and `connection_lost` hears [`Reason::Layer`](crate::Reason::Layer).
pub trait Layer: Any {
    /// What the layer is, for logs and errors: `TLS`.
    fn name(&self) -> &'static str;

    /// The layers below are ready: says what this side has to say first.
    fn begin(&mut self, down: &mut Vec<u8>) -> Result {
        let _ = down;
        Ok(())
    }

    /// Bytes have come from below. Returns how many of them are used up; the others are given again, with what comes after
    /// them. `input` may be changed, but only where it is used up. What the layer appends to `up` goes to the protocol at once.
    ///
    /// A layer must not leave more unused than it needs to go on: beyond 128 KiB the connection ends. While more than 64 KiB of
    /// what layers have appended to `down` here wait for the peer, no more is read.
    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize>;

    /// Whether the layer takes part in the conversation, in the order of things: what it says in [`received`](Self::received)
    /// comes behind all that the protocol has written before, and its end if that was said, it may [stop](Self::take_stop) for the protocol to hear something
    /// first, and it hears nothing more once the connection is closing. Default: no; what it says overtakes output that waits
    /// for the peer, and it hears all that the peer sends.
    fn converses(&self) -> bool {
        false
    }

    /// Why the layer has not used all of its input although it could go on. Asked after each call of
    /// [`received`](Self::received) if the layer [converses](Self::converses): what that call has passed up is delivered, the
    /// protocol does what it does about it and hears the event if there is one, and then `received` is called with the rest,
    /// even if nothing more has come. While input may not be delivered, the rest waits, and so does all that is behind it. A
    /// layer that stops must have used something, and must not become [`LayerState::Transparent`] by the same call. Default:
    /// none.
    fn take_stop(&mut self) -> Option<LayerStop> {
        None
    }

    /// Passes `data` of the protocol down. Called only while the state is [`LayerState::Open`], with 64 KiB at the most
    /// unless another layer above passes more. Default: unchanged, and so it is for a layer that is never open.
    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        down.extend_from_slice(data);
        Ok(())
    }

    /// This side will send nothing more: says so to the peer, if there is a way to, and why, if there is a way to do that. Called
    /// once at the most, and not after an error of a layer.
    fn close(&mut self, end: LayerEnd, down: &mut Vec<u8>) {
        let _ = (end, down);
    }

    /// Whether the peer can tell by what this layer says, or leaves out, when it [closes](Self::close) that it was
    /// [cut off](LayerEnd::CutOff). If none of a connection's layers says so, that is reset. Default: no.
    fn tells_cut_off(&self) -> bool {
        false
    }

    /// After how much time without any input from the wire the layer [beats](Self::beat), to learn whether the peer is still there.
    /// Asked after each call of the layer; counts while it is [`LayerState::Open`] and neither side has finished sending. No time at
    /// all means never, as `None` does. Default: never.
    fn heartbeat(&self) -> Option<Duration> {
        None
    }

    /// Nothing has come for the time of the [heartbeat](Self::heartbeat): asks the peer for a sign of life, or gives the connection up
    /// by an error. Called again whenever nothing has come for as long again; `unanswered` is how many times it was called since
    /// something came. Nobody is blamed while there may be input that was not heard, as in a pause of reading, or while output
    /// waits for the peer, which has a limit of its own ([`Limits::write_timeout`](crate::Limits::write_timeout)): the time begins
    /// anew then.
    fn beat(&mut self, unanswered: u32, down: &mut Vec<u8>) -> Result {
        let _ = (unanswered, down);
        Ok(())
    }

    /// Whether the input from below may end here. If it may not, the connection ends with
    /// [`Reason::Truncated`](crate::Reason::Truncated). Not asked in the states [`LayerState::Opening`], in which it
    /// never may, and [`LayerState::InputEnded`], in which it has.
    fn may_end(&self) -> bool {
        true
    }

    /// Where the layer is in its life.
    fn state(&self) -> LayerState;

    /// How long the layer may be [`LayerState::Opening`] before the connection ends with
    /// [`Timeout::Handshake`](crate::Timeout::Handshake). Default 10 seconds.
    fn handshake_timeout(&self) -> Duration {
        DEFAULT_HANDSHAKE_TIMEOUT
    }

    /// Something that is to be kept for the protocol when the layer has left [`LayerState::Opening`]; see
    /// [`Transport::keepsake`](crate::Transport::keepsake).
    fn keepsake(&self) -> Option<Rc<dyn Any>> {
        None
    }

    /// The addresses that the layer has learnt, once it has left [`LayerState::Opening`]: those of the peer and of the host
    /// that a proxy stands for. They replace the socket's own as [`Transport::peer`](crate::Transport::peer) and
    /// [`Transport::host`](crate::Transport::host). If several layers have learnt some, those of the topmost do. Not asked of
    /// layers that are inserted, as the protocol knows the addresses by then.
    fn addresses(&self) -> Option<(Address, Address)> {
        None
    }
}

/// Input was received before a layer was inserted and not used: it is not known who sent it.
///
/// What [`Protocol::layer_inserted`](crate::Protocol::layer_inserted) returns of a protocol that holds some.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InputBeforeLayer;

impl fmt::Display for InputBeforeLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the peer sent more before the layer that it was to send it through")
    }
}

impl std::error::Error for InputBeforeLayer {}

/// The default of [`Layer::handshake_timeout`].
pub(crate) const DEFAULT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a [`Layer`] has stopped within its input; see [`Layer::take_stop`].
#[derive(Debug)]
pub enum LayerStop {
    /// The protocol has to hear what was passed up first.
    Deliver,
    /// The protocol is to hear this in [`Protocol::event_received`](crate::Protocol::event_received), behind what was passed
    /// up.
    Event(Box<dyn Any>),
}

/// Why this side sends nothing more; see [`Layer::close`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LayerEnd {
    /// The protocol has finished sending, somebody has closed the connection, or its time was over, as it may be of an idle one.
    Finished,
    /// The connection was [dismissed](crate::Transport::dismiss), as all are when the reactor
    /// [drains](crate::ReactorHandle::drain) or stops.
    Dismissed,
    /// The connection ends for another [`Reason`](crate::Reason) than [`Reason::Closed`](crate::Reason::Closed): a callback has
    /// returned an error, say. Not if the protocol had finished sending before.
    Failed,
    /// What was sent is not all that there should have been ([`Transport::cut_off`](crate::Transport::cut_off)): the peer must not
    /// take it for that.
    CutOff,
}

/// Where a [`Layer`] is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LayerState {
    /// It has to hear from the peer before it can pass anything on.
    Opening,
    /// It passes bytes on both ways.
    Open,
    /// The peer has said that it will send no more; this side still may.
    InputEnded,
    /// It is done and passes everything on unchanged from now on: the connection takes it out. To be reached in
    /// [`begin`](Layer::begin) or [`received`](Layer::received).
    Transparent,
}
