//! PROXY headers that HAProxy sends, and that it receives.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod proxied;

use std::fs;
use std::net::SocketAddr;

use proxied::World;
use ropewalk::{
    ProxyClientEndpoint, ProxyHeader, ProxyServerEndpoint, ProxyTlv, ProxyVersion, TcpClientEndpoint,
    TcpServerEndpoint,
};
use ropewalk_interop::{Example, Running, Signal, Socket, free_port, haproxy, wait_for_server};
use tempfile::TempDir;

const DEFAULTS: &str = "\
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
";

/// HAProxy between a port of its own and a server.
struct HaProxy {
    port: u16,
    _running: Running,
    _directory: TempDir,
}

impl HaProxy {
    /// Starts it with options for those who connect to it and for the server.
    fn start(bind: &str, server: SocketAddr, options: &str) -> Self {
        let port = free_port();
        let configuration = format!(
            "{DEFAULTS}
listen test
    bind 127.0.0.1:{port} {bind}
    unique-id-format the-unique-id
    server server {server} {options}
"
        );
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("haproxy.cfg");
        fs::write(&file, configuration).unwrap();
        let running = Running::start(&mut haproxy(&file));
        wait_for_server(port);
        Self { port, _running: running, _directory: directory }
    }

    fn endpoint(&self) -> TcpClientEndpoint {
        SocketAddr::from(([127, 0, 0, 1], self.port)).into()
    }
}

fn server(world: &World) -> SocketAddr {
    world.listen(&ProxyServerEndpoint::new("127.0.0.1:0".parse::<TcpServerEndpoint>().unwrap()))
}

#[test]
fn what_haproxy_says_is_understood() {
    let cases = [
        ("send-proxy", ""),
        ("send-proxy-v2", ""),
        (
            "send-proxy-v2 proxy-v2-options crc32c,unique-id",
            "Checksum UniqueId([116, 104, 101, 45, 117, 110, 105, 113, 117, 101, 45, 105, 100])",
        ),
    ];
    for (options, tlvs) in cases {
        let mut world = World::new();
        let server = server(&world);
        let haproxy = HaProxy::start("", server, options);
        let answer = world.talk(&haproxy.endpoint(), "hello").unwrap();
        let (seen, echo) = answer.split_once('\n').unwrap();
        assert!(seen.starts_with("127.0.0.1:"), "{seen}");
        let host_and_tlvs = format!(" at 127.0.0.1:{}, local: false, {tlvs}", haproxy.port);
        assert!(seen.ends_with(&host_and_tlvs), "{options}: {seen:?} {host_and_tlvs:?}");
        assert_eq!(echo, "hello");
    }
}

#[test]
fn chat_works_behind_haproxy() {
    for options in ["send-proxy", "send-proxy-v2"] {
        let chat = Example::start_at("proxy:tcp:0:interface=127.0.0.1", "chat", &[]);
        let haproxy = HaProxy::start("", chat.address(), options);
        let [alice, bob] = ["alice", "bob"].map(|name| {
            let mut socket = Socket::connect(([127, 0, 0, 1], haproxy.port).into());
            socket.expect("What's your name?\r\n");
            socket.send(format!("{name}\r\n"));
            socket.expect(&format!("Welcome, {name}!\r\n"));
            socket
        });
        let (mut alice, mut bob) = (alice, bob);
        alice.send("hi\r\n");
        bob.expect("alice is here.\r\n<alice> hi\r\n");
        // Who comes without a header is nobody's client.
        let mut direct = Socket::connect(chat.address());
        direct.send("mallory\r\n");
        direct.expect_end();
        assert!(chat.end_by(Signal::SIGTERM).status.success());
    }
}

#[test]
fn health_checks_are_local() {
    let mut world = World::new();
    let server = server(&world);
    let _haproxy = HaProxy::start("", server, "send-proxy-v2 check inter 50ms");
    world.run_until(|seen| seen.iter().any(|seen| seen.contains("local: true")));
}

#[test]
fn what_we_say_haproxy_passes_on() {
    let header = ProxyHeader::new(([192, 0, 2, 1], 4660), ([198, 51, 100, 2], 443));
    let header = header.with_tlv(&ProxyTlv::Authority("example.com")).unwrap();
    let header = header.with_tlv(&ProxyTlv::Checksum).unwrap();
    let v6 = ProxyHeader::new("[2001:db8::1]:1".parse::<SocketAddr>().unwrap(), ([198, 51, 100, 2], 443));
    let authority = "Authority(\"example.com\")";
    let cases = [
        (ProxyVersion::One, &header, "192.0.2.1:4660 at 198.51.100.2:443", ""),
        (ProxyVersion::Two, &header, "192.0.2.1:4660 at 198.51.100.2:443", authority),
        (ProxyVersion::One, &v6, "[2001:db8::1]:1 at [::ffff:198.51.100.2]:443", ""),
        (ProxyVersion::Two, &v6, "[2001:db8::1]:1 at [::ffff:198.51.100.2]:443", ""),
    ];
    for (version, header, addresses, tlvs) in cases {
        let mut world = World::new();
        let server = server(&world);
        let haproxy = HaProxy::start("accept-proxy", server, "send-proxy-v2 proxy-v2-options authority");
        let endpoint = ProxyClientEndpoint::new(haproxy.endpoint(), version, header);
        let answer = world.talk(&endpoint, "hello").unwrap();
        assert_eq!(answer, format!("{addresses}, local: false, {tlvs}\nhello"));
    }
}
