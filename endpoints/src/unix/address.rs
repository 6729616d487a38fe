//! Names of sockets as users write them.

use ropewalk_reactor::UnixAddress;

use crate::{AddressError, AddressProblem};

/// A path, or `@` and an abstract name.
pub(super) fn parse(text: &str) -> Result<UnixAddress, AddressError> {
    let fails = |problem| Err(AddressError::new(text, problem));
    match text.strip_prefix('@') {
        _ if text.is_empty() => fails(AddressProblem::MissingPath),
        Some("") => fails(AddressProblem::MissingPath),
        Some(name) => Ok(UnixAddress::abstract_name(name)),
        None if text.contains('\0') => fails(AddressProblem::ZeroByte),
        None => Ok(UnixAddress::path(text)),
    }
}
