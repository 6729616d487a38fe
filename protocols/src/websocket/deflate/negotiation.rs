//! Agreeing on compression (RFC 7692, sections 5 and 7.1).

use std::fmt::Write;

use super::DeflateOptions;
use crate::websocket::handshake::headers::Fields;

const FIELD: &str = "Sec-WebSocket-Extensions";

const NAME: &[u8] = b"permessage-deflate";

/// The largest window there is, of 32 KiB.
pub(super) const WINDOW_BITS_MAX: u8 = 15;

/// What was agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Agreement {
    pub(super) options: DeflateOptions,
    /// The logarithm of the window that what is sent refers to. There is one way of inflating for all windows.
    pub(super) window_bits: u8,
    /// Whether messages that are sent may refer to those before.
    pub(super) sends_on: bool,
    /// Whether messages that come may refer to those before.
    pub(super) receives_on: bool,
}

/// The parameters of an offer or of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// In an offer it need not have a value.
    client_max_window_bits: Option<Option<u8>>,
}

impl DeflateOptions {
    /// What a client offers.
    pub(crate) fn offer(&self) -> String {
        let mut offer = String::from_utf8_lossy(NAME).into_owned();
        if !self.context_takeover {
            offer.push_str("; server_no_context_takeover; client_no_context_takeover");
        }
        offer.push_str("; client_max_window_bits");
        offer
    }

    /// Server: agrees to the first offer that it understands, and tells what to answer.
    pub(crate) fn accept(&self, fields: Fields<'_>) -> Option<(Agreement, String)> {
        let offers = fields.all(FIELD).flat_map(|value| split(value, b','));
        offers.filter_map(read).next().map(|offer| self.accept_offer(offer))
    }

    fn accept_offer(&self, offer: Parameters) -> (Agreement, String) {
        let agreement = Agreement {
            options: *self,
            window_bits: offer.server_max_window_bits.unwrap_or(WINDOW_BITS_MAX),
            sends_on: self.context_takeover && !offer.server_no_context_takeover,
            receives_on: self.context_takeover && !offer.client_no_context_takeover,
        };
        let mut answer = String::from_utf8_lossy(NAME).into_owned();
        if !agreement.sends_on {
            answer.push_str("; server_no_context_takeover");
        }
        if !agreement.receives_on {
            answer.push_str("; client_no_context_takeover");
        }
        if let Some(bits) = offer.server_max_window_bits {
            // Writing to a string does not fail.
            let _ = write!(answer, "; server_max_window_bits={bits}");
        }
        (agreement, answer)
    }

    /// Client: reads the answer to [`offer`](Self::offer). The error is what the server said.
    pub(crate) fn check(&self, fields: Fields<'_>) -> Result<Option<Agreement>, String> {
        let mut extensions = fields.all(FIELD).flat_map(|value| split(value, b','));
        let Some(extension) = extensions.next() else {
            return Ok(None);
        };
        let agreement = read(extension).and_then(|answer| self.check_answer(answer));
        match (agreement, extensions.next()) {
            (Some(agreement), None) => Ok(Some(agreement)),
            (_, another) => {
                let said =
                    [Some(extension), another].into_iter().flatten().collect::<Vec<_>>().join(&b", "[..]);
                Err(String::from_utf8_lossy(&said).into_owned())
            }
        }
    }

    fn check_answer(&self, answer: Parameters) -> Option<Agreement> {
        let window_bits = match answer.client_max_window_bits {
            None => WINDOW_BITS_MAX,
            Some(bits) => bits?,
        };
        let does_as_asked = self.context_takeover || answer.server_no_context_takeover;
        does_as_asked.then_some(Agreement {
            options: *self,
            window_bits,
            sends_on: self.context_takeover && !answer.client_no_context_takeover,
            receives_on: !answer.server_no_context_takeover,
        })
    }
}

/// Reads an extension; `None` if it is another one, or has parameters that are unknown, malformed, or there twice.
fn read(extension: &[u8]) -> Option<Parameters> {
    let mut parts = split(extension, b';');
    parts.next().filter(|name| *name == NAME)?;
    let mut parameters = Parameters::default();
    for part in parts {
        let (name, value) = match part.iter().position(|byte| *byte == b'=') {
            Some(place) => (part[..place].trim_ascii_end(), Some(part[place + 1..].trim_ascii_start())),
            None => (part, None),
        };
        let is_first = match (name, value) {
            (b"server_no_context_takeover", None) => {
                !std::mem::replace(&mut parameters.server_no_context_takeover, true)
            }
            (b"client_no_context_takeover", None) => {
                !std::mem::replace(&mut parameters.client_no_context_takeover, true)
            }
            (b"server_max_window_bits", Some(value)) => {
                parameters.server_max_window_bits.replace(read_bits(value)?).is_none()
            }
            (b"client_max_window_bits", value) => {
                let bits = match value {
                    Some(value) => Some(read_bits(value)?),
                    None => None,
                };
                parameters.client_max_window_bits.replace(bits).is_none()
            }
            _ => return None,
        };
        is_first.then_some(())?;
    }
    Some(parameters)
}

/// A number from 8 to 15, without leading zeros; it may be quoted.
fn read_bits(value: &[u8]) -> Option<u8> {
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    (8..=WINDOW_BITS_MAX).find(|bits| unquoted.unwrap_or(value) == bits.to_string().as_bytes())
}

/// What is between the separators that are not in quotes.
fn split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = value.split(move |byte| {
        let is_quote = *byte == b'"' && !escaped;
        escaped = quoted && *byte == b'\\' && !escaped;
        quoted ^= is_quote;
        *byte == separator && !quoted
    });
    parts.map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BITS: Parameters = Parameters {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: None,
        client_max_window_bits: Some(None),
    };

    #[test]
    fn extensions_are_read() {
        let read = |extension: &str| read(extension.as_bytes());
        assert_eq!(read("permessage-deflate"), Some(Parameters::default()));
        assert_eq!(read("permessage-deflate; client_max_window_bits"), Some(BITS));
        let bits = Parameters { server_max_window_bits: Some(10), ..BITS };
        assert_eq!(
            read("permessage-deflate;client_max_window_bits ; server_max_window_bits = \"10\""),
            Some(bits)
        );
        for bad in [
            "",
            "x-webkit-deflate-frame",
            "permessage-deflate;",
            "permessage-deflate; x",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=08",
            "permessage-deflate; server_max_window_bits=\"10",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_max_window_bits=9; client_max_window_bits=9",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn separators_in_quotes_separate_nothing() {
        let parts = |value: &'static str| split(value.as_bytes(), b',').collect::<Vec<_>>();
        assert_eq!(parts(r#"a; x="1,\",2" , b"#), [&br#"a; x="1,\",2""#[..], b"b"]);
        assert_eq!(parts(r#"a\, b"#), [&br"a\"[..], b"b"]);
    }
}
