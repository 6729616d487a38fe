//! Passing what one connection receives on to another.

pub(crate) mod forward;
pub(crate) mod pipe;
