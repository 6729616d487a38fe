//! Writing PROXY headers.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use ropewalk_endpoints::{ProxyHeader, ProxyOptions, ProxySsl, ProxySslTlv, ProxyTlv, ProxyVersion};
use ropewalk_reactor::{Address, UnixAddress};
use support::Random;

fn tcp(text: &str) -> Address {
    Address::Tcp(text.parse().unwrap())
}

fn udp(text: &str) -> Address {
    Address::Udp(text.parse().unwrap())
}

#[track_caller]
fn parse(input: &[u8]) -> ProxyHeader {
    let mut options = ProxyOptions::default();
    options.limit = 65_551;
    let (header, length) = ProxyHeader::parse(input, &options).unwrap().unwrap();
    assert_eq!(length, input.len());
    header
}

fn line(header: &ProxyHeader) -> String {
    String::from_utf8(header.encode(ProxyVersion::One)).unwrap()
}

#[test]
fn version_1_is_a_line() {
    let cases = [
        (ProxyHeader::new(tcp("1.2.3.4:5"), tcp("6.7.8.9:65535")), "TCP4 1.2.3.4 6.7.8.9 5 65535"),
        (ProxyHeader::new(tcp("[2001:db8::1]:5"), tcp("[::]:0")), "TCP6 2001:db8::1 :: 5 0"),
        (ProxyHeader::new(tcp("1.2.3.4:5"), tcp("[::1]:6")), "TCP6 ::ffff:1.2.3.4 ::1 5 6"),
        (ProxyHeader::new(tcp("[::ffff:1.2.3.4]:5"), tcp("[::ffff:6.7.8.9]:6")), "TCP4 1.2.3.4 6.7.8.9 5 6"),
        (ProxyHeader::new(udp("1.2.3.4:5"), udp("6.7.8.9:6")), "UNKNOWN"),
        (ProxyHeader::new(UnixAddress::path("/a"), UnixAddress::path("/b")), "UNKNOWN"),
        (ProxyHeader::local(), "UNKNOWN"),
    ];
    for (header, expected) in cases {
        let line = line(&header);
        assert_eq!(line, format!("PROXY {expected}\r\n"));
        parse(line.as_bytes());
    }
}

#[test]
fn version_1_leaves_tlvs_out() {
    let header = ProxyHeader::new(tcp("1.2.3.4:5"), tcp("6.7.8.9:6"));
    let with_tlv = header.clone().with_tlv(&ProxyTlv::Authority("example.com")).unwrap();
    assert_eq!(line(&with_tlv), line(&header));
}

#[test]
fn version_2_has_these_bytes() {
    let header =
        ProxyHeader::new(tcp("1.2.3.4:5"), tcp("6.7.8.9:258")).with_tlv(&ProxyTlv::Alpn(b"h2")).unwrap();
    let expected =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11\x01\x02\x03\x04\x06\x07\x08\x09\0\x05\x01\x02\x01\0\x02h2";
    assert_eq!(header.encode(ProxyVersion::Two), expected);
    assert_eq!(ProxyHeader::local().encode(ProxyVersion::Two), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
}

#[test]
fn a_local_header_has_no_tlvs() {
    let header = ProxyHeader::local().with_tlv(&ProxyTlv::UniqueId(b"1")).unwrap();
    assert_eq!(header.encode(ProxyVersion::Two), ProxyHeader::local().encode(ProxyVersion::Two));
}

#[test]
fn addresses_that_cannot_be_sent_are_unknown() {
    let unix = |name: &str| Address::from(UnixAddress::path(name));
    let cases = [
        (tcp("1.2.3.4:5"), udp("1.2.3.4:5")),
        (tcp("1.2.3.4:5"), unix("/run/x")),
        (Address::Stdio, Address::Stdio),
        (unix(&"x".repeat(109)), unix("/run/x")),
        (UnixAddress::abstract_name(vec![b'x'; 108]).into(), unix("/run/x")),
    ];
    for (peer, host) in cases {
        let encoded = ProxyHeader::new(peer, host).encode(ProxyVersion::Two);
        assert_eq!(encoded, b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0");
        assert_eq!(parse(&encoded).addresses(), None);
    }
}

#[test]
fn what_is_written_is_read_again() {
    let mut ssl = ProxySsl::default();
    (ssl.uses_tls, ssl.verify) = (true, 7);
    let ssl = ssl.with_tlv(&ProxySslTlv::KeyAlgorithm("RSA2048")).unwrap();
    let ssl = ssl.with_tlv(&ProxySslTlv::SignatureAlgorithm("RSA-SHA256")).unwrap();
    let tlvs = [
        ProxyTlv::Alpn(b"http/1.1"),
        ProxyTlv::Authority("example.com"),
        ProxyTlv::Checksum,
        ProxyTlv::Noop(b"\0"),
        ProxyTlv::UniqueId(b"\0\xff"),
        ProxyTlv::Ssl(ssl),
        ProxyTlv::NetworkNamespace("blue"),
        ProxyTlv::Other { kind: 0xe5, value: b"own" },
    ];
    let unix = |address: UnixAddress| Address::from(address);
    let addresses = [
        (tcp("1.2.3.4:5"), tcp("6.7.8.9:6")),
        (udp("1.2.3.4:5"), udp("6.7.8.9:6")),
        (tcp("[::1]:5"), tcp("[2001:db8::1]:6")),
        (udp("[::1]:5"), udp("[2001:db8::1]:6")),
        (unix(UnixAddress::unnamed()), unix(UnixAddress::path("/run/x"))),
        (unix(UnixAddress::abstract_name(*b"a\0b")), unix(UnixAddress::path("x".repeat(108)))),
    ];
    let mut random = Random(3);
    for (peer, host) in addresses {
        for _ in 0..200 {
            let mut header = ProxyHeader::new(peer.clone(), host.clone());
            for _ in 0..random.below(10) {
                header = header.with_tlv(&tlvs[random.below(tlvs.len())]).unwrap();
            }
            assert_eq!(parse(&header.encode(ProxyVersion::Two)), header);
        }
    }
}

#[test]
fn a_header_takes_no_tlv_that_could_not_be_read() {
    let header = || ProxyHeader::new(tcp("1.2.3.4:5"), tcp("6.7.8.9:6"));
    let cases = [
        (ProxyTlv::UniqueId(&[0; 129]), "has more than 128 bytes"),
        (ProxyTlv::Other { kind: 0x02, value: b"\xff" }, "is not UTF-8"),
        (ProxyTlv::Other { kind: 0x03, value: b"" }, "has not 4 bytes"),
        (ProxyTlv::Alpn(&[0; 65_317]), "is too long to be sent"),
        (ProxyTlv::Alpn(&[0; 70_000]), "is too long to be sent"),
    ];
    for (tlv, problem) in cases {
        let error = header().with_tlv(&tlv).unwrap_err().to_string();
        assert!(error.ends_with(problem), "{error}");
    }
    let full = ProxyHeader::new(UnixAddress::path("/a"), UnixAddress::path("/b"));
    let full = full.with_tlv(&ProxyTlv::Alpn(&[0; 65_316])).unwrap();
    assert_eq!(parse(&full.encode(ProxyVersion::Two)), full);
    assert!(full.with_tlv(&ProxyTlv::Noop(b"")).is_err(), "there is no room");
}

#[test]
fn a_checksum_is_sent_once() {
    let header = ProxyHeader::new(tcp("1.2.3.4:5"), tcp("6.7.8.9:6"));
    let header = header.with_tlv(&ProxyTlv::Checksum).unwrap().with_tlv(&ProxyTlv::Checksum).unwrap();
    assert_eq!(parse(&header.encode(ProxyVersion::Two)).tlvs().collect::<Vec<_>>(), [ProxyTlv::Checksum]);
}
