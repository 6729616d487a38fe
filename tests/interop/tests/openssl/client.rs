//! `openssl s_client` against a server of Ropewalk.

use std::process::Command;
use std::sync::Arc;

use ropewalk::{
    ServerEndpoint, TlsServerConfig, TlsServerConfigBuilder, TlsServerEndpoint, TlsVersion, UnixAddress,
    UnixServerEndpoint,
};
use ropewalk_interop::{Authority, EchoServer, Running, SERVER_NAME, openssl};

/// The two versions that are spoken, as OpenSSL's options.
pub(crate) const VERSIONS: [(&str, TlsVersion); 2] =
    [("-tls1_2", TlsVersion::Tls12), ("-tls1_3", TlsVersion::Tls13)];

/// A server with an identity for [`SERVER_NAME`], and how to reach it.
pub(crate) struct World {
    pub(crate) authority: Arc<Authority>,
    pub(crate) server: EchoServer,
}

impl World {
    /// One whose server is configured further.
    pub(crate) fn with(
        change: impl FnOnce(TlsServerConfigBuilder, &Authority) -> TlsServerConfigBuilder + Send + 'static,
    ) -> Self {
        let authority = Arc::new(Authority::new());
        let shared = Arc::clone(&authority);
        let server = EchoServer::tls(move || {
            let builder = TlsServerConfig::builder().identity(shared.server(SERVER_NAME).tls());
            change(builder, &shared).build().unwrap()
        });
        Self { authority, server }
    }

    pub(crate) fn new() -> Self {
        Self::with(|builder, _| builder)
    }

    /// A client that verifies the server.
    pub(crate) fn client(&self, arguments: &[&str]) -> Command {
        let mut command = openssl("s_client");
        command.args(["-connect", &self.server.address().to_string(), "-servername", SERVER_NAME]);
        command.args(["-verify_hostname", SERVER_NAME, "-verify_return_error", "-CAfile"]);
        command.arg(self.authority.path()).args(arguments);
        command
    }

    /// Sees that a good client is served.
    #[track_caller]
    pub(crate) fn assert_serves(&self) {
        let mut client = Running::start(&mut self.client(&["-quiet"]));
        client.say("a word\n");
        self.server.made();
        assert_eq!(client.line(), "a word");
        client.say("quit\n");
        let finished = client.finish();
        assert!(finished.status.success(), "{finished:?}");
        assert_eq!(finished.output, "quit\n");
        assert_eq!(self.server.lost(), "the connection was closed cleanly");
    }

    /// What a client says that is to be refused. In TLS 1.3 it hears that only after its handshake.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let finished = Running::start(&mut self.client(arguments)).finish();
        assert!(!finished.status.success(), "{finished:?}");
        finished.errors
    }
}

#[test]
fn both_versions_are_spoken() {
    let world = World::new();
    for (option, version) in VERSIONS {
        let mut client = Running::start(&mut world.client(&[option, "-brief"]));
        let info = world.server.made();
        assert_eq!(info.version, version);
        assert_eq!(info.server_name.as_deref(), Some(SERVER_NAME));
        client.say("one\ntwo\n");
        assert_eq!((client.line(), client.line()), ("one".to_owned(), "two".to_owned()));
        let summary = client.until_error("Verification: OK");
        assert!(summary.contains(&format!("Ciphersuite: {}", openssl_name(&info.cipher_suite))), "{summary}");
        client.say("Q\n");
        assert!(client.finish().status.success());
        world.server.ended();
        assert_eq!(world.server.lost(), "the connection was closed cleanly");
    }
}

/// OpenSSL's own name of a suite, of those that are chosen here.
fn openssl_name(suite: &str) -> &str {
    match suite {
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => "ECDHE-ECDSA-AES256-GCM-SHA384",
        suite => suite,
    }
}

#[test]
fn every_cipher_suite_works() {
    let world = World::new();
    let suites = [
        ("-ciphersuites", "TLS_AES_128_GCM_SHA256"),
        ("-ciphersuites", "TLS_AES_256_GCM_SHA384"),
        ("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"),
        ("-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ];
    for (option, suite) in suites {
        let version = if option == "-cipher" { "-tls1_2" } else { "-tls1_3" };
        let mut client = Running::start(&mut world.client(&[version, option, suite]));
        client.until(&format!("Cipher is {suite}"));
        client.say("a word\n");
        client.until("a word\n");
        world.server.made();
        client.say("Q\n");
        world.server.ended();
        world.server.lost();
    }
    let said = world.refused(&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"]);
    assert!(said.contains("sslv3 alert handshake failure"), "{said}");
    assert_eq!(world.server.failed(), "the peer and this side have no cipher suite in common");
    world.assert_serves();
}

/// A group that the server does not know costs the client a second hello (RFC 8446, section 4.1.4).
#[test]
fn a_second_hello_is_asked_for() {
    let world = World::new();
    let mut client = Running::start(&mut world.client(&["-tls1_3", "-groups", "P-521:P-384", "-msg"]));
    world.server.made();
    let hellos = client.until("Cipher is");
    assert_eq!(hellos.matches(", ClientHello").count(), 2, "{hellos}");
    client.say("Q\n");
    world.server.ended();
    world.server.lost();
    let said = world.refused(&["-groups", "P-521"]);
    assert!(said.contains("alert handshake failure"), "{said}");
    assert_eq!(world.server.failed(), "the peer and this side have no key exchange in common");
    world.assert_serves();
}

#[test]
fn application_protocols_are_chosen_by_the_servers_taste() {
    let world = World::with(|builder, _| builder.alpn(["h2", "http/1.1"]));
    for (version, _) in VERSIONS {
        for (offered, chosen) in [("http/1.1,h2", "h2"), ("x,http/1.1", "http/1.1")] {
            let mut client = Running::start(&mut world.client(&[version, "-alpn", offered]));
            assert_eq!(world.server.made().alpn.unwrap(), chosen.as_bytes());
            client.until(&format!("ALPN protocol: {chosen}"));
            client.say("Q\n");
            world.server.ended();
            world.server.lost();
        }
        let mut client = Running::start(&mut world.client(&[version]));
        client.until("No ALPN negotiated");
        assert_eq!(world.server.made().alpn, None);
        client.say("Q\n");
        world.server.ended();
        world.server.lost();
        let said = world.refused(&[version, "-alpn", "spdy/3,x"]);
        assert!(said.contains("alert no application protocol"), "{said}");
        let failed = "the peer and this side have no application protocol (ALPN) in common";
        assert_eq!(world.server.failed(), failed);
    }
    world.assert_serves();
}

#[test]
fn each_name_gets_its_certificate() {
    let world = World::with(|builder, authority| {
        builder.identity_for("second.example", authority.server("second.example").tls())
    });
    let names = [
        (SERVER_NAME, SERVER_NAME),
        ("second.example", "second.example"),
        ("SECOND.example", "second.example"),
        ("unknown.example", SERVER_NAME),
    ];
    for (asked, shown) in names {
        let mut client =
            Running::start(&mut world.client(&["-servername", asked, "-verify_hostname", shown]));
        client.until(&format!("subject=CN = {shown}"));
        client.until("Verify return code: 0 (ok)");
        assert_eq!(world.server.made().server_name.unwrap(), asked.to_lowercase());
        client.say("Q\n");
        world.server.ended();
        world.server.lost();
    }
}

#[test]
fn unknown_names_are_refused_if_the_server_says_so() {
    let world = World::with(|builder, _| builder.refuse_unknown_names());
    let said = world.refused(&["-servername", "unknown.example"]);
    assert!(said.contains("unrecognized name"), "{said}");
    let failed = r#"the client asked for "unknown.example", which there is no certificate for"#;
    assert_eq!(world.server.failed(), failed);
    world.assert_serves();
}

#[test]
fn a_name_is_asked_for_if_there_is_no_other_way_to_choose() {
    let authority = Authority::new();
    let identity = authority.server(SERVER_NAME);
    let server = EchoServer::tls(move || {
        TlsServerConfig::builder().identity_for(SERVER_NAME, identity.tls()).build().unwrap()
    });
    let mut command = openssl("s_client");
    command.args(["-connect", &server.address().to_string(), "-noservername"]);
    let finished = Running::start(&mut command).finish();
    assert!(
        finished.errors.contains("alert missing extension") || finished.errors.contains("alert number 109"),
        "{finished:?}"
    );
    assert_eq!(server.failed(), "the client did not say which name it asks for");
}

#[test]
fn old_versions_are_refused() {
    let world = World::new();
    for version in ["-tls1", "-tls1_1"] {
        let said = world.refused(&[version, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(said.contains("alert protocol version"), "{said}");
        assert_eq!(world.server.failed(), "the peer speaks no version of TLS that is allowed here");
    }
    world.assert_serves();
}

#[test]
fn a_version_that_is_switched_off_is_refused() {
    for (only, other) in [(VERSIONS[0], VERSIONS[1]), (VERSIONS[1], VERSIONS[0])] {
        let world = World::with(move |builder, _| builder.min_version(only.1).max_version(only.1));
        let said = world.refused(&[other.0]);
        assert!(said.contains("alert protocol version"), "{said}");
        assert_eq!(world.server.failed(), "the peer speaks no version of TLS that is allowed here");
        world.assert_serves();
    }
}

#[test]
fn unix_sockets_carry_it_too() {
    let authority = Authority::new();
    let identity = authority.server(SERVER_NAME);
    let path = authority.file("socket");
    let copy = path.clone();
    let server = EchoServer::start(move |reactor, notes| {
        let config = TlsServerConfig::builder().identity(identity.tls()).build().unwrap();
        TlsServerEndpoint::new(UnixServerEndpoint::from(UnixAddress::path(copy)), config)
            .listen(reactor, notes)
            .unwrap()
    });
    let mut command = openssl("s_client");
    command.arg("-unix").arg(&path).arg("-CAfile").arg(authority.path());
    command.args(["-verify_return_error", "-quiet", "-servername", SERVER_NAME]);
    let mut client = Running::start(&mut command);
    server.made();
    client.say("over a file\nquit\n");
    assert_eq!(client.finish().output, "over a file\nquit\n");
    assert_eq!(server.lost(), "the connection was closed cleanly");
}

#[test]
fn much_passes_both_ways_unchanged() {
    const SIZE: usize = 5 * 1024 * 1024;
    let world = World::new();
    let data: Vec<u8> = (0..SIZE).map(|index| (index % 251) as u8 ^ (index / 251 % 241) as u8).collect();
    let settings: [&[&str]; 5] = [
        &["-tls1_2"],
        &["-tls1_3"],
        &["-tls1_2", "-max_send_frag", "512"],
        &["-tls1_3", "-max_send_frag", "512", "-record_padding", "1024"],
        &["-tls1_3", "-maxfraglen", "512"],
    ];
    for arguments in settings {
        let mut client = Running::start(world.client(arguments).arg("-quiet"));
        world.server.made();
        client.say(&data);
        assert!(client.take(SIZE) == data, "the echo differs: {arguments:?}");
        client.say("quit\n");
        assert_eq!(client.finish().output, "quit\n");
        assert_eq!(world.server.lost(), "the connection was closed cleanly");
    }
}
