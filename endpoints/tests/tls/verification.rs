//! Whose certificates are believed.

use ropewalk_endpoints::{CertificateProblem, TlsClientConfig, TlsError, TlsServerConfig, TlsVersion};

use crate::authority::{Authority, Identity, NAME, client};
use crate::pair::Pair;

#[track_caller]
fn refused(client: &TlsClientConfig, identity: &Identity) -> (String, String) {
    let pair = Pair::shaken(client, &identity.server_config());
    (pair.client.error(), pair.server.error())
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let client = client(&authority).build().unwrap();
    let (at_client, at_server) = refused(&client, &authority.server(&["other.example", "third.example"]));
    assert_eq!(
        at_client,
        r#"the peer's certificate is not for "server.example" but for other.example, third.example"#
    );
    assert_eq!(at_server, "the peer rejected our certificate: bad certificate, perhaps for another name");
}

#[test]
fn a_certificate_out_of_its_time_is_refused_with_the_date() {
    let authority = Authority::new();
    let client = client(&authority).build().unwrap();
    let (at_client, at_server) = refused(&client, &authority.expired());
    assert_eq!(at_client, "the peer's certificate expired on 2020-02-29");
    assert_eq!(at_server, "the peer rejected our certificate: it has expired or is not valid yet");
    let (at_client, _) = refused(&client, &authority.not_valid_yet());
    assert_eq!(at_client, "the peer's certificate is not valid before 3000-01-02");
}

#[test]
fn a_certificate_of_a_strange_authority_is_refused() {
    let client = client(&Authority::new()).build().unwrap();
    let words = "the peer's certificate is not signed by an authority that this side trusts: \
                 unknown issuer, or it is self-signed";
    for identity in [Authority::new().server(&[NAME]), Identity::self_signed()] {
        let (at_client, at_server) = refused(&client, &identity);
        assert_eq!(at_client, words);
        assert_eq!(at_server, "the peer rejected our certificate: unknown CA");
    }
}

#[test]
fn a_certificate_of_a_false_authority_is_refused() {
    let client = client(&Authority::named("the one")).build().unwrap();
    let (at_client, _) = refused(&client, &Authority::named("the one").server(&[NAME]));
    assert_eq!(at_client, "the peer's certificate is forged: a signature is wrong");
}

#[test]
fn a_certificate_for_clients_is_refused_of_servers() {
    let authority = Authority::new();
    let pair = Pair::named(
        &client(&authority).build().unwrap(),
        &authority.client().server_config(),
        "client.example",
    );
    let mut pair = pair;
    pair.settle();
    assert_eq!(pair.client.error, Some(TlsError::Certificate(CertificateProblem::WrongPurpose)));
}

#[test]
fn verification_is_off_only_if_that_is_asked_for() {
    match TlsClientConfig::builder().build() {
        Ok(usual) if cfg!(any(feature = "webpki-roots", feature = "native-certs")) => {
            let (at_client, _) = refused(&usual, &Authority::new().server(&[NAME]));
            assert!(at_client.contains("not signed by an authority that this side trusts"), "{at_client}");
        }
        Ok(_) => panic!("somebody is trusted although nobody was named"),
        Err(error) => {
            assert_eq!(error.to_string(), "the TLS client: there are no authorities to trust: name some");
        }
    }
    let reckless = TlsClientConfig::builder().dangerous().accept_any_certificate().build().unwrap();
    for identity in [Identity::self_signed(), Authority::new().expired()] {
        Pair::shaken(&reckless, &identity.server_config()).assert_talks();
    }
}

#[test]
fn clients_have_to_show_certificates_that_are_required() {
    let authority = Authority::new();
    let server = TlsServerConfig::builder()
        .identity(authority.server(&[NAME]).tls())
        .require_client_certificates(authority.roots())
        .build()
        .unwrap();
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let client = || client(&authority).max_version(version);
        let known = client().identity(authority.client().tls()).build().unwrap();
        let mut pair = Pair::shaken(&known, &server);
        pair.assert_talks();
        assert_eq!(pair.server.info().peer_certificates.len(), 1);

        let nobody = Pair::shaken(&client().build().unwrap(), &server);
        assert_eq!(nobody.server.error(), "the peer's certificate is missing");
        let alert = "the peer requires a certificate, and this side has shown none";
        assert_eq!(nobody.client.error(), alert);

        let stranger = client().identity(Authority::new().client().tls()).build().unwrap();
        let stranger = Pair::shaken(&stranger, &server);
        let unknown = Some(TlsError::Certificate(CertificateProblem::UnknownIssuer));
        assert_eq!(stranger.server.error, unknown);
        assert_eq!(stranger.client.error(), "the peer rejected our certificate: unknown CA");
    }
}

#[test]
fn clients_may_show_certificates_that_are_optional() {
    let authority = Authority::new();
    let server = TlsServerConfig::builder()
        .identity(authority.server(&[NAME]).tls())
        .accept_client_certificates(authority.roots())
        .build()
        .unwrap();
    let mut nobody = Pair::shaken(&client(&authority).build().unwrap(), &server);
    nobody.assert_talks();
    assert_eq!(nobody.server.info().peer_certificates.len(), 0);
    let known = client(&authority).identity(authority.client().tls()).build().unwrap();
    assert_eq!(Pair::shaken(&known, &server).server.info().peer_certificates.len(), 1);
    let stranger = client(&authority).identity(Authority::new().client().tls()).build().unwrap();
    assert!(Pair::shaken(&stranger, &server).server.error.is_some());
}
