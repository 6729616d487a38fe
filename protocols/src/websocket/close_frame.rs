//! What a close frame carries (RFC 6455, section 5.5.1).

use super::CloseCode;
use super::error::{FrameProblem, WebSocketError};
use super::frames::header::CONTROL_MAX;

/// The most that a reason takes: a control frame without the code.
const REASON_MAX: usize = CONTROL_MAX - 2;

/// The payload that says `code` and as much of `reason` as it has room for.
pub(super) fn encode(code: Option<CloseCode>, reason: &str) -> Vec<u8> {
    let mut payload = Vec::with_capacity(CONTROL_MAX);
    if let Some(code) = code {
        payload.extend(code.code().to_be_bytes());
        let end = (0..=reason.len().min(REASON_MAX)).rev().find(|end| reason.is_char_boundary(*end));
        payload.extend(&reason.as_bytes()[..end.unwrap_or(0)]);
    }
    payload
}

/// The code and the reason that a payload says.
pub(super) fn read(payload: &[u8]) -> Result<(Option<CloseCode>, &str), WebSocketError> {
    match payload {
        [] => Ok((None, "")),
        [_] => Err(FrameProblem::ShortClose.into()),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let code = CloseCode::new(code).ok_or(FrameProblem::BadCloseCode { code })?;
            let reason = simdutf8::basic::from_utf8(reason).map_err(|_| WebSocketError::InvalidUtf8)?;
            Ok((Some(code), reason))
        }
    }
}
