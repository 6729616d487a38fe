//! PROXY headers on connections: received, sent, refused.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::rc::Rc;
use std::time::Duration;

use ropewalk_endpoints::{
    ClientEndpoint, Policy, ProxyClientEndpoint, ProxyHeader, ProxyHeaderLayer, ProxyOptions,
    ProxyServerEndpoint, ProxyTlv, ProxyVersion, ServerEndpoint, TcpClientEndpoint, Untrusted,
};
use ropewalk_reactor::{Address, Factory, Layer, LayerState};
use support::{Witness, World, cuts, drive};

const LINE: &str = "PROXY TCP4 192.0.2.1 198.51.100.2 4660 443\r\n";

fn header() -> ProxyHeader {
    ProxyHeader::new(([192, 0, 2, 1], 4660), ([198, 51, 100, 2], 443))
}

/// Connects to a server behind proxies, sends the pieces, and returns what the server heard, data last.
#[track_caller]
fn heard(options: &ProxyOptions, pieces: &[&[u8]]) -> Vec<String> {
    let (mut world, witness) = (World::new(), Witness::default());
    let server =
        world.listen(|tcp| ProxyServerEndpoint::new(tcp).with_options(options.clone()), witness.clone());
    let peer = world.connect(server);
    for piece in pieces {
        peer.send(piece);
        world.settle();
    }
    let mut heard = witness.log.take();
    heard.push(witness.data().escape_ascii().to_string());
    let socket = peer.address().to_string();
    heard
        .into_iter()
        .map(|entry| entry.replace(&socket, "SOCKET").replace(&server.to_string(), "SERVER"))
        .collect()
}

#[test]
fn the_protocol_sees_the_client_however_the_header_is_cut() {
    let with_tlv = header().with_tlv(&ProxyTlv::Authority("example.com")).unwrap();
    let binary = with_tlv.encode(ProxyVersion::Two);
    for (header, tlvs) in [(LINE.as_bytes(), "[]"), (&binary, "[Authority(\"example.com\")]")] {
        // S110: the bytes behind the header go on untouched, even if they look like another.
        let input = [header, LINE.as_bytes(), b"\xff\0"].concat();
        for pieces in cuts(&input) {
            let heard = heard(&ProxyOptions::default(), &pieces);
            let expected = [
                "admit SOCKET [\"PROXY\"]",
                "build 192.0.2.1:4660",
                "made 192.0.2.1:4660 198.51.100.2:443",
                "on SOCKET SERVER",
                &format!("local: false, tlvs: {tlvs}"),
                &format!("{}\\xff\\x00", LINE.escape_debug()),
            ];
            assert_eq!(heard, expected);
        }
    }
}

#[test]
fn without_addresses_the_sockets_own_remain() {
    let local = ProxyHeader::local().encode(ProxyVersion::Two);
    let unspecified = ProxyHeader::new(Address::Stdio, Address::Stdio).encode(ProxyVersion::Two);
    for (header, is_local) in [(&b"PROXY UNKNOWN\r\n"[..], false), (&local, true), (&unspecified, false)] {
        let heard = heard(&ProxyOptions::default(), &[header]);
        let made = [
            "build SOCKET",
            "made SOCKET SERVER",
            "on SOCKET SERVER",
            &format!("local: {is_local}, tlvs: []"),
        ];
        assert_eq!(heard[1..5], made);
    }
}

#[test]
fn the_server_speaks_only_after_the_header() {
    let (mut world, witness) = (World::new(), Witness::default());
    let server = world.listen(ProxyServerEndpoint::new, witness);
    let peer = world.connect(server);
    let (beginning, end) = LINE.split_at(LINE.len() - 1);
    peer.send(beginning);
    world.settle();
    assert_eq!(peer.received(), b"");
    peer.send(end);
    world.settle();
    assert_eq!(peer.received(), b"welcome");
}

#[test]
fn a_connection_without_header_is_closed() {
    for pieces in cuts(b"GET / HTTP/1.1\r\n\r\n") {
        let (mut world, witness) = (World::new(), Witness::default());
        let server = world.listen(ProxyServerEndpoint::new, witness.clone());
        let peer = world.connect(server);
        for piece in pieces {
            peer.send(piece);
            world.settle();
        }
        peer.finish();
        world.run_for(Duration::from_secs(60));
        assert_eq!(witness.log.take()[1..], ["failed: the connection does not begin with a PROXY header"]);
        assert_eq!((peer.received(), peer.is_closed()), (Vec::new(), true));
        assert_eq!(world.reactor.stats().connections, 0);
    }
}

#[test]
fn a_header_has_five_seconds() {
    let (mut world, witness) = (World::new(), Witness::default());
    let server = world.listen(ProxyServerEndpoint::new, witness.clone());
    let slow = world.connect(server);
    slow.send("PROXY ");
    world.run_for(Duration::from_millis(4999));
    assert_eq!(witness.log.take().len(), 1);
    world.run_for(Duration::from_millis(1));
    assert_eq!(witness.log.take(), ["failed: the handshake took longer than 5s"]);

    let in_time = world.connect(server);
    in_time.send(LINE);
    world.run_for(Duration::from_secs(3600));
    assert!(!in_time.is_closed(), "the time is for the header only");
}

#[test]
fn a_header_may_be_given_another_time() {
    let mut options = ProxyOptions::default();
    options.timeout = Duration::from_secs(1);
    let layer = ProxyHeaderLayer::new(Rc::new(options));
    assert_eq!(layer.handshake_timeout(), Duration::from_secs(1));
}

#[test]
fn a_header_must_not_be_cut_off() {
    let (mut world, witness) = (World::new(), Witness::default());
    let server = world.listen(ProxyServerEndpoint::new, witness.clone());
    let peer = world.connect(server);
    peer.send("PROXY TCP4");
    peer.finish();
    world.settle();
    assert_eq!(
        witness.log.take()[1..],
        ["failed: the peer closed the connection during the PROXY handshake"]
    );
}

#[test]
fn only_trusted_peers_are_believed() {
    let mut options = ProxyOptions::default();
    options.trusted = vec!["10.0.0.0/8".parse().unwrap()];
    assert_eq!(heard(&options, &[LINE.as_bytes()]), [""], "the peer is at 127.0.0.1");

    options.untrusted = Untrusted::Direct;
    let direct = heard(&options, &[LINE.as_bytes()]);
    assert_eq!(direct[..3], ["admit SOCKET []", "build SOCKET", "made SOCKET SERVER"]);
    assert_eq!(direct.last().unwrap(), &LINE.escape_debug().to_string(), "it is data");

    options.trusted.push("127.0.0.0/8".parse().unwrap());
    assert_eq!(heard(&options, &[LINE.as_bytes()])[1], "build 192.0.2.1:4660");
}

/// An endpoint that puts a layer of its own under its connections, as one for TLS does.
struct Covered<E>(E);

struct Cover;

impl<E: ServerEndpoint> ServerEndpoint for Covered<E> {
    fn listen_shared(
        &self,
        reactor: &ropewalk_reactor::ReactorHandle,
        factory: Rc<dyn Factory>,
    ) -> std::io::Result<ropewalk_reactor::ListeningPort> {
        self.0.listen(reactor, Covering.around(factory))
    }
}

struct Covering;

impl Policy for Covering {
    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        layers.push(Box::new(Cover));
        true
    }
}

impl Layer for Cover {
    fn name(&self) -> &'static str {
        "cover"
    }

    fn received(
        &mut self,
        input: &mut [u8],
        up: &mut Vec<u8>,
        _: &mut Vec<u8>,
    ) -> ropewalk_reactor::Result<usize> {
        up.extend_from_slice(input);
        Ok(input.len())
    }

    fn state(&self) -> LayerState {
        LayerState::Open
    }
}

#[test]
fn the_header_comes_before_other_layers_whichever_wraps_the_other() {
    for is_outside in [true, false] {
        let (mut world, witness) = (World::new(), Witness::default());
        let server = if is_outside {
            world.listen(|tcp| ProxyServerEndpoint::new(Covered(tcp)), witness.clone())
        } else {
            world.listen(|tcp| Covered(ProxyServerEndpoint::new(tcp)), witness.clone())
        };
        world.connect(server).send([LINE, "data"].concat());
        world.settle();
        let log = witness.log.take();
        assert!(log[0].ends_with("[\"PROXY\", \"cover\"]"), "{log:?}");
        assert_eq!(log[1], "build 192.0.2.1:4660");
        assert_eq!(witness.data(), b"data");
    }
}

#[test]
fn a_client_announces_whom_it_speaks_for() {
    for (version, expected) in [
        (ProxyVersion::One, LINE.as_bytes().to_vec()),
        (ProxyVersion::Two, header().encode(ProxyVersion::Two)),
    ] {
        let (mut world, witness) = (World::new(), Witness::default());
        let server = std::net::SocketAddr::from(([10, 0, 0, 1], 80));
        let peer = world.memory.expect_connect(server);
        peer.accept();
        let endpoint = ProxyClientEndpoint::new(TcpClientEndpoint::from(server), version, &header());
        endpoint.connect(&world.reactor, witness.clone()).then(|result| assert!(result.is_ok()));
        world.settle();
        assert_eq!(peer.received(), [&expected[..], b"welcome"].concat());
        assert!(witness.log.take()[2].starts_with("made 10.0.0.1:80 "), "its own addresses are the socket's");
        peer.send("answer");
        world.settle();
        assert_eq!(witness.data(), b"answer");
    }
}

#[test]
fn what_a_client_announces_a_server_hears() {
    use ropewalk_endpoints::TcpServerEndpoint;
    use ropewalk_reactor::Reactor;
    let mut reactor = Reactor::new().unwrap();
    for version in [ProxyVersion::One, ProxyVersion::Two] {
        let (server, client) = (Witness::default(), Witness::default());
        let endpoint = ProxyServerEndpoint::new("127.0.0.1:0".parse::<TcpServerEndpoint>().unwrap());
        let port = endpoint.listen(&reactor, server.clone()).unwrap();
        let address = TcpClientEndpoint::from(port.address().socket().unwrap());
        let endpoint = ProxyClientEndpoint::new(address, version, &header());
        endpoint.connect(&reactor, client.clone()).then(|result| assert!(result.is_ok()));
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        let (mut at_server, mut at_client) = (Vec::new(), Vec::new());
        while at_server != b"welcome" || at_client != b"welcome" {
            assert!(std::time::Instant::now() < deadline, "they did not talk");
            let _ = reactor.run_once(Some(Duration::from_millis(50))).unwrap();
            at_server.extend(server.data());
            at_client.extend(client.data());
        }
        assert_eq!(server.log.take()[2], "made 192.0.2.1:4660 198.51.100.2:443");
    }
}

#[test]
fn a_layer_by_itself_leaves_what_is_not_its_own() {
    let input = [LINE.as_bytes(), b"rest"].concat();
    for pieces in cuts(&input) {
        let mut layer = ProxyHeaderLayer::new(Rc::default());
        assert_eq!(drive(&mut layer, &pieces).unwrap(), (Vec::new(), b"rest".to_vec()));
        assert_eq!(layer.state(), LayerState::Transparent);
    }
}
