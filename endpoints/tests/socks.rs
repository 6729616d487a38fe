//! SOCKS 5 with a proxy that is scripted byte by byte.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_endpoints::{
    ClientEndpoint, ProxyClientEndpoint, ProxyHeader, ProxyVersion, Socks5ClientEndpoint, Socks5Credentials,
    Socks5Error, Socks5Layer, Socks5Options, Socks5Reply, Socks5Target, TcpClientEndpoint,
};
use ropewalk_reactor::testing::Peer;
use ropewalk_reactor::{ConnectError, ConnectResult, Layer, LayerState, Reason, Timeout};
use support::{Random, Witness, World, cuts, drive};

const GREETING: &[u8] = b"\x05\x01\x00";
const GREETING_WITH_CREDENTIALS: &[u8] = b"\x05\x02\x00\x02";
const LOGIN: &[u8] = b"\x01\x05alice\x06secret";
const REQUEST_FOR_NAME: &[u8] = b"\x05\x01\x00\x03\x0bexample.com\x00\x50";
const REPLY: &[u8] = b"\x05\x00\x00\x01\x0a\x09\x08\x07\x12\x34";

fn layer(target: &str, with_credentials: bool) -> Socks5Layer {
    Socks5Layer::new(Rc::new(target.parse().unwrap()), Rc::new(options(with_credentials)))
}

fn options(with_credentials: bool) -> Socks5Options {
    let mut options = Socks5Options::default();
    options.credentials = with_credentials.then(|| Socks5Credentials::new("alice", "secret").unwrap());
    options
}

/// The error of a layer that gets these answers, which must not depend on how they are cut.
#[track_caller]
fn error(with_credentials: bool, answers: &[u8]) -> Socks5Error {
    let error = |pieces: &[&[u8]]| {
        let error = drive(&mut layer("example.com:80", with_credentials), pieces).unwrap_err();
        *error.downcast::<Socks5Error>().unwrap()
    };
    let whole = error(&[answers]);
    for pieces in cuts(answers) {
        assert_eq!(error(&pieces), whole);
    }
    whole
}

#[test]
fn a_connection_is_asked_for_however_the_answers_are_cut() {
    let greeting_and = |rest: &[&[u8]]| [GREETING, &rest.concat()].concat();
    let ipv6 =
        [b"\x05\x01\x00\x04", &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], b"\x01\xbb"]
            .concat();
    let with_login = [GREETING_WITH_CREDENTIALS, LOGIN, REQUEST_FOR_NAME].concat();
    let cases: [(&str, bool, &[u8], Vec<u8>); 6] = [
        ("example.com:80", false, b"\x05\x00", greeting_and(&[REQUEST_FOR_NAME])),
        ("1.2.3.4:258", false, b"\x05\x00", greeting_and(&[b"\x05\x01\x00\x01\x01\x02\x03\x04\x01\x02"])),
        ("[2001:db8::1]:443", false, b"\x05\x00", greeting_and(&[&ipv6])),
        ("example.com:80", true, b"\x05\x02\x01\x00", with_login.clone()),
        // Some proxies answer the login with their own version.
        ("example.com:80", true, b"\x05\x02\x05\x00", with_login),
        ("example.com:80", true, b"\x05\x00", [GREETING_WITH_CREDENTIALS, REQUEST_FOR_NAME].concat()),
    ];
    let ipv6_reply = [b"\x05\x00\x00\x04", &[9; 18][..]].concat();
    let replies = [REPLY, &ipv6_reply, b"\x05\x00\x00\x03\x05proxy\x00\x01", b"\x05\x00\xff\x03\x00\x00\x01"];
    for (target, with_credentials, answers, expected) in &cases {
        for reply in replies {
            let input = [answers, reply, b"\x05\x01data"].concat();
            for pieces in cuts(&input) {
                let mut layer = layer(target, *with_credentials);
                let (said, rest) = drive(&mut layer, &pieces).unwrap();
                assert_eq!(said, *expected);
                assert_eq!(rest, b"\x05\x01data", "what follows is the target's");
                assert_eq!(layer.state(), LayerState::Transparent);
            }
        }
    }
}

#[test]
fn nothing_is_said_before_it_is_asked_for() {
    let mut layer = layer("example.com:80", true);
    let (mut up, mut down) = (Vec::new(), Vec::new());
    layer.begin(&mut down).unwrap();
    assert_eq!(std::mem::take(&mut down), GREETING_WITH_CREDENTIALS);
    assert_eq!(layer.received(&mut b"\x05".to_vec(), &mut up, &mut down).unwrap(), 0);
    assert_eq!(layer.received(&mut b"\x05\x02".to_vec(), &mut up, &mut down).unwrap(), 2);
    assert_eq!(std::mem::take(&mut down), LOGIN);
    assert_eq!(layer.received(&mut b"\x01\x00".to_vec(), &mut up, &mut down).unwrap(), 2);
    assert_eq!(down, REQUEST_FOR_NAME);
    assert_eq!(layer.state(), LayerState::Opening);
}

#[test]
fn addresses_are_those_of_the_target_if_it_has_one() {
    let open = |target: &str, reply: &[u8]| {
        let mut layer = layer(target, false);
        drive(&mut layer, &[&[b"\x05\x00", reply].concat()]).unwrap();
        layer.addresses().map(|(peer, host)| (peer.to_string(), host.to_string()))
    };
    let both = |peer: &str, host: &str| Some((peer.to_owned(), host.to_owned()));
    assert_eq!(open("1.2.3.4:80", REPLY), both("1.2.3.4:80", "10.9.8.7:4660"));
    assert_eq!(open("[::1]:80", b"\x05\x00\x00\x03\x01x\x00\x07"), both("[::1]:80", "0.0.0.0:7"));
    assert_eq!(open("example.com:80", REPLY), None);
    assert_eq!(layer("1.2.3.4:80", false).addresses(), None, "not before the proxy has connected");
}

#[test]
fn each_refusal_is_told_as_a_sentence() {
    let reasons = [
        (1, Socks5Reply::GeneralFailure, "general failure"),
        (2, Socks5Reply::NotAllowed, "its rules do not allow it"),
        (3, Socks5Reply::NetworkUnreachable, "network unreachable"),
        (4, Socks5Reply::HostUnreachable, "host unreachable"),
        (5, Socks5Reply::ConnectionRefused, "connection refused"),
        (6, Socks5Reply::TtlExpired, "time to live expired"),
        (7, Socks5Reply::CommandNotSupported, "it does not connect for others"),
        (8, Socks5Reply::AddressTypeNotSupported, "it does not support this type of address"),
        (9, Socks5Reply::Other(9), "unknown reply 9"),
        (255, Socks5Reply::Other(255), "unknown reply 255"),
    ];
    let target: Socks5Target = "example.com:80".parse().unwrap();
    for (number, reply, text) in reasons {
        // Some proxies send nothing after the number.
        for rest in [&b""[..], b"\0\x01\0\0\0\0\0\0"] {
            let error = error(false, &[b"\x05\x00\x05", &[number][..], rest].concat());
            assert_eq!(error, Socks5Error::Unreachable { target: target.clone(), reply });
            assert_eq!(error.to_string(), format!("the SOCKS proxy could not reach example.com:80: {text}"));
        }
    }
}

#[test]
fn answers_that_are_none_are_told() {
    let cases: [(bool, &[u8], Socks5Error, &str); 8] = [
        (
            false,
            b"HTTP/1.1 400",
            Socks5Error::NotSocks5 { version: b'H' },
            "the proxy does not speak SOCKS 5: its answer begins with 0x48",
        ),
        (
            false,
            b"\x05\x00\x04\x5a",
            Socks5Error::NotSocks5 { version: 4 },
            "the proxy does not speak SOCKS 5: its answer begins with 0x04",
        ),
        (
            false,
            b"\x05\xff",
            Socks5Error::NoAcceptableMethod { with_credentials: false },
            "the SOCKS proxy wants a user name and a password, or something else to log in",
        ),
        (
            true,
            b"\x05\xff",
            Socks5Error::NoAcceptableMethod { with_credentials: true },
            "the SOCKS proxy wants something else to log in than a user name and a password",
        ),
        (
            false,
            b"\x05\x02",
            Socks5Error::UnknownMethod(2),
            "the SOCKS proxy chose to log in by method 2, which was not offered",
        ),
        (
            true,
            b"\x05\x01",
            Socks5Error::UnknownMethod(1),
            "the SOCKS proxy chose to log in by method 1, which was not offered",
        ),
        (
            true,
            b"\x05\x02\x01\x01",
            Socks5Error::WrongCredentials,
            "the SOCKS proxy did not accept the user name and the password",
        ),
        (
            false,
            b"\x05\x00\x05\x00\x00\x02",
            Socks5Error::UnknownAddressType(2),
            "the SOCKS proxy tells an address of the unknown type 2",
        ),
    ];
    for (with_credentials, answers, expected, text) in cases {
        let error = error(with_credentials, answers);
        assert_eq!((error.to_string().as_str(), &error), (text, &expected));
    }
}

#[test]
fn credentials_have_from_1_to_255_bytes_and_are_not_shown() {
    let longest = "x".repeat(255);
    assert!(Socks5Credentials::new(longest.clone(), longest.clone()).is_ok());
    let error = |user: &str, password: &str| Socks5Credentials::new(user, password).unwrap_err().to_string();
    assert_eq!(error("", "x"), "the user name for the SOCKS proxy has 0 bytes: it must have from 1 to 255");
    assert_eq!(error("x", ""), "the password for the SOCKS proxy has 0 bytes: it must have from 1 to 255");
    assert!(error("x", &format!("{longest}x")).contains("256 bytes"));
    let endpoint = Socks5ClientEndpoint::new((), "a:1".parse().unwrap()).with_options(options(true));
    let shown = format!("{endpoint:?}");
    assert!(shown.contains("alice") && !shown.contains("secret"), "{shown}");
}

#[test]
fn random_answers_do_no_harm() {
    let mut random = Random(11);
    for _ in 0..20_000 {
        let beginning: &[u8] =
            [&b""[..], b"\x05\x00", b"\x05\x02\x01\x00", b"\x05\x00\x05\x00\x00"][random.below(4)];
        let length = random.below(300);
        let input = [beginning, &random.bytes(length)].concat();
        let mut layer = layer("example.com:80", true);
        if let Ok((_, rest)) = drive(&mut layer, &[&input]) {
            // The longest answer is one with a name.
            assert!(layer.state() == LayerState::Transparent || rest.len() < 4 + 1 + 255 + 2);
        }
    }
}

fn proxy_address() -> SocketAddr {
    ([10, 0, 0, 1], 1080).into()
}

/// Begins to connect by way of an endpoint; the peer is the proxy.
fn begin(
    world: &mut World,
    endpoint: &impl ClientEndpoint,
    witness: &Witness,
) -> (Peer, Rc<RefCell<Option<ConnectResult>>>) {
    let proxy = world.memory.expect_connect(proxy_address());
    proxy.accept();
    let result = Rc::new(RefCell::new(None));
    let keep = Rc::clone(&result);
    endpoint.connect(&world.reactor, witness.clone()).then(move |value| *keep.borrow_mut() = Some(value));
    world.settle();
    (proxy, result)
}

fn through_proxy(target: &str) -> Socks5ClientEndpoint<TcpClientEndpoint> {
    Socks5ClientEndpoint::new(proxy_address().into(), target.parse().unwrap())
}

#[test]
fn a_protocol_talks_to_the_target() {
    for (target, made) in
        [("1.2.3.4:80", "made 1.2.3.4:80 10.9.8.7:4660"), ("example.com:80", "made 10.0.0.1:1080 ")]
    {
        let (mut world, witness) = (World::new(), Witness::default());
        let (proxy, result) = begin(&mut world, &through_proxy(target), &witness);
        assert_eq!(proxy.received(), GREETING);
        proxy.send(b"\x05\x00");
        world.settle();
        assert!(proxy.received().starts_with(b"\x05\x01\x00"));
        assert!(result.borrow().is_none(), "the connection is not made yet");
        proxy.send([REPLY, b"hello"].concat());
        world.settle();
        assert!(matches!(&*result.borrow(), Some(Ok(_))));
        let log = witness.log.take();
        assert_eq!(log[0], "admit 10.0.0.1:1080 [\"SOCKS\"]");
        assert!(log[2].starts_with(made), "{log:?}");
        assert_eq!((witness.data(), proxy.received()), (b"hello".to_vec(), b"welcome".to_vec()));
    }
}

#[test]
fn a_refusal_is_the_error_of_connecting() {
    let (mut world, witness) = (World::new(), Witness::default());
    let (proxy, result) = begin(&mut world, &through_proxy("example.com:80"), &witness);
    proxy.send(b"\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0");
    world.run_for(Duration::from_secs(60));
    let error = result.take().unwrap().unwrap_err();
    assert!(matches!(&error, ConnectError::NotReady { reason: Reason::Layer(_), .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "connecting to 10.0.0.1:1080: the SOCKS proxy could not reach example.com:80: connection refused"
    );
    assert_eq!(witness.log.take().len(), 2, "admit and failed");
    assert!(proxy.is_closed());
}

#[test]
fn a_silent_proxy_times_out() {
    let (mut world, witness) = (World::new(), Witness::default());
    let mut options = Socks5Options::default();
    assert_eq!(options.timeout, Duration::from_secs(30));
    options.timeout = Duration::from_secs(3);
    let endpoint = through_proxy("example.com:80").with_options(options);
    let (proxy, result) = begin(&mut world, &endpoint, &witness);
    proxy.send(b"\x05\x00");
    world.run_for(Duration::from_millis(2999));
    assert!(result.borrow().is_none());
    world.run_for(Duration::from_millis(1));
    let error = result.take().unwrap().unwrap_err();
    let timed_out = Timeout::Handshake(Duration::from_secs(3));
    assert!(
        matches!(&error, ConnectError::NotReady { reason: Reason::TimedOut(timeout), .. } if *timeout == timed_out),
        "{error:?}"
    );
}

#[test]
fn a_proxy_that_hangs_up_is_told() {
    let (mut world, witness) = (World::new(), Witness::default());
    let (proxy, result) = begin(&mut world, &through_proxy("example.com:80"), &witness);
    proxy.finish();
    world.settle();
    let error = result.take().unwrap().unwrap_err().to_string();
    assert_eq!(
        error,
        "connecting to 10.0.0.1:1080: the peer closed the connection during the SOCKS handshake"
    );
}

#[test]
fn proxies_can_be_chained() {
    let (mut world, witness) = (World::new(), Witness::default());
    let endpoint = Socks5ClientEndpoint::new(through_proxy("10.0.0.2:1080"), "1.2.3.4:80".parse().unwrap());
    let (proxy, _) = begin(&mut world, &endpoint, &witness);
    assert_eq!(proxy.received(), GREETING);
    proxy.send(b"\x05\x00");
    world.settle();
    assert_eq!(proxy.received(), b"\x05\x01\x00\x01\x0a\x00\x00\x02\x04\x38");
    proxy.send(b"\x05\x00\x00\x01\0\0\0\0\0\0");
    world.settle();
    assert_eq!(proxy.received(), GREETING, "this is for the second");
    proxy.send([b"\x05\x00", REPLY].concat());
    world.settle();
    assert_eq!(proxy.received(), b"\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50welcome");
    assert_eq!(
        witness.log.take()[2],
        "made 1.2.3.4:80 10.9.8.7:4660",
        "what the outermost has learnt counts"
    );
}

#[test]
fn a_proxy_header_goes_to_the_target() {
    let (mut world, witness) = (World::new(), Witness::default());
    let header = ProxyHeader::new(([192, 0, 2, 1], 1), ([192, 0, 2, 2], 2));
    let endpoint = ProxyClientEndpoint::new(through_proxy("1.2.3.4:80"), ProxyVersion::One, &header);
    let (proxy, _) = begin(&mut world, &endpoint, &witness);
    proxy.send(b"\x05\x00");
    world.settle();
    proxy.received();
    proxy.send(REPLY);
    world.settle();
    assert_eq!(proxy.received(), b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nwelcome");
}
