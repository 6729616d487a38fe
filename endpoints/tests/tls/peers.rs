//! Peers that a layer would not make: rustls itself, as it is used elsewhere.

use std::io::{Cursor, Read, Write};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::authority::Identity;
use crate::pair::End;

/// A server that cuts all its messages into records of this size.
pub(crate) fn server_in_fragments(identity: &Identity, size: usize) -> ServerConnection {
    let chain = CertificateDer::pem_slice_iter(identity.chain.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.max_fragment_size = Some(size);
    ServerConnection::new(Arc::new(config)).unwrap()
}

#[cfg(feature = "aws-lc-rs")]
pub(crate) fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(not(feature = "aws-lc-rs"))]
pub(crate) fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// Passes on what the layer says to the server.
pub(crate) fn tell(server: &mut ServerConnection, client: &mut End) {
    let mut wire = Cursor::new(std::mem::take(&mut client.wire));
    while server.read_tls(&mut wire).unwrap() > 0 {
        server.process_new_packets().unwrap();
    }
}

/// What the server says.
pub(crate) fn said(server: &mut ServerConnection) -> Vec<u8> {
    let mut wire = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut wire).unwrap();
    }
    wire
}

/// What the server has heard.
pub(crate) fn heard(server: &mut ServerConnection) -> Vec<u8> {
    let mut buffer = [0; 1024];
    let size = server.reader().read(&mut buffer).unwrap();
    buffer[..size].to_vec()
}

pub(crate) fn say(server: &mut ServerConnection, data: &[u8]) {
    server.writer().write_all(data).unwrap();
}
