//! What can go wrong around layers, other than in one.

use std::fmt;

use super::stack::HELD_MAX;

/// Why the layers of a connection cannot go on.
#[derive(Debug)]
pub(super) enum LayerProblem {
    /// The peer closed the connection although a layer, named here, still had to hear from it.
    CutOff(&'static str),
    /// A layer keeps too many bytes.
    HoldsTooMuch { layer: &'static str, bytes: usize },
    /// Another layer was inserted behind output that has to pass one that is not open.
    InsertedTooEarly,
    /// A layer's code panicked with this message.
    Panicked(String),
}

impl fmt::Display for LayerProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutOff(layer) => write!(formatter, "the peer closed the connection during the {layer} handshake"),
            Self::HoldsTooMuch { layer, bytes } => write!(
                formatter,
                "the {layer} layer waits for the rest of {bytes} bytes, more than the {HELD_MAX} that it may hold"
            ),
            Self::InsertedTooEarly => formatter.write_str(
                "a layer was inserted behind output that waits for another layer's handshake: insert it in layer_opened",
            ),
            Self::Panicked(message) => write!(formatter, "a layer panicked: {message}"),
        }
    }
}

impl std::error::Error for LayerProblem {}
