//! Records under the right keys that no good program would make.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustls::crypto::cipher::{AeadKey, Iv, MessageEncrypter, OutboundPlainMessage};
use rustls::{
    ClientConnection, ConnectionTrafficSecrets, ContentType, ProtocolVersion, SupportedCipherSuite,
};

/// A connection whose handshake is over, and the keys of its client.
pub(crate) struct Forger {
    pub(crate) stream: TcpStream,
    encrypter: Box<dyn MessageEncrypter>,
    sequence: u64,
}

impl Forger {
    /// Finishes the handshake honestly.
    #[track_caller]
    pub(crate) fn new(mut client: ClientConnection, mut stream: TcpStream) -> Self {
        while client.is_handshaking() || client.wants_write() {
            client.complete_io(&mut stream).unwrap();
        }
        // So that nothing is under way either.
        client.writer().write_all(b"x").unwrap();
        let mut heard = [0];
        while client.reader().read(&mut heard).is_err() {
            client.complete_io(&mut stream).unwrap();
        }
        let suite = client.negotiated_cipher_suite().unwrap();
        let (sequence, secrets) = client.dangerous_extract_secrets().unwrap().tx;
        let ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } = secrets else {
            panic!("the suite is another");
        };
        Self { stream, encrypter: encrypter(suite, key, iv), sequence }
    }

    /// A record of this type and content.
    pub(crate) fn record(&mut self, kind: ContentType, content: &[u8]) -> Vec<u8> {
        let message =
            OutboundPlainMessage { typ: kind, version: ProtocolVersion::TLSv1_2, payload: content.into() };
        let record = self.encrypter.encrypt(message, self.sequence).unwrap();
        self.sequence += 1;
        record.encode()
    }
}

fn encrypter(suite: SupportedCipherSuite, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
    match suite {
        SupportedCipherSuite::Tls12(suite) => suite.aead_alg.encrypter(key, iv.as_ref(), &[]),
        SupportedCipherSuite::Tls13(suite) => suite.aead_alg.encrypter(key, iv),
    }
}
