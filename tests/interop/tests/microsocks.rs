//! Connecting through a SOCKS proxy that others have written.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod proxied;

use std::net::SocketAddr;

use proxied::World;
use ropewalk::{
    Socks5ClientEndpoint, Socks5Credentials, Socks5Options, TcpClientEndpoint, TcpServerEndpoint,
};
use ropewalk_interop::{Running, free_port, microsocks, wait_for_server};

struct Proxy {
    endpoint: TcpClientEndpoint,
    _running: Running,
}

impl Proxy {
    fn start(arguments: &[&str]) -> Self {
        let port = free_port();
        let running = Running::start(&mut microsocks(port, arguments));
        wait_for_server(port);
        Self { endpoint: SocketAddr::from(([127, 0, 0, 1], port)).into(), _running: running }
    }

    fn to(&self, target: &str) -> Socks5ClientEndpoint<TcpClientEndpoint> {
        Socks5ClientEndpoint::new(self.endpoint.clone(), target.parse().unwrap())
    }
}

fn server(world: &World) -> SocketAddr {
    world.listen(&"[::]:0".parse::<TcpServerEndpoint>().unwrap())
}

#[test]
fn targets_of_all_kinds_are_reached() {
    let mut world = World::new();
    let port = server(&world).port();
    let proxy = Proxy::start(&[]);
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        let answer = world.talk(&proxy.to(&format!("{host}:{port}")), "hello").unwrap();
        assert!(answer.ends_with("\nhello"), "{host}: {answer:?}");
    }
}

#[test]
fn what_the_proxy_cannot_reach_is_told() {
    let mut world = World::new();
    let (port, proxy) = (free_port(), Proxy::start(&[]));
    let error = world.talk(&proxy.to(&format!("127.0.0.1:{port}")), "hello").unwrap_err();
    let expected = format!("the SOCKS proxy could not reach 127.0.0.1:{port}: connection refused");
    assert!(error.ends_with(&expected), "{error}");
}

#[test]
fn credentials_open_the_proxy() {
    let mut world = World::new();
    let port = server(&world).port();
    let proxy = Proxy::start(&["-u", "alice", "-P", "secret"]);
    let with = |password: Option<&str>| {
        let mut options = Socks5Options::default();
        options.credentials = password.map(|password| Socks5Credentials::new("alice", password).unwrap());
        proxy.to(&format!("127.0.0.1:{port}")).with_options(options)
    };
    let answer = world.talk(&with(Some("secret")), "hello").unwrap();
    assert!(answer.ends_with("\nhello"), "{answer:?}");
    let error = world.talk(&with(Some("wrong")), "hello").unwrap_err();
    assert!(error.ends_with("the SOCKS proxy did not accept the user name and the password"), "{error}");
    let error = world.talk(&with(None), "hello").unwrap_err();
    assert!(error.contains("the SOCKS proxy wants a user name and a password"), "{error}");
}
