//! How messages are delivered.

/// How a message is delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// Collected, within the limit of messages.
    Whole,
    /// In pieces as they come. The limit of messages does not hold.
    Pieces,
}
