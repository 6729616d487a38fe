//! Frames as they are on the wire (RFC 6455, section 5).

pub(super) mod assembly;
pub(super) mod decoder;
pub(super) mod header;
pub(super) mod mask;
