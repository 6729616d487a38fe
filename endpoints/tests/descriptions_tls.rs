//! The kinds `tls` and `ssl`.
#![cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod common;

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use common::greeter;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use ropewalk_endpoints::{
    ClientEndpoint, ServerEndpoint, TlsTransport, client_endpoint, quote_argument, server_endpoint,
};
use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
use tempfile::TempDir;

/// An authority and what it has signed, in files of a directory.
struct Files {
    directory: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Files {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let directory = TempDir::new().unwrap();
        let name = format!("the authority of {}", directory.path().display());
        params.distinguished_name.push(DnType::CommonName, name);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let files = Self { directory, authority };
        files.write("ca.pem", &files.authority.pem());
        files.sign("server", &["localhost", "127.0.0.1"]);
        files
    }

    /// Makes a certificate and its key in three files.
    fn sign(&self, name: &str, names: &[&str]) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(names).unwrap().signed_by(&key, &self.authority).unwrap().pem();
        let key = key.serialize_pem();
        self.write(&format!("{name}.cert"), &cert);
        self.write(&format!("{name}.key"), &key);
        self.write(&format!("{name}.both"), &format!("{cert}{key}"));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The text with the path of each file in the place of `@`.
    fn at(&self, text: &str) -> String {
        text.replace('@', &format!("{}/", self.directory.path().to_str().unwrap()))
    }
}

/// Says what it knows of the connection.
struct Facts;

impl Protocol for Facts {
    fn connection_made(&mut self, transport: &Transport) {
        let tls = transport.tls().unwrap();
        let alpn = tls.alpn.map(|alpn| String::from_utf8(alpn).unwrap());
        let facts = (tls.version.to_string(), alpn, tls.peer_certificates.len(), tls.server_name);
        transport.write(format!("{facts:?}"));
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

/// What a client hears from a server, where `PORT` is the server's port, or why it is not connected.
fn talk(files: &Files, server: &str, client: &str) -> std::result::Result<String, String> {
    let mut reactor = Reactor::new().unwrap();
    let server = server_endpoint(&files.at(server)).unwrap();
    let port = server.listen(&reactor, for_protocol(|| Facts)).unwrap();
    let number = port.address().port().unwrap_or_default().to_string();
    let client = client_endpoint(&files.at(client).replace("PORT", &number)).unwrap();
    let (factory, heard) = greeter("");
    let end = Rc::new(RefCell::new(None));
    let ended = Rc::clone(&end);
    client.connect(&reactor, factory).then(move |result| *ended.borrow_mut() = Some(result));
    common::run_until(&mut reactor, || match &*end.borrow() {
        Some(Ok(_)) => heard.borrow().ends_with(b")"),
        Some(Err(_)) => true,
        None => false,
    });
    let result = end.take().unwrap();
    result.map(|_| String::from_utf8(heard.take()).unwrap()).map_err(|error| error.to_string())
}

#[test]
fn servers_and_clients_of_all_spellings_get_along() {
    let files = Files::new();
    let facts = r#"("TLS 1.3", None, 0, Some("localhost"))"#;
    let client = "tls:localhost:PORT:ca=@ca.pem";
    for server in [
        "tls:0:cert=@server.cert:key=@server.key:interface=127.0.0.1:backlog=5:reuse_port=no",
        "tls:0:cert=@server.both",
        "tls:0:key=@server.both:chain=@ca.pem:reload=0.5",
        "ssl:0:privateKey=@server.key:certKey=@server.cert:extraCertChain=@ca.pem:interface=127.0.0.1",
        "ssl:0:privateKey=@server.both:backlog=50",
        r"tls:endpoint=tcp\:0\:interface\=127.0.0.1:cert=@server.both",
    ] {
        assert_eq!(talk(&files, server, client).as_deref(), Ok(facts), "{server}");
    }
    let by_address = r#"("TLS 1.3", None, 0, None)"#;
    for (client, facts) in [
        ("tls:localhost:PORT:ca=@ca.pem:timeout=5:bind_address=127.0.0.1", facts),
        ("tls:127.0.0.1:PORT:ca=@ca.pem", by_address),
        ("tls:127.0.0.1:PORT:ca=@ca.pem:server_name=localhost", facts),
        ("tls:localhost:PORT:dangerous_accept_any_certificate=yes", facts),
        (r"tls:localhost:443:endpoint=tcp\:127.0.0.1\:PORT:ca=@ca.pem", facts),
        (r"tls:server_name=localhost:endpoint=127.0.0.1\:PORT:ca=@ca.pem", facts),
        ("ssl:localhost:PORT:caCertsDir=@", facts),
        ("ssl:127.0.0.1:PORT:caCertsDir=@:hostname=localhost", facts),
    ] {
        let server = "tls:0:interface=127.0.0.1:cert=@server.both";
        assert_eq!(talk(&files, server, client).as_deref(), Ok(facts), "{client}");
    }
}

#[test]
fn servers_are_verified() {
    let files = Files::new();
    let server = "tls:0:interface=127.0.0.1:cert=@server.both";
    let wrong_name =
        talk(&files, server, "tls:127.0.0.1:PORT:server_name=example.org:ca=@ca.pem").unwrap_err();
    assert!(wrong_name.contains(r#"is not for "example.org""#), "{wrong_name}");
    let other = Files::new();
    fs::copy(other.path("ca.pem"), files.path("other.pem")).unwrap();
    let unknown = talk(&files, server, "tls:localhost:PORT:ca=@other.pem").unwrap_err();
    assert!(unknown.contains("unknown issuer"), "{unknown}");
}

#[cfg(feature = "webpki-roots")]
#[test]
fn servers_are_verified_by_default_and_by_ssl_too() {
    let files = Files::new();
    let server = "tls:0:interface=127.0.0.1:cert=@server.both";
    for client in [
        "tls:localhost:PORT",
        "ssl:localhost:PORT",
        "tls:localhost:PORT:dangerous_accept_any_certificate=no",
        "wss:localhost:PORT",
        "wss://localhost:PORT/",
    ] {
        let unknown = talk(&files, server, client).unwrap_err();
        assert!(unknown.contains("unknown issuer"), "{unknown}");
    }
}

#[test]
fn options_reach_the_session() {
    let files = Files::new();
    files.sign("client", &["client.example"]);
    let server =
        "tls:0:interface=127.0.0.1:cert=@server.both:alpn=h2,http/1.1:client_ca=@ca.pem:min_version=1.3";
    let client =
        "tls:localhost:PORT:ca=@ca.pem:cert=@client.cert:key=@client.key:alpn=http/1.1,h2:min_version=1.2";
    let facts = r#"("TLS 1.3", Some("h2"), 1, Some("localhost"))"#;
    assert_eq!(talk(&files, server, client).as_deref(), Ok(facts));
    let optional = "tls:0:interface=127.0.0.1:cert=@server.both:client_ca=@ca.pem:client_cert=optional";
    let client = "tls:localhost:PORT:ca=@ca.pem";
    assert_eq!(talk(&files, optional, client).as_deref(), Ok(r#"("TLS 1.3", None, 0, Some("localhost"))"#));
    let twisted = "ssl:localhost:PORT:caCertsDir=@:certKey=@client.cert:privateKey=@client.key";
    let facts = r#"("TLS 1.3", None, 1, Some("localhost"))"#;
    assert_eq!(talk(&files, optional, twisted).as_deref(), Ok(facts));
}

#[test]
fn a_password_opens_the_key() {
    let files = Files::new();
    // openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret
    files.write("encrypted.key", include_str!("tls/keys/encrypted.pem"));
    files.write("its.cert", include_str!("tls/keys/certificate.pem"));
    let server = "tls:0:interface=127.0.0.1:cert=@its.cert:key=@encrypted.key:password=secret";
    let client = "tls:localhost:PORT:dangerous_accept_any_certificate=yes";
    assert!(talk(&files, server, client).is_ok());
    for (password, complaint) in [
        ("", "the private key is encrypted: give its password"),
        (":password=nonsense", "the password does not open the private key"),
    ] {
        let text = files.at(&format!("tls:0:cert=@its.cert:key=@encrypted.key{password}"));
        let error = server_endpoint(&text).unwrap_err();
        assert!(error.to_string().ends_with(complaint), "{error}");
        assert!(error.description()[error.position()..].starts_with("key="), "{error}");
        assert!(!error.to_string().contains("nonsense"), "{error}");
    }
}

#[test]
fn errors_name_the_file_and_point_at_its_argument() {
    let files = Files::new();
    files.write("empty", "");
    let missing = "it cannot be read: No such file";
    for (text, argument, complaint) in [
        ("tls:0:key=@server.key:cert=@missing", "cert=", missing),
        ("tls:0:cert=@server.cert:key=@missing", "key=", missing),
        ("tls:0:cert=@server.both:chain=@missing", "chain=", missing),
        ("tls:0:cert=@server.both:client_ca=@missing", "client_ca=", missing),
        ("tls:0:cert=@empty", "cert=", "there is no certificate in it"),
        ("tls:0:cert=@server.cert", "cert=", "there is no private key in it"),
        ("ssl:0:privateKey=@server.both:certKey=@missing", "certKey=", missing),
        ("proxy:tls:0:cert=@missing", "cert=", missing),
    ] {
        let error = server_endpoint(&files.at(text)).unwrap_err();
        assert!(error.to_string().contains(&format!("{}/", files.directory.path().display())), "{error}");
        assert!(error.to_string().contains(complaint), "{error}");
        assert!(error.description()[error.position()..].starts_with(argument), "{error}");
    }
    for (text, argument, complaint) in [
        ("tls:localhost:0:ca=@missing", "ca=", missing),
        ("tls:localhost:0:ca=@ca.pem:cert=@missing", "cert=", missing),
        ("ssl:localhost:0:caCertsDir=@missing", "caCertsDir=", missing),
        ("ssl:localhost:0:caCertsDir=@server.both", "caCertsDir=", "it cannot be read"),
    ] {
        let error = client_endpoint(&files.at(text)).unwrap_err();
        assert!(error.to_string().contains(complaint), "{error}");
        assert!(error.description()[error.position()..].starts_with(argument), "{error}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let files = Files::new();
    for (text, complaint) in [
        ("tls:8443", "has no cert and no key: add one of them at column 9"),
        ("ssl:8443", "has no privateKey and no certKey: add one of them at column 9"),
        ("tls:cert=@server.both", "has no port: add port=…"),
        (r"tls:1:endpoint=tcp\:0:cert=@server.both", "leave it out, as endpoint says what it goes over"),
        (
            r"tls:endpoint=tpc\:0:cert=@server.both",
            r#"the endpoint "tpc:0" is of an unknown kind "tpc" at column 1"#,
        ),
        ("tls:0:cert=@server.both:client_cert=optional", "has no client_ca: add client_ca=…"),
        ("tls:0:cert=@server.both:client_cert=maybe:client_ca=@ca.pem", "it must be required or optional"),
        ("tls:0:cert=@server.both:min_version=1.1", "it must be 1.2 or 1.3"),
        ("tls:0:cert=@server.both:alpn=h2,", "it must be names of 1 to 255 bytes"),
        ("tls:0:cert=@server.both:reload=0", "it must be more than 0 seconds"),
        ("ssl:0:cert=@server.both", "has an unknown key"),
    ] {
        let error = server_endpoint(&files.at(text)).unwrap_err().to_string();
        assert!(error.contains(complaint), "{text}: {error}");
    }
    for (text, complaint) in [
        ("tls:localhost:1:ca=@ca.pem:dangerous_accept_any_certificate=yes", "leave one of them out"),
        (r"tls:localhost:timeout=5:endpoint=tcp\:localhost\:1:ca=@ca.pem", "leave it out, as endpoint says"),
        (r"tls:endpoint=tcp\:localhost\:1:ca=@ca.pem", "has no host: add host=…"),
        (r"tls:no name:1:endpoint=localhost\:1:ca=@ca.pem", "it is no name of a server"),
        ("tls:localhost:ca=@ca.pem", "has no port: add port=…"),
    ] {
        let error = client_endpoint(&files.at(text)).unwrap_err().to_string();
        assert!(error.contains(complaint), "{text}: {error}");
    }
}

#[test]
fn websockets_go_over_tls() {
    let files = Files::new();
    let facts = r#"("TLS 1.3", None, 0, Some("localhost"))"#;
    let server = "wss:0:interface=127.0.0.1:cert=@server.both:path=/chat:text=yes";
    for client in [
        "wss:localhost:PORT:ca=@ca.pem:path=/chat",
        "wss:127.0.0.1:PORT:ca=@ca.pem:server_name=localhost:path=/chat?a",
        r"wss:localhost:ca=@ca.pem:path=/chat:endpoint=tcp\:127.0.0.1\:PORT",
        r"ws:localhost:path=/chat:endpoint=tls\:localhost\:PORT\:ca\=@ca.pem",
    ] {
        assert_eq!(talk(&files, server, client).as_deref(), Ok(facts), "{client}");
    }
    let below = r"ws:endpoint=tls\:0\:interface\=127.0.0.1\:cert\=@server.both";
    assert_eq!(talk(&files, below, "wss:localhost:PORT:ca=@ca.pem").as_deref(), Ok(facts));
    let path = talk(&files, server, "wss:localhost:PORT:ca=@ca.pem").unwrap_err();
    assert!(path.contains("the status 404 (Not Found) instead of 101"), "{path}");
    let plain = talk(&files, server, "ws:localhost:PORT:path=/chat").unwrap_err();
    assert!(!plain.is_empty());
    for (text, complaint) in [
        ("wss:8443", "has no cert and no key: add one of them at column 9"),
        ("wss:8443:cert=@server.both:path=chat", "it must begin with /"),
        ("wss://localhost/", "to listen write a port, as in ws:8080:path=/chat"),
    ] {
        let error = server_endpoint(&files.at(text)).unwrap_err().to_string();
        assert!(error.contains(complaint), "{text}: {error}");
    }
}

#[test]
fn tls_nests_eight_times_and_no_deeper() {
    let files = Files::new();
    let cert = files.at("cert=@server.both");
    let mut text = "tcp:0".to_owned();
    for depth in 2..=9 {
        text = format!("tls:endpoint={}:{cert}", quote_argument(&text));
        assert_eq!(server_endpoint(&text).is_ok(), depth <= 8, "{depth}");
    }
}

#[test]
fn certificates_are_reloaded() {
    let files = Files::new();
    let text = files.at("tls:0:interface=127.0.0.1:cert=@server.both:reload=0.02");
    let mut reactor = Reactor::new().unwrap();
    let port = server_endpoint(&text).unwrap().listen(&reactor, for_protocol(|| Facts)).unwrap();
    files.sign("server", &["another.example"]);
    let number = port.address().port().unwrap();
    let client = files.at(&format!("tls:127.0.0.1:{number}:server_name=another.example:ca=@ca.pem"));
    let heard = Rc::new(RefCell::new(Vec::new()));
    // Until then the server has the old certificate, which is not for this name.
    while heard.borrow().is_empty() {
        let (factory, hears) = greeter("");
        let failed = Rc::new(RefCell::new(false));
        let fails = Rc::clone(&failed);
        client_endpoint(&client).unwrap().connect(&reactor, factory).then(move |result| {
            *fails.borrow_mut() = result.is_err();
        });
        common::run_until(&mut reactor, || *failed.borrow() || !hears.borrow().is_empty());
        heard.borrow_mut().extend(hears.take());
    }
}
