//! What the fuzz targets share. A target is a file in `fuzz_targets/`: README.md says how to run and how to add one.
#![forbid(unsafe_code)]

mod choices;
mod commands;
mod cuts;
mod hostile;
mod memory;
mod resuming;
mod sending;
mod tls;
mod tls_end;
pub mod websocket;
mod witness;

pub use choices::Choices;
pub use commands::{Commands, commands};
pub use cuts::cuts;
pub use hostile::{hear_as_client, hear_as_server};
pub use memory::bounded;
pub use resuming::resume_fully;
pub use sending::sent;
pub use tls::{Friends, NAME, with_friends};
pub use tls_end::TlsEnd;
pub use witness::{Heard, Witness, hear};
