//! The handshake (RFC 6455, section 4): one request and its answer in HTTP.

pub(super) mod accepting;
pub(super) mod asking;
pub(crate) mod error;
pub(super) mod head;
pub(crate) mod headers;
pub(super) mod key;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod url;
