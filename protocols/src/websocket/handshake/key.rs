//! The key that proves that a server has understood (RFC 6455, section 4.2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// What the standard appends to every key.
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How many bytes a key stands for.
const LENGTH: usize = 16;

/// A client's key, out of random bytes.
pub(crate) fn encode(bytes: [u8; LENGTH]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn is_valid(key: &[u8]) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == LENGTH)
}

/// What the server answers to a key.
pub(crate) fn accept(key: &[u8]) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(SUFFIX).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_the_standard() {
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(is_valid(b"dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(is_valid(encode([7; 16]).as_bytes()));
        for bad in
            ["", "dGhl", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZXM=", "dGhlIHNhbXBsZSBub25j!Q=="]
        {
            assert!(!is_valid(bad.as_bytes()), "{bad}");
        }
    }
}
