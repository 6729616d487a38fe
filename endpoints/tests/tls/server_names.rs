//! Which certificate is shown to whom.

use ropewalk_endpoints::{TlsConfigProblem, TlsServerConfig, TlsServerConfigBuilder};

use crate::authority::{Authority, client};
use crate::pair::Pair;

fn server(authority: &Authority) -> TlsServerConfigBuilder {
    TlsServerConfig::builder()
        .identity(authority.server(&["default.example"]).tls())
        .identity_for("exact.example", authority.server(&["exact.example"]).tls())
        .identity_for("*.Wild.example", authority.server(&["*.wild.example"]).tls())
        .identity_for("own.wild.example", authority.server(&["own.wild.example", "marker.example"]).tls())
}

/// Names of servers that a client finds to be who they should be.
fn found(authority: &Authority, server: &TlsServerConfig, name: &str) -> Result<(), String> {
    let mut pair = Pair::named(&client(authority).build().unwrap(), server, name);
    pair.settle();
    match (&pair.server.error, &pair.client.error) {
        (None, None) => {
            assert_eq!(pair.server.info().server_name.unwrap(), name.to_lowercase());
            Ok(())
        }
        (Some(error), _) | (None, Some(error)) => Err(error.to_string()),
    }
}

#[test]
fn each_name_gets_its_certificate() {
    let authority = Authority::new();
    let server = server(&authority).build().unwrap();
    for name in ["exact.example", "EXACT.example", "a.wild.example", "own.wild.example", "default.example"] {
        assert_eq!(found(&authority, &server, name), Ok(()), "{name}");
    }
    for name in ["wild.example", "a.b.wild.example", "unknown.example"] {
        let error = found(&authority, &server, name).unwrap_err();
        assert!(error.contains("rejected our certificate"), "{name}: {error}");
    }
}

#[test]
fn unknown_names_can_be_refused() {
    let authority = Authority::new();
    let server = server(&authority).refuse_unknown_names().build().unwrap();
    for name in ["exact.example", "default.example"] {
        assert_eq!(found(&authority, &server, name), Ok(()), "{name}");
    }
    let mut pair = Pair::named(&client(&authority).build().unwrap(), &server, "unknown.example");
    pair.settle();
    let error = r#"the client asked for "unknown.example", which there is no certificate for"#;
    assert_eq!(pair.server.error(), error);
    assert_eq!(pair.client.error(), "the peer has no certificate for the name that was asked for");
}

#[test]
fn no_name_gets_the_default_or_nothing() {
    let authority = Authority::new();
    let exact = authority.server(&["exact.example", "127.0.0.1"]);
    let client = client(&authority).build().unwrap();
    let shake = |server: TlsServerConfigBuilder| {
        let mut pair = Pair::named(&client, &server.build().unwrap(), "127.0.0.1");
        pair.settle();
        pair
    };
    let named = TlsServerConfig::builder().identity_for("exact.example", exact.tls());
    let pair = shake(named.clone());
    assert_eq!(pair.server.error(), "the client did not say which name it asks for");
    assert_eq!(pair.client.error(), "the peer misses an extension");
    shake(named.identity(exact.tls()).refuse_unknown_names()).assert_talks();
}

#[test]
fn a_certificate_has_to_be_for_the_name_it_is_given_for() {
    let authority = Authority::new();
    for (name, is_name) in [("other.example", true), ("*.example", true), ("no name", false), ("*", false)] {
        let identity = authority.server(&["exact.example"]).tls();
        let error = TlsServerConfig::builder().identity_for(name, identity).build().unwrap_err();
        let as_expected = match error.problem() {
            TlsConfigProblem::BadName => !is_name,
            // The wildcard stands for the name that the certificate is for, but for others too.
            TlsConfigProblem::BadCertificate(_) => is_name,
            _ => false,
        };
        assert!(as_expected, "{error}");
    }
}
