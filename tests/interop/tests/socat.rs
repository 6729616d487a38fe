//! TLS with socat on the other side, and the UNIX socket under it.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use ropewalk::{
    ServerEndpoint, TcpClientEndpoint, TlsClientEndpoint, TlsServerConfig, TlsServerEndpoint, UnixAddress,
    UnixClientEndpoint, UnixServerEndpoint,
};
use ropewalk_interop::{
    Authority, EchoServer, Running, SERVER_NAME, converse, free_port, socat, wait_for_server,
};

const CLEAN: &str = "the connection was closed cleanly";

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index % 251) as u8 ^ (index / 251 % 241) as u8).collect()
}

/// What comes back from a server at `address`, of socat's `options` besides those of verification.
#[track_caller]
fn echo_of(address: &str, data: &[u8]) -> Vec<u8> {
    let mut client = Running::start(socat().args(["-t", "20", "-", address]));
    client.say(data);
    let heard = client.take(data.len());
    client.end_input();
    let finished = client.finish();
    assert!(finished.status.success() && finished.output.is_empty(), "{finished:?}");
    heard
}

fn verifying(authority: &Authority) -> String {
    format!("verify=1,cafile={},snihost={SERVER_NAME},commonname={SERVER_NAME}", authority.path().display())
}

#[test]
fn socat_connects_over_tls() {
    let authority = Authority::new();
    let identity = authority.server(SERVER_NAME);
    let server =
        EchoServer::tls(move || TlsServerConfig::builder().identity(identity.tls()).build().unwrap());
    let data = pattern(1024 * 1024);
    for version in ["TLS1.2", "TLS1.3"] {
        let limits = format!("openssl-min-proto-version={version},openssl-max-proto-version={version}");
        let address = format!("OPENSSL:{},{},{limits}", server.address(), verifying(&authority));
        assert!(echo_of(&address, &data) == data, "the echo differs");
        assert_eq!(format!("TLS{}", server.made().version.to_string().trim_start_matches("TLS ")), version);
        server.ended();
        assert_eq!(server.lost(), CLEAN);
    }
}

#[test]
fn socat_listens_over_tls() {
    let authority = Authority::new();
    let (port, identity) = (free_port(), authority.server(SERVER_NAME));
    let listen = format!(
        "OPENSSL-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,verify=0,cert={}",
        identity.path().display()
    );
    let _running = Running::start(socat().args(["-t", "20", &listen, "PIPE"]));
    wait_for_server(port);
    let tcp: TcpClientEndpoint = format!("127.0.0.1:{port}").parse().unwrap();
    let config = authority.client_config().build().unwrap();
    let endpoint = TlsClientEndpoint::new(tcp, SERVER_NAME, config).unwrap();
    let mut data = pattern(1024 * 1024);
    data.extend_from_slice(b"the end");
    let spoken = converse(&endpoint, data.clone(), *b"the end").unwrap();
    assert!(spoken.heard == data, "the echo differs");
    assert_eq!(spoken.reason, CLEAN);
}

#[test]
fn socat_connects_to_unix_sockets() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo");
    let address = UnixAddress::path(&path);
    let server = EchoServer::start(move |reactor, notes| {
        UnixServerEndpoint::from(address).listen(reactor, notes).unwrap()
    });
    let data = pattern(1024 * 1024);
    assert!(echo_of(&format!("UNIX-CONNECT:{}", path.display()), &data) == data, "the echo differs");
    server.made_plain();
    server.ended();
    assert_eq!(server.lost(), CLEAN);
}

/// socat carries TLS from a port to a UNIX socket, and knows nothing of it.
#[test]
fn tls_passes_from_tcp_to_a_unix_socket() {
    let authority = Authority::new();
    let identity = authority.server(SERVER_NAME);
    let path = authority.file("tls");
    let address = UnixAddress::path(&path);
    let server = EchoServer::start(move |reactor, notes| {
        let config = TlsServerConfig::builder().identity(identity.tls()).build().unwrap();
        TlsServerEndpoint::new(UnixServerEndpoint::from(address), config).listen(reactor, notes).unwrap()
    });
    let config = authority.client_config().build().unwrap();
    let unix = UnixClientEndpoint::from(UnixAddress::path(&path));
    let spoken =
        converse(&TlsClientEndpoint::new(unix, SERVER_NAME, config.clone()).unwrap(), *b"hello", *b"hello");
    assert_eq!(spoken.unwrap().reason, CLEAN);
    server.made();
    server.ended();
    server.lost();
    let connect = format!("UNIX-CONNECT:{}", path.display());
    // It says with -d -d where it listens.
    let mut command = socat();
    command.args(["-d", "-d", "-t", "20", "TCP-LISTEN:0,bind=127.0.0.1", &connect]);
    let mut relay = Running::start(&mut command);
    relay.until_error("listening on AF=2 127.0.0.1:");
    let port = relay.until_error("\n").trim_end().to_owned();
    let tcp: TcpClientEndpoint = format!("127.0.0.1:{port}").parse().unwrap();
    let endpoint = TlsClientEndpoint::new(tcp, SERVER_NAME, config).unwrap();
    let spoken = converse(&endpoint, *b"hello", *b"hello").unwrap();
    assert_eq!((spoken.heard, spoken.reason.as_str()), (b"hello".to_vec(), CLEAN));
    server.made();
    server.ended();
    assert_eq!(server.lost(), CLEAN);
    assert!(relay.finish().status.success());
}
