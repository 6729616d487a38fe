//! A server, and good clients of it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use ropewalk::{
    ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint, TlsClientEndpoint, TlsServerConfig,
    TlsServerEndpoint,
};
use ropewalk_interop::{Authority, EchoServer, PATIENCE, SERVER_NAME, converse};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};

/// Both versions that are spoken.
pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

pub(crate) struct World {
    authority: Authority,
    pub(crate) server: EchoServer,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|endpoint| endpoint)
    }

    /// One whose endpoint is not the default one.
    pub(crate) fn with(
        change: impl FnOnce(TlsServerEndpoint<TcpServerEndpoint>) -> TlsServerEndpoint<TcpServerEndpoint>
        + Send
        + 'static,
    ) -> Self {
        let authority = Authority::new();
        let identity = authority.server(SERVER_NAME);
        let server = EchoServer::start(move |reactor, notes| {
            let config = TlsServerConfig::builder().identity(identity.tls()).build().unwrap();
            let tcp = "127.0.0.1:0".parse::<TcpServerEndpoint>().unwrap();
            change(TlsServerEndpoint::new(tcp, config)).listen(reactor, notes).unwrap()
        });
        Self { authority, server }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect_timeout(&self.server.address(), PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// A good client, before its handshake; of a suite whose keys a test can use.
    pub(crate) fn client(&self, version: &'static SupportedProtocolVersion) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.authority.path()).unwrap()).unwrap();
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| format!("{suite:?}").contains("CHACHA20"));
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.enable_secret_extraction = true;
        ClientConnection::new(Arc::new(config), SERVER_NAME.try_into().unwrap()).unwrap()
    }

    /// Sees that a good client is served, and that nothing else happens before.
    #[track_caller]
    pub(crate) fn assert_serves(&self) {
        let tcp = TcpClientEndpoint::from(self.server.address());
        let config = self.authority.client_config().build().unwrap();
        let endpoint = TlsClientEndpoint::new(tcp, SERVER_NAME, config).unwrap();
        let spoken = converse(&endpoint, *b"hello", *b"hello").unwrap();
        assert_eq!(spoken.reason, "the connection was closed cleanly");
        self.server.made();
        self.server.ended();
        assert_eq!(self.server.lost(), "the connection was closed cleanly");
    }
}

/// What comes until the end, which must be orderly.
#[track_caller]
pub(crate) fn read_to_end(mut stream: &TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    heard
}

/// Sends as long as somebody takes it.
pub(crate) fn send_while_taken<'a>(mut stream: &TcpStream, pieces: impl IntoIterator<Item = &'a [u8]>) {
    for piece in pieces {
        if stream.write_all(piece).is_err() {
            return;
        }
    }
}
