//! A client of Ropewalk against `openssl s_server`.

use std::net::SocketAddr;

use ropewalk::{TcpClientEndpoint, TlsClientConfig, TlsClientEndpoint};
use ropewalk_interop::{Authority, Identity, Running, SERVER_NAME, Signal, Spoken, converse, openssl};

use crate::client::VERSIONS;

/// A server that answers each line with its reverse.
struct Server {
    port: u16,
    running: Running,
}

impl Server {
    fn start(identity: &Identity, arguments: &[&str]) -> Self {
        Self::start_with(identity, &[arguments, &["-rev"]].concat())
    }

    /// One that does something else.
    fn start_with(identity: &Identity, arguments: &[&str]) -> Self {
        let mut command = openssl("s_server");
        command.args(["-accept", "127.0.0.1:0", "-cert"]).arg(identity.path()).args(arguments);
        let mut running = Running::start(&mut command);
        running.until("ACCEPT 127.0.0.1:");
        let port = running.line().parse().unwrap();
        Self { port, running }
    }

    fn endpoint(&self, config: &TlsClientConfig) -> TlsClientEndpoint<TcpClientEndpoint> {
        let tcp = TcpClientEndpoint::from(SocketAddr::from(([127, 0, 0, 1], self.port)));
        TlsClientEndpoint::new(tcp, SERVER_NAME, config.clone()).unwrap()
    }

    #[track_caller]
    fn talk(&self, config: &TlsClientConfig) -> Spoken {
        let spoken = converse(&self.endpoint(config), *b"hello\n", *b"olleh\n").unwrap();
        assert_eq!(String::from_utf8_lossy(&spoken.heard), "olleh\n");
        spoken
    }

    /// Why there is no connection.
    #[track_caller]
    fn refused(&self, config: &TlsClientConfig) -> String {
        converse(&self.endpoint(config), *b"hello\n", *b"olleh\n").unwrap_err()
    }
}

#[test]
fn both_versions_are_spoken_and_resumed() {
    let authority = Authority::new();
    for (option, version) in VERSIONS {
        let server = Server::start(&authority.server(SERVER_NAME), &[option]);
        let config = authority.client_config().build().unwrap();
        for resumed in [false, true, true] {
            let Spoken { tls, reason, .. } = server.talk(&config);
            let tls = tls.unwrap();
            assert_eq!((tls.version, tls.resumed), (version, resumed));
            assert_eq!(reason, "the connection was closed cleanly");
        }
    }
}

#[test]
fn sessions_without_tickets_are_resumed_too() {
    let authority = Authority::new();
    for (option, _) in VERSIONS {
        let server = Server::start(&authority.server(SERVER_NAME), &[option, "-no_ticket"]);
        let config = authority.client_config().build().unwrap();
        assert!(!server.talk(&config).tls.unwrap().resumed);
        assert!(server.talk(&config).tls.unwrap().resumed, "{option}");
    }
}

#[test]
fn application_protocols_are_agreed_on() {
    let authority = Authority::new();
    for (option, _) in VERSIONS {
        let server = Server::start(&authority.server(SERVER_NAME), &[option, "-alpn", "h2,http/1.1"]);
        let offering = |names: &[&str]| authority.client_config().alpn(names).build().unwrap();
        assert_eq!(server.talk(&offering(&["http/1.1", "h2"])).tls.unwrap().alpn.unwrap(), b"h2");
        assert_eq!(server.talk(&offering(&["x", "http/1.1"])).tls.unwrap().alpn.unwrap(), b"http/1.1");
        assert_eq!(server.talk(&offering(&[])).tls.unwrap().alpn, None);
        let error = server.refused(&offering(&["x"]));
        assert!(
            error.contains("the peer supports none of the application protocols offered (ALPN)"),
            "{error}"
        );
    }
}

#[test]
fn bad_certificates_are_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let cases = [
        (authority.server("other.example"), r#"is not for "server.example" but for other.example"#),
        (authority.expired(), "expired on 2020-02-29"),
        (authority.not_valid_yet(), "is not valid before 3000-01-02"),
        (
            authority.self_signed(),
            "is not signed by an authority that this side trusts: unknown issuer, or it is self-signed",
        ),
        (
            stranger.server(SERVER_NAME),
            "is not signed by an authority that this side trusts: unknown issuer, or it is self-signed",
        ),
        (authority.client(), "is not meant for this use"),
    ];
    for (identity, problem) in cases {
        for (option, _) in VERSIONS {
            let mut server = Server::start(&identity, &[option]);
            let error = server.refused(&authority.client_config().build().unwrap());
            assert!(error.ends_with(&format!("the peer's certificate {problem}")), "{error}");
            server.running.until_error("alert");
        }
    }
}

#[test]
fn a_client_shows_its_certificate() {
    let authority = Authority::new();
    let path = authority.path();
    let stranger = Authority::new();
    for (option, _) in VERSIONS {
        let asking = [option, "-Verify", "2", "-verify_return_error", "-CAfile", path.to_str().unwrap()];
        let server = Server::start(&authority.server(SERVER_NAME), &asking);
        let known = authority.client_config().identity(authority.client().tls()).build().unwrap();
        server.talk(&known);
        for (config, problem) in [
            (
                authority.client_config(),
                "the peer requires a certificate, and this side has shown none|handshake failure",
            ),
            (
                authority.client_config().identity(stranger.client().tls()),
                "the peer rejected our certificate: unknown CA",
            ),
        ] {
            // In TLS 1.3 the client is done before the server has looked (RFC 8446, section 2).
            let config = config.build().unwrap();
            let said = converse(&server.endpoint(&config), *b"hello\n", *b"olleh\n");
            let said = said.map_or_else(|error| error, |spoken| spoken.reason);
            assert!(problem.split('|').any(|problem| said.contains(problem)), "{said}");
        }
        server.talk(&known);
    }
}

#[test]
fn versions_that_do_not_meet_are_told() {
    let authority = Authority::new();
    for (server, client) in [(VERSIONS[0], VERSIONS[1]), (VERSIONS[1], VERSIONS[0])] {
        let server = Server::start(&authority.server(SERVER_NAME), &[server.0]);
        let config = authority.client_config().min_version(client.1).max_version(client.1).build().unwrap();
        let error = server.refused(&config);
        assert!(error.contains("speaks no version of TLS that is allowed here"), "{error}");
    }
}

/// New keys in the middle of a conversation, and without being asked for anything.
#[test]
fn a_server_may_change_its_keys() {
    let authority = Authority::new();
    let server = Server::start_with(&authority.server(SERVER_NAME), &["-tls1_3", "-msg"]);
    let endpoint = server.endpoint(&authority.client_config().build().unwrap());
    let mut running = server.running;
    let typing = std::thread::spawn(move || {
        running.until("hello\n");
        for number in 0..50 {
            // Small: the client's keys too; large: the server's own.
            running.say(if number % 2 == 0 { "k\n" } else { "K\n" });
            running.until(">>> TLS 1.3, Handshake [length 0005], KeyUpdate");
            running.say(format!("{number}\n"));
            running.until(">>> TLS 1.2, InnerContent [length 0001]\n    17\n");
        }
        running.say("the end\n");
        running
    });
    let spoken = converse(&endpoint, *b"hello\n", *b"the end\n").unwrap();
    let expected: String = (0..50).map(|number| format!("{number}\n")).collect();
    assert_eq!(String::from_utf8(spoken.heard).unwrap(), expected + "the end\n");
    assert_eq!(spoken.reason, "the connection was closed cleanly");
    drop(typing.join().unwrap());
}

/// Without TLS the end of input says too little: somebody on the way may have made it.
#[test]
fn a_server_that_dies_has_cut_off() {
    let authority = Authority::new();
    for (option, _) in VERSIONS {
        let server = Server::start(&authority.server(SERVER_NAME), &[option]);
        let endpoint = server.endpoint(&authority.client_config().build().unwrap());
        let mut running = server.running;
        let killer = std::thread::spawn(move || {
            running.until_error("CONNECTION ESTABLISHED");
            running.signal(Signal::SIGKILL);
        });
        let spoken = converse(&endpoint, *b"", *b"no answer").unwrap();
        assert_eq!(spoken.reason, "the peer closed the connection without saying that its input was over");
        killer.join().unwrap();
    }
}
