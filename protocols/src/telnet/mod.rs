//! Telnet: RFC 854 and 855, with the options of RFC 857, 858, 1073 and 1091, agreed on as RFC 1143 has it.

mod agreement;
pub(crate) mod codes;
mod editor;
mod encoding;
pub(crate) mod event;
pub(crate) mod factory;
pub(crate) mod layer;
mod options;
mod parser;
pub(crate) mod transport;
