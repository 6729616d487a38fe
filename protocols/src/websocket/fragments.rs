//! Messages sent in fragments.

use std::error::Error;
use std::fmt;

use super::error::WebSocketError;
use super::frames::header::Opcode;
use super::message::MessageKind;
use super::socket::WebSocket;

/// A message that is being sent in fragments: each piece is a frame, sent at once.
///
/// Other messages wait for its end, so it has to be [finished](Self::finish). Dropped without, it ends the connection with
/// [`WebSocketError::MessageAbandoned`]: the peer must not take for a whole message what is none.
///
/// ```
/// use ropewalk_protocols::MessageKind;
///
/// # fn example(socket: &ropewalk_protocols::WebSocket) -> Result<(), Box<dyn std::error::Error>> {
/// let mut message = socket.begin(MessageKind::Text)?;
/// message.send("Hello ");
/// message.finish("World!");
/// # Ok(())
/// # }
/// ```
#[must_use = "a message that is not finished ends the connection"]
#[derive(Debug)]
pub struct FragmentedMessage {
    socket: WebSocket,
    /// That of the next frame.
    opcode: Opcode,
    /// As the first fragment has decided.
    compressed: bool,
    /// The first fragment went nowhere, as the WebSocket was not open. So do all others, even if it is open now.
    goes_nowhere: bool,
    finished: bool,
}

impl FragmentedMessage {
    pub(super) fn new(socket: &WebSocket, kind: MessageKind) -> Self {
        Self {
            socket: socket.clone(),
            opcode: kind.opcode(),
            compressed: false,
            goes_nowhere: false,
            finished: false,
        }
    }

    /// Sends a piece, which may be empty.
    pub fn send(&mut self, piece: impl AsRef<[u8]>) {
        self.send_fragment(false, piece.as_ref());
    }

    /// Sends the last piece, which may be empty.
    pub fn finish(mut self, piece: impl AsRef<[u8]>) {
        self.send_fragment(true, piece.as_ref());
        self.finished = true;
    }

    pub(super) fn socket(&self) -> &WebSocket {
        &self.socket
    }

    fn send_fragment(&mut self, last: bool, piece: &[u8]) {
        if self.opcode != Opcode::Continuation {
            self.compressed = self.socket.deflation(piece).is_some();
            self.goes_nowhere = !self.socket.is_open();
        }
        if self.socket.is_open() && !self.goes_nowhere {
            if self.compressed {
                self.socket.send_compressed_fragment(self.opcode, last, piece);
            } else {
                self.socket.send_frame(self.opcode, last, piece);
            }
        }
        self.opcode = Opcode::Continuation;
    }
}

impl Drop for FragmentedMessage {
    fn drop(&mut self) {
        let is_cut_short = !self.finished && self.opcode == Opcode::Continuation && !self.goes_nowhere;
        if is_cut_short && self.socket.is_open() {
            self.socket.fail(WebSocketError::MessageAbandoned);
        }
        self.socket.end_fragments();
    }
}

/// Another message is being sent in fragments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageInProgress;

impl fmt::Display for MessageInProgress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("another message is being sent in fragments")
    }
}

impl Error for MessageInProgress {}
