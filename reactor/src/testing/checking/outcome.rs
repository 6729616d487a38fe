//! What came of a run.

/// What could be observed of a protocol in the course of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// What the protocol has recorded, in order.
    pub events: Vec<String>,
    /// All that the peer was sent; nothing if the connection was aborted or broke.
    pub written: Vec<u8>,
    /// How the connection stands: the [`Reason`](crate::Reason) of its end in words, or `open` or the like.
    pub connection: String,
}
