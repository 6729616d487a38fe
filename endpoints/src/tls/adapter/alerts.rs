//! Alerts that say more than those of rustls.

use crate::tls::error::TlsError;

/// The length of an alert that is not encrypted: the header of a record, a level and a description.
const LENGTH: usize = 7;

/// The alert that the standards ask for if a server fails in this way, where rustls has a more general one.
fn description(error: &TlsError) -> Option<u8> {
    match error {
        // protocol_version: RFC 5246, appendix E.1, and RFC 8446, section 4.2.1.
        TlsError::NoCommonVersion => Some(70),
        // unrecognized_name: RFC 6066, section 3.
        TlsError::UnknownServerName(Some(_)) => Some(112),
        // missing_extension: RFC 8446, section 9.2.
        TlsError::UnknownServerName(None) => Some(109),
        _ => None,
    }
}

/// Makes the alert at the end of `down` the one that goes with `error`. These errors come before all encryption.
pub(super) fn correct(error: &TlsError, down: &mut [u8]) {
    let Some(description) = description(error) else { return };
    let start = down.len().saturating_sub(LENGTH);
    if let [21, _, _, 0, 2, _, last] = &mut down[start..] {
        *last = description;
    }
}
