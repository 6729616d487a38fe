//! What can be wrong with a configuration, and how it is said.

use std::sync::Arc;

use ropewalk_endpoints::{
    CryptoProvider, TlsClientConfig, TlsIdentity, TlsRoots, TlsServerConfig, TlsVersion,
};

use crate::authority::{Authority, Identity, NAME, client};
use crate::pair::Pair;
use crate::peers::provider;
use crate::reload::Directory;

/// The same key three times: see the command in each.
/// openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret
const ENCRYPTED: &str = include_str!("keys/encrypted.pem");
/// openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout pass:secret
const ENCRYPTED_WEAKLY: &str = include_str!("keys/encrypted_weakly.pem");
/// openssl ec -aes128 -passout pass:secret
const ENCRYPTED_LEGACY: &str = include_str!("keys/encrypted_legacy.pem");
/// A certificate for that key: openssl req -x509 -days 36500 -subj /CN=x -addext subjectAltName=DNS:server.example
const CERTIFICATE: &str = include_str!("keys/certificate.pem");

#[track_caller]
fn server_error(chain: &str, key: &str) -> String {
    TlsServerConfig::from_pem(chain, key).unwrap_err().to_string()
}

#[derive(Debug)]
struct NoRandom;

impl rustls::crypto::SecureRandom for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), rustls::crypto::GetRandomFailed> {
        Err(rustls::crypto::GetRandomFailed)
    }
}

/// Gathering the first random numbers takes long, so it is done here and not in the loop, at the first handshake.
#[test]
fn random_numbers_are_asked_for_before_the_loop_runs() {
    let provider = Arc::new(CryptoProvider { secure_random: &NoRandom, ..provider() });
    let refused = "TLS: the provider of cryptography refuses: it has no random numbers";
    let authority = Authority::new();
    let client = client(&authority).provider(Arc::clone(&provider)).build();
    assert_eq!(client.unwrap_err().to_string(), refused);
    let identity = authority.server(&[NAME]).tls();
    let server = TlsServerConfig::builder().identity(identity).provider(provider).build();
    assert_eq!(server.unwrap_err().to_string(), refused);
}

#[test]
fn errors_say_what_is_wrong() {
    let identity = Authority::new().server(&[NAME]);
    let other = Identity::self_signed();
    for (chain, key, error) in [
        (
            "",
            &*identity.key,
            "the certificate given: there is no certificate in it; PEM has one between BEGIN CERTIFICATE and END CERTIFICATE",
        ),
        (
            &identity.chain,
            "",
            "the private key given: there is no private key in it; PEM has one between BEGIN PRIVATE KEY and END PRIVATE KEY",
        ),
        (
            &identity.chain,
            &other.key,
            "the private key given: the private key does not belong to the certificate",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
            &identity.key,
            r#"the certificate given: it is no proper PEM: the line "-----END CERTIFICATE-----" is missing"#,
        ),
        (
            &identity.chain,
            "-----BEGIN PRIVATE KEY\nAAAA\n",
            r#"the private key given: it is no proper PEM: the line "-----BEGIN PRIVATE KEY" is broken"#,
        ),
    ] {
        assert_eq!(server_error(chain, key), error);
    }
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let error = server_error(broken, &identity.key);
    assert!(error.starts_with("the certificate given: the certificate cannot be used: "), "{error}");
    let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let error = server_error(&identity.chain, broken);
    assert!(error.starts_with("the private key given: the private key cannot be used: "), "{error}");
}

#[test]
fn errors_name_the_file() {
    let directory = Directory::new("configuration");
    let chain = directory.write("chain.pem", "no certificate");
    let error = TlsServerConfig::from_pem_files(&chain, directory.path("key.pem")).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: there is no certificate", chain.display())), "{error}");
    let missing = directory.path("missing.pem");
    let error = TlsClientConfig::builder().roots(TlsRoots::from_pem_file(&missing)).build().unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: it cannot be read: ", missing.display())), "{error}");
}

#[test]
fn encrypted_keys_need_their_password() {
    let identity = |key: &str| TlsIdentity::from_pem(CERTIFICATE, key);
    let error = |identity| TlsServerConfig::builder().identity(identity).build().unwrap_err().to_string();
    let server = TlsServerConfig::builder().identity(identity(ENCRYPTED).with_password("secret")).build();
    let client = TlsClientConfig::builder().dangerous().accept_any_certificate().build().unwrap();
    Pair::shaken(&client, &server.unwrap()).assert_talks();
    assert_eq!(
        error(identity(ENCRYPTED)),
        "the private key given: the private key is encrypted: give its password"
    );
    for wrong in ["", "Secret", "password"] {
        assert_eq!(
            error(identity(ENCRYPTED).with_password(wrong)),
            "the private key given: the password does not open the private key"
        );
    }
    let convert = "convert it with openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW";
    assert_eq!(
        error(identity(ENCRYPTED_LEGACY).with_password("secret")),
        format!("the private key given: the private key is encrypted in an outdated way: {convert}")
    );
    let error = error(identity(ENCRYPTED_WEAKLY).with_password("secret"));
    assert!(
        error.contains("encrypted in a way that is not supported") && error.ends_with(convert),
        "{error}"
    );
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let authority = Authority::new();
    let identity = authority.server(&[NAME]).tls();
    let server = || TlsServerConfig::builder().identity(identity.clone());
    let error = server().min_version(TlsVersion::Tls13).max_version(TlsVersion::Tls12).build().unwrap_err();
    let words = "the versions: no version of TLS is left: the lowest allowed is above the highest";
    assert_eq!(error.to_string(), words);
    let error = server().alpn([""]).build().unwrap_err();
    assert_eq!(error.to_string(), "ALPN: an application protocol needs a name of 1 to 255 bytes");
    assert!(server().alpn([vec![b'x'; 256]]).build().is_err());
    let error = TlsServerConfig::builder().build().unwrap_err();
    let words = "the TLS server: there is no certificate: a server needs one and its private key";
    assert_eq!(error.to_string(), words);
    let error = client(&authority).build().unwrap().layer("no name").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#""no name": it is no name of a server: write a host name, as in example.org, or an IP address"#
    );
}

#[test]
fn secrets_are_not_shown() {
    let identity = Authority::new().server(&[NAME]);
    let server = TlsServerConfig::builder().identity(identity.tls().with_password("my secret"));
    let shown = format!("{:?}", server.build().unwrap());
    assert!(!shown.contains("my secret") && !shown.contains(&identity.key), "{shown}");
}

#[test]
fn a_chain_is_sent_whole() {
    let authority = Authority::new();
    let mut identity = authority.server(&[NAME]);
    identity.chain.push_str(&authority.pem());
    let mut pair = Pair::shaken(&client(&authority).build().unwrap(), &identity.server_config());
    pair.assert_talks();
    assert_eq!(pair.client.info().peer_certificates.len(), 2);
}

#[cfg(feature = "webpki-roots")]
#[test]
fn bundled_authorities_can_be_trusted_besides_others() {
    let authority = Authority::new();
    let client =
        TlsClientConfig::builder().roots(TlsRoots::bundled().and(authority.roots())).build().unwrap();
    Pair::shaken(&client, &authority.server(&[NAME]).server_config()).assert_talks();
    let strict = TlsClientConfig::builder().roots(TlsRoots::bundled()).build().unwrap();
    assert!(Pair::shaken(&strict, &authority.server(&[NAME]).server_config()).client.error.is_some());
}
