//! A certificate for this run, and endpoints that use it.

use std::cell::OnceCell;

use ropewalk::{
    ClientEndpoint, ServerEndpoint, TlsClientConfig, TlsClientEndpoint, TlsRoots, TlsServerConfig,
    TlsServerEndpoint,
};

const NAME: &str = "server.test";

thread_local! {
    static CONFIGS: OnceCell<(TlsServerConfig, TlsClientConfig)> = const { OnceCell::new() };
}

fn configs() -> (TlsServerConfig, TlsClientConfig) {
    CONFIGS.with(|configs| configs.get_or_init(make).clone())
}

fn make() -> (TlsServerConfig, TlsClientConfig) {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let certificate = made.cert.pem();
    let server = TlsServerConfig::from_pem(&certificate, made.signing_key.serialize_pem()).unwrap();
    let client = TlsClientConfig::builder().roots(TlsRoots::from_pem(&certificate)).build().unwrap();
    (server, client)
}

/// TLS over another endpoint.
pub(crate) fn server_of<E: ServerEndpoint>(inner: E) -> TlsServerEndpoint<E> {
    TlsServerEndpoint::new(inner, configs().0)
}

/// TLS over another endpoint.
pub(crate) fn client_of<E: ClientEndpoint>(inner: E) -> TlsClientEndpoint<E> {
    TlsClientEndpoint::new(inner, NAME, configs().1).unwrap()
}
