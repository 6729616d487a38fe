//! What counts as an address, and what is said about what does not.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::io;
use std::net::SocketAddr;

use ropewalk_endpoints::{AddressError, AddressProblem, TcpClientEndpoint, TcpServerEndpoint};
use ropewalk_reactor::NameProblem;

fn problem(text: &str) -> AddressProblem {
    let error: AddressError = text.parse::<TcpServerEndpoint>().unwrap_err();
    assert_eq!(text.parse::<TcpClientEndpoint>().unwrap_err(), error);
    assert_eq!(error.address(), text);
    error.problem()
}

#[test]
fn addresses_are_shown_as_they_are_parsed() {
    for text in ["127.0.0.1:8123", "[::1]:8123", "0.0.0.0:80", "[::]:80", "localhost:8123", "1.2.3.4:0"] {
        assert_eq!(text.parse::<TcpServerEndpoint>().unwrap().to_string(), text);
        assert_eq!(text.parse::<TcpClientEndpoint>().unwrap().to_string(), text);
    }
    let address: SocketAddr = "[::1]:8123".parse().unwrap();
    assert_eq!(TcpServerEndpoint::from(address), "[::1]:8123".parse().unwrap());
    assert_eq!(TcpClientEndpoint::from(address), "[::1]:8123".parse().unwrap());
}

#[test]
fn names_are_for_clients() {
    for text in
        ["example.com:80", "example.com.:80", "localhost.:80", "a.localhost:80", "under_score:1", "x:0"]
    {
        assert_eq!(text.parse::<TcpClientEndpoint>().unwrap().to_string(), text);
        let error = text.parse::<TcpServerEndpoint>().unwrap_err();
        assert_eq!(error.problem(), AddressProblem::Name, "{text}");
    }
}

#[test]
fn names_may_be_written_in_capitals() {
    let endpoint: TcpClientEndpoint = "Example.COM:80".parse().unwrap();
    assert_eq!(endpoint.to_string(), "example.com:80");
    assert_eq!(endpoint, "example.com:80".parse().unwrap());
    assert_eq!("LocalHost:65535".parse::<TcpServerEndpoint>().unwrap().to_string(), "localhost:65535");
}

#[test]
fn every_mistake_is_called_by_its_name() {
    let cases: [(&[&str], AddressProblem); 12] = [
        (&[""], AddressProblem::Empty),
        (&[" ", "127.0.0.1: 80", " 127.0.0.1:80", "127.0.0.1:80\n", "\t"], AddressProblem::Whitespace),
        (&["8123", ":8123", ":", "0"], AddressProblem::MissingHost),
        (
            &["127.0.0.1", "127.0.0.1:", "localhost", "localhost:", "[::1]", "[::1]:"],
            AddressProblem::MissingPort,
        ),
        (
            &["127.0.0.1:65536", "[::1]:-1", "localhost:+80", "h:80a", "h:999999999999"],
            AddressProblem::BadPort,
        ),
        (&["256.0.0.1:80", "127.1:80", "1.2.3.4.5:80", "1:80", "0x7f.1:80"], AddressProblem::BadIpv4),
        (&["[fe80::1%eth0]:80", "[fe80::1%]:80", "[fe80::1%-2]:80"], AddressProblem::InterfaceName),
        (
            &["[%eth0]:80", "[::g]:80", "[::1:80", "[]:80", "[127.0.0.1]:80", "[::1]]:80"],
            AddressProblem::BadIpv6,
        ),
        (
            &["::1:80", "::1", "fe80::1:80", "fe80::1%eth0:80", "::ffff:1.2.3.4:80"],
            AddressProblem::MissingBrackets,
        ),
        (&["é:80"], AddressProblem::BadName(NameProblem::NotAscii)),
        (&["tcp:127.0.0.1:80"], AddressProblem::BadName(NameProblem::BadCharacter(':'))),
        (&["a..b:80", ".a:80"], AddressProblem::BadName(NameProblem::EmptyLabel)),
    ];
    for (texts, expected) in cases {
        for text in texts {
            assert_eq!(problem(text), expected, "{text:?}");
        }
    }
}

#[test]
fn the_error_quotes_the_text_and_says_what_would_be_right() {
    let error = "127.0.0.1".parse::<TcpServerEndpoint>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the address \"127.0.0.1\" has no port: write it after the host, as in 127.0.0.1:8123"
    );
    let error = "example.com:80\x1b[2J".parse::<TcpServerEndpoint>().unwrap_err();
    assert!(
        error.to_string().starts_with(r#"the address "example.com:80\u{1b}[2J" has a bad port"#),
        "{error}"
    );
    let error = "example.com:80".parse::<TcpServerEndpoint>().unwrap_err();
    assert!(error.to_string().contains("use an IP address (to listen, one of this host"), "{error}");
    let error = "b\u{fc}cher.example:80".parse::<TcpClientEndpoint>().unwrap_err();
    assert!(error.to_string().contains("it is not ASCII: write it in punycode"), "{error}");
}

#[test]
fn the_error_becomes_one_of_input() {
    let error = io::Error::from("x".parse::<TcpServerEndpoint>().unwrap_err());
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("has no port"), "{error}");
}
