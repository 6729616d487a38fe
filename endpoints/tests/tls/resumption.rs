//! Sessions that go on in another connection.

use ropewalk_endpoints::{TlsClientConfig, TlsServerConfig, TlsServerConfigBuilder, TlsVersion};

use crate::authority::{Authority, NAME, client};
use crate::pair::Pair;

const VERSIONS: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

/// Whether a second connection resumes the session of the first.
#[track_caller]
pub(crate) fn resumes(client: &TlsClientConfig, server: &TlsServerConfig) -> bool {
    Pair::shaken(client, server).assert_talks();
    let mut second = Pair::shaken(client, server);
    second.assert_talks();
    let (client, server) = (second.client.info(), second.server.info());
    assert_eq!(client.resumed, server.resumed);
    assert_eq!(server.server_name.as_deref(), Some(NAME));
    assert_eq!(client.peer_certificates.len(), 1);
    client.resumed
}

fn server(authority: &Authority) -> TlsServerConfigBuilder {
    TlsServerConfig::builder().identity(authority.server(&[NAME]).tls())
}

#[test]
fn sessions_are_resumed_by_ticket_or_by_memory() {
    let authority = Authority::new();
    for version in VERSIONS {
        let client = || client(&authority).max_version(version).build().unwrap();
        assert!(resumes(&client(), &server(&authority).build().unwrap()), "{version}");
        assert!(resumes(&client(), &server(&authority).session_cache(0).build().unwrap()), "{version}");
        assert!(resumes(&client(), &server(&authority).session_tickets(false).build().unwrap()), "{version}");
    }
}

#[test]
fn resumption_can_be_switched_off_on_both_sides() {
    let authority = Authority::new();
    for version in VERSIONS {
        let client = || client(&authority).max_version(version);
        let forgetful = server(&authority).session_cache(0).session_tickets(false).build().unwrap();
        assert!(!resumes(&client().build().unwrap(), &forgetful), "{version}");
        let forgetful = client().session_cache(0).build().unwrap();
        assert!(!resumes(&forgetful, &server(&authority).build().unwrap()), "{version}");
    }
}

#[test]
fn a_resumed_session_remembers_the_client() {
    let authority = Authority::new();
    for version in VERSIONS {
        let server = server(&authority).require_client_certificates(authority.roots()).build().unwrap();
        let client =
            client(&authority).identity(authority.client().tls()).max_version(version).build().unwrap();
        assert!(resumes(&client, &server));
        assert_eq!(Pair::shaken(&client, &server).server.info().peer_certificates.len(), 1);
    }
}
