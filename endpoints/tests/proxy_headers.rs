//! Reading PROXY headers: every form of the specification, and what is none (S111, S112).
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use ropewalk_endpoints::{
    ProxyHeader, ProxyHeaderError as Error, ProxyOptions, ProxySsl, ProxySslTlv, ProxyTlv, ProxyVersion,
};
use support::Random;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const IPV4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0x01, 0xbb];

/// A header of version 2.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = (rest.len() as u16).to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

fn with_tlvs(tlvs: &[u8]) -> Vec<u8> {
    binary(0x21, 0x11, &[IPV4, tlvs].concat())
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &(value.len() as u16).to_be_bytes(), value].concat()
}

fn parse(input: &[u8]) -> Result<Option<(ProxyHeader, usize)>, Error> {
    ProxyHeader::parse(input, &ProxyOptions::default())
}

/// Reads a good header, at its beginnings and with bytes after it too.
#[track_caller]
fn good(input: &[u8]) -> ProxyHeader {
    for length in 0..input.len() {
        assert_eq!(parse(&input[..length]), Ok(None), "the first {length} bytes are not whole");
    }
    let (header, length) = parse(input).unwrap().unwrap();
    assert_eq!(length, input.len());
    for after in ["\r\n", "PROXY TCP4", "\0"] {
        let longer = [input, after.as_bytes()].concat();
        assert_eq!(parse(&longer), Ok(Some((header.clone(), length))), "what follows is not touched");
    }
    header
}

/// Reads a bad header: its error must not depend on how much has come, nor come before what is wrong.
#[track_caller]
fn bad(input: &[u8]) -> Error {
    let error = parse(input).unwrap_err();
    let told = (0..=input.len()).find(|length| parse(&input[..*length]).is_err()).unwrap();
    for length in 0..input.len() {
        let expected = if length < told { Ok(None) } else { Err(error.clone()) };
        assert_eq!(parse(&input[..length]), expected, "the first {length} bytes of {}", input.escape_ascii());
    }
    assert_eq!(parse(&[input, b"more\r\n"].concat()), Err(error.clone()));
    error
}

#[track_caller]
fn check_addresses(header: &ProxyHeader, expected: Option<(&str, &str)>) {
    let addresses = header.addresses().map(|(peer, host)| (peer.to_string(), host.to_string()));
    let addresses = addresses.as_ref().map(|(peer, host)| (peer.as_str(), host.as_str()));
    assert_eq!(addresses, expected);
}

#[test]
fn lines_of_version_1_are_read() {
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let longest_socket = format!("[{longest}]:65535");
    let longest_line = format!("TCP6 {longest} {longest} 65535 65535");
    let longest_unknown = format!("UNKNOWN {longest} {longest} 65535 65535");
    let cases = [
        ("TCP4 192.168.0.1 192.168.0.11 56324 443", Some(("192.168.0.1:56324", "192.168.0.11:443"))),
        ("TCP4 0.0.0.0 255.255.255.255 0 65535", Some(("0.0.0.0:0", "255.255.255.255:65535"))),
        ("TCP6 2001:db8::1 ::1 1 2", Some(("[2001:db8::1]:1", "[::1]:2"))),
        ("TCP6 2001:0DB8:0:0:0:0:0:1 :: 1 2", Some(("[2001:db8::1]:1", "[::]:2"))),
        ("TCP6 ::ffff:1.2.3.4 ::ffff:5.6.7.8 1 2", Some(("[::ffff:1.2.3.4]:1", "[::ffff:5.6.7.8]:2"))),
        (&longest_line, Some((&longest_socket, &longest_socket))),
        ("UNKNOWN", None),
        ("UNKNOWN ", None),
        ("UNKNOWN whatever \n it is", None),
        (&longest_unknown, None),
    ];
    for (line, addresses) in cases {
        let header = good(format!("PROXY {line}\r\n").as_bytes());
        check_addresses(&header, addresses);
        assert!(!header.is_local());
        assert_eq!(header.tlvs().count(), 0);
    }
    good(b"PROXY UNKNOWN \xff\0\r\n");
}

#[test]
fn bad_lines_of_version_1_are_told() {
    let (address, port) = ("source address", "destination port");
    let text = str::to_owned;
    let cases = [
        ("", Error::BadKeyword { text: text("") }),
        ("tcp4 1.1.1.1 2.2.2.2 1 2", Error::BadKeyword { text: text("tcp4") }),
        ("UDP4 1.1.1.1 2.2.2.2 1 2", Error::BadKeyword { text: text("UDP4") }),
        (" TCP4 1.1.1.1 2.2.2.2 1 2", Error::BadKeyword { text: text("") }),
        ("UNKNOWNS", Error::BadKeyword { text: text("UNKNOWNS") }),
        ("TCP4", Error::MissingField { field: address }),
        ("TCP4 1.1.1.1 2.2.2.2 1", Error::MissingField { field: port }),
        ("TCP4 1.1.1.1 2.2.2.2 1 2 ", Error::ExtraField),
        ("TCP4 1.1.1.1 2.2.2.2 1 2 3", Error::ExtraField),
        ("TCP4  1.1.1.1 2.2.2.2 1 2", Error::BadAddress { field: address, text: text("") }),
        ("TCP4 1.1.1 2.2.2.2 1 2", Error::BadAddress { field: address, text: text("1.1.1") }),
        ("TCP4 01.1.1.1 2.2.2.2 1 2", Error::BadAddress { field: address, text: text("01.1.1.1") }),
        ("TCP4 1.1.1.256 2.2.2.2 1 2", Error::BadAddress { field: address, text: text("1.1.1.256") }),
        ("TCP4 ::1 2.2.2.2 1 2", Error::BadAddress { field: address, text: text("::1") }),
        ("TCP4 1.1.1.1\t2.2.2.2 1 2 3", Error::BadAddress { field: address, text: text("1.1.1.1\t2.2.2.2") }),
        ("TCP6 1.1.1.1 ::1 1 2", Error::BadAddress { field: address, text: text("1.1.1.1") }),
        ("TCP6 ::1::2 ::1 1 2", Error::BadAddress { field: address, text: text("::1::2") }),
        ("TCP6 00001:: ::1 1 2", Error::BadAddress { field: address, text: text("00001::") }),
        ("TCP6 fe80::1%1 ::1 1 2", Error::BadAddress { field: address, text: text("fe80::1%1") }),
        ("TCP6 [::1] ::1 1 2", Error::BadAddress { field: address, text: text("[::1]") }),
        ("TCP4 1.1.1.1 2.2.2.2 1 65536", Error::BadPort { field: port, text: text("65536") }),
        ("TCP4 1.1.1.1 2.2.2.2 1 080", Error::BadPort { field: port, text: text("080") }),
        ("TCP4 1.1.1.1 2.2.2.2 1 00", Error::BadPort { field: port, text: text("00") }),
        ("TCP4 1.1.1.1 2.2.2.2 1 +80", Error::BadPort { field: port, text: text("+80") }),
        ("TCP4 1.1.1.1 2.2.2.2 1 -1", Error::BadPort { field: port, text: text("-1") }),
        ("TCP4 1.1.1.1 2.2.2.2 1 ", Error::BadPort { field: port, text: text("") }),
        ("TCP4 1.1.1.1 2.2.2.2 1 http", Error::BadPort { field: port, text: text("http") }),
        ("TCP4 1.1.1.1 2.2.2.2 1 2\n", Error::BareLineEnd),
        ("TCP4 1.1.1.1\r 2.2.2.2 1 2", Error::BareLineEnd),
        ("UNKNOWN \r", Error::BareLineEnd),
    ];
    for (line, error) in cases {
        assert_eq!(bad(format!("PROXY {line}\r\n").as_bytes()), error, "{line:?}");
    }
    assert_eq!(
        bad(b"PROXY TCP4 1.1.1.1 2.2.2.2 1 \xff\r\n"),
        Error::BadPort { field: port, text: text("\u{fffd}") }
    );
}

#[test]
fn a_line_has_107_bytes_at_most() {
    let line =
        |length: usize| format!("PROXY UNKNOWN{:>width$}", "\r\n", width = length - "PROXY UNKNOWN".len());
    good(line(107).as_bytes());
    assert_eq!(bad(line(108).as_bytes()), Error::LineTooLong);
    assert_eq!(bad(&[b"PROXY ", &[b'x'; 101][..]].concat()), Error::LineTooLong);
    assert_eq!(parse(&[b"PROXY ", &[b'x'; 100][..]].concat()), Ok(None));
}

#[test]
fn what_is_no_header_is_told_by_its_first_wrong_byte() {
    for input in [
        "GET / HTTP/1.1\r\n",
        "\x16\x03\x01",
        "PROXX",
        "PROXY\tTCP4",
        "proxy ",
        "\r\n\r\n\r",
        "\r\n\r\n\0\r\nQUIT\r",
    ] {
        assert_eq!(bad(input.as_bytes()), Error::Missing, "{input:?}");
    }
    assert_eq!(parse(b""), Ok(None));
}

#[test]
fn headers_of_version_2_are_read() {
    let ipv6 = [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [0; 16]].concat();
    let ipv6 = [&ipv6[..], &[0, 1, 0xff, 0xff]].concat();
    let ipv4_sockets = Some(("192.0.2.1:4660", "198.51.100.2:443"));
    let ipv6_sockets = Some(("[2001:db8::1]:1", "[::]:65535"));
    let cases = [
        (0x11, IPV4, ipv4_sockets),
        (0x12, IPV4, ipv4_sockets),
        (0x21, &ipv6, ipv6_sockets),
        (0x22, &ipv6, ipv6_sockets),
        // Unspecified: addresses, if they are there, are ignored.
        (0x00, &[], None),
        (0x01, &[], None),
        (0x02, &[], None),
        (0x10, IPV4, None),
        (0x20, &ipv6, None),
        (0x30, &[b'x'; 216], None),
    ];
    for (family, rest, addresses) in cases {
        let header = good(&binary(0x21, family, rest));
        check_addresses(&header, addresses);
        assert!(!header.is_local());
    }
    let udp = good(&binary(0x21, 0x12, IPV4));
    assert!(matches!(udp.addresses(), Some((ropewalk_reactor::Address::Udp(_), _))));
}

#[test]
fn names_of_unix_sockets_are_read() {
    let name = |bytes: &[u8]| {
        let mut name = bytes.to_vec();
        name.resize(108, 0);
        name
    };
    let full = [b'x'; 108];
    let full_text = "x".repeat(108);
    let none = "a UNIX socket without a name";
    let cases: [(&[u8], &[u8], &str, &str); 4] = [
        (b"/run/client.sock", b"/run/server.sock", "/run/client.sock", "/run/server.sock"),
        (b"", b"\0chat", none, "@chat"),
        (b"/run/x\0garbage", b"\0a\0b", "/run/x", "@a\\x00b"),
        (&full, b"", &full_text, none),
    ];
    for (peer, host, peer_text, host_text) in cases {
        for family in [0x31, 0x32] {
            let header = good(&binary(0x21, family, &[name(peer), name(host)].concat()));
            check_addresses(&header, Some((peer_text, host_text)));
        }
    }
}

#[test]
fn of_a_local_header_nothing_else_is_looked_at() {
    for (family, rest) in [(0, &b""[..]), (0x11, IPV4), (0x11, b"short"), (0xff, b""), (0, b"\x03\0\x04bad!")]
    {
        let header = good(&binary(0x20, family, rest));
        check_addresses(&header, None);
        assert!(header.is_local());
        assert_eq!(header.tlvs().count(), 0);
    }
}

#[test]
fn bad_headers_of_version_2_are_told() {
    let cases = [
        (binary(0x11, 0x11, IPV4), Error::BadVersion(1)),
        (binary(0x31, 0x11, IPV4), Error::BadVersion(3)),
        (binary(0x22, 0x11, IPV4), Error::BadCommand(2)),
        (binary(0x2f, 0x11, IPV4), Error::BadCommand(15)),
        (binary(0x21, 0x41, IPV4), Error::BadFamily(4)),
        (binary(0x21, 0xf1, IPV4), Error::BadFamily(15)),
        (binary(0x21, 0x13, IPV4), Error::BadTransport(3)),
        (binary(0x21, 0x11, &IPV4[1..]), Error::TooShort { length: 11, needed: 12 }),
        (binary(0x21, 0x21, &[0; 35]), Error::TooShort { length: 35, needed: 36 }),
        (binary(0x21, 0x31, &[0; 215]), Error::TooShort { length: 215, needed: 216 }),
        (binary(0x21, 0x11, &[0; 4081]), Error::TooLong { length: 4097, limit: 4096 }),
        (with_tlvs(&[0x01]), Error::TlvCutOff),
        (with_tlvs(&[0x01, 0]), Error::TlvCutOff),
        (with_tlvs(&[0x01, 0, 1]), Error::TlvCutOff),
        (with_tlvs(&[0xe0, 0, 1, 9, 0xe1, 0, 2, 9]), Error::TlvCutOff),
        (with_tlvs(&tlv(0x02, b"\xff")), Error::BadTlv { kind: 2, problem: "is not UTF-8" }),
        (with_tlvs(&tlv(0x30, b"\xff")), Error::BadTlv { kind: 0x30, problem: "is not UTF-8" }),
        (with_tlvs(&tlv(0x03, &[0; 3])), Error::BadTlv { kind: 3, problem: "has not 4 bytes" }),
        (with_tlvs(&tlv(0x03, &[0; 4])), Error::BadChecksum),
        (with_tlvs(&tlv(0x03, &[0; 4]).repeat(2)), Error::BadTlv { kind: 3, problem: "comes twice" }),
        (with_tlvs(&tlv(0x05, &[0; 129])), Error::BadTlv { kind: 5, problem: "has more than 128 bytes" }),
        (with_tlvs(&tlv(0x20, &[0; 4])), Error::BadTlv { kind: 0x20, problem: "has less than 5 bytes" }),
        (with_tlvs(&tlv(0x20, &[0, 0, 0, 0, 0, 0x21])), Error::TlvCutOff),
        (
            with_tlvs(&tlv(0x20, &[&[0; 5][..], &tlv(0x22, b"\xff")].concat())),
            Error::BadTlv { kind: 0x22, problem: "is not UTF-8" },
        ),
        (binary(0x21, 0x00, &[1]), Error::TlvCutOff),
    ];
    for (input, error) in cases {
        assert_eq!(bad(&input), error, "{}", input.escape_ascii());
    }
}

#[test]
fn the_longest_header_is_what_the_options_say() {
    let mut options = ProxyOptions::default();
    let header = binary(0x21, 0x00, &tlv(0xe0, &[0; 65_532]));
    assert_eq!(header.len(), 65_551);
    options.limit = 65_551;
    assert!(ProxyHeader::parse(&header, &options).unwrap().is_some());
    options.limit = 65_550;
    let error = ProxyHeader::parse(&header[..16], &options).unwrap_err();
    assert_eq!(error, Error::TooLong { length: 65_551, limit: 65_550 });
    assert_eq!(error.to_string(), "the PROXY header has 65551 bytes: at most 65550 are accepted");
}

#[test]
fn tlvs_are_read_in_their_order() {
    let ssl = [
        &[0x05, 0, 0, 0, 1][..],
        &tlv(0x21, b"TLSv1.3"),
        &tlv(0x22, b"alice"),
        &tlv(0x23, b"TLS_AES_128_GCM_SHA256"),
        &tlv(0x24, b"RSA-SHA256"),
        &tlv(0x25, b"RSA2048"),
        &tlv(0x99, b"?"),
    ]
    .concat();
    let tlvs = [
        tlv(0x01, b"h2"),
        tlv(0x02, b"example.com"),
        tlv(0x04, b"\0\0"),
        tlv(0x05, &[7; 128]),
        tlv(0x20, &ssl),
        tlv(0x30, b"blue"),
        tlv(0xea, b"vpce"),
        tlv(0x21, b"\xff"),
        tlv(0x01, b""),
    ];
    let header = good(&with_tlvs(&tlvs.concat()));
    let tlvs: Vec<ProxyTlv<'_>> = header.tlvs().collect();
    let [alpn, authority, noop, unique_id, ProxyTlv::Ssl(ssl), namespace, own, stray, second_alpn] =
        &tlvs[..]
    else {
        panic!("{tlvs:?}");
    };
    assert_eq!(*alpn, ProxyTlv::Alpn(b"h2"));
    assert_eq!(*authority, ProxyTlv::Authority("example.com"));
    assert_eq!(*noop, ProxyTlv::Noop(b"\0\0"));
    assert_eq!(*unique_id, ProxyTlv::UniqueId(&[7; 128]));
    assert_eq!(*namespace, ProxyTlv::NetworkNamespace("blue"));
    assert_eq!(*own, ProxyTlv::Other { kind: 0xea, value: b"vpce" });
    assert_eq!(
        *stray,
        ProxyTlv::Other { kind: 0x21, value: b"\xff" },
        "outside of an SSL TLV it means nothing"
    );
    assert_eq!(*second_alpn, ProxyTlv::Alpn(b""));
    assert!(ssl.uses_tls && ssl.certificate_in_session && !ssl.certificate_in_connection);
    assert_eq!(ssl.verify, 1);
    let details: Vec<ProxySslTlv<'_>> = ssl.tlvs().collect();
    assert_eq!(
        details,
        [
            ProxySslTlv::Version("TLSv1.3"),
            ProxySslTlv::CommonName("alice"),
            ProxySslTlv::Cipher("TLS_AES_128_GCM_SHA256"),
            ProxySslTlv::SignatureAlgorithm("RSA-SHA256"),
            ProxySslTlv::KeyAlgorithm("RSA2048"),
            ProxySslTlv::Other { kind: 0x99, value: b"?" }
        ]
    );
}

#[test]
fn a_checksum_covers_every_byte() {
    let header = ProxyHeader::new(([192, 0, 2, 1], 4660), ([198, 51, 100, 2], 443));
    let header = header.with_tlv(&ProxyTlv::Noop(b"x")).unwrap().with_tlv(&ProxyTlv::Checksum).unwrap();
    let encoded = header.encode(ProxyVersion::Two);
    assert_eq!(good(&encoded), header);
    // Behind the fixed beginning and the padding lies the type of the checksum: without it there is none.
    let kind = 28 + 4;
    assert_eq!(encoded[kind], 3);
    for index in (16..encoded.len()).filter(|index| *index != kind) {
        let mut damaged = encoded.clone();
        damaged[index] ^= 0x20;
        assert!(parse(&damaged).is_err(), "byte {index} is not covered");
    }
}

/// Taken from `proxy-header` 0.1: a checksum, a unique id and an SSL TLV that somebody else has written.
#[test]
fn a_header_of_another_implementation_is_read() {
    let local = b"\r\n\r\n\0\r\nQUIT\n \0\0\x0f\x03\0\x04\x88\x9d\xa1\xdf \0\x05\0\0\0\0\0";
    assert!(good(local).is_local());
    let mut theirs = proxy_header::ProxyHeader::with_address(proxy_header::ProxiedAddress::stream(
        "192.0.2.1:4660".parse().unwrap(),
        "198.51.100.2:443".parse().unwrap(),
    ));
    let mut ssl = proxy_header::SslInfo::new(true, false, true, 0);
    ssl.append_tlv(proxy_header::Tlv::SslCipher("TLS_AES_128_GCM_SHA256".into()));
    theirs.append_tlv(proxy_header::Tlv::Ssl(ssl));
    theirs.append_tlv(proxy_header::Tlv::UniqueId(b"1234".into()));
    let mut encoded = Vec::new();
    theirs.encode_v2(&mut encoded).unwrap();
    let header = good(&encoded);
    check_addresses(&header, Some(("192.0.2.1:4660", "198.51.100.2:443")));
    let mut ssl = ProxySsl::default();
    (ssl.uses_tls, ssl.certificate_in_session) = (true, true);
    let ssl = ssl.with_tlv(&ProxySslTlv::Cipher("TLS_AES_128_GCM_SHA256")).unwrap();
    assert_eq!(header.tlvs().collect::<Vec<_>>(), [ProxyTlv::Ssl(ssl), ProxyTlv::UniqueId(b"1234")]);
}

#[test]
fn one_version_may_be_excluded() {
    let (line, binary) = (&b"PROXY UNKNOWN\r\n"[..], binary(0x21, 0x11, IPV4));
    for (only, excluded, number, good, bad) in [
        (ProxyVersion::One, ProxyVersion::Two, 2, line, &binary[..]),
        (ProxyVersion::Two, ProxyVersion::One, 1, &binary[..], line),
    ] {
        let mut options = ProxyOptions::default();
        options.only = Some(only);
        assert!(ProxyHeader::parse(good, &options).unwrap().is_some());
        let error = ProxyHeader::parse(bad, &options).unwrap_err();
        assert_eq!(error, Error::VersionExcluded(excluded));
        assert_eq!(
            error.to_string(),
            format!("the PROXY header has version {number}, which is not accepted here")
        );
    }
}

#[test]
fn errors_read_as_sentences() {
    let cases = [
        (&b"GET /"[..], "the connection does not begin with a PROXY header"),
        (
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 080\r\n",
            "the PROXY header has the destination port \"080\": it must be a number from 0 to 65535, without zeros in front",
        ),
        (b"PROXY TCP4 1.1.1.1\r\n", "the PROXY header has no destination address"),
        (b"PROXY UDP4\r\n", "the PROXY header has the protocol \"UDP4\": it must be TCP4, TCP6 or UNKNOWN"),
        (
            b"\r\n\r\n\0\r\nQUIT\n\x2a",
            "the PROXY header has the command 10: it must be 0 for LOCAL or 1 for PROXY",
        ),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x02", "the PROXY header announces 2 bytes: its addresses need 12"),
    ];
    for (input, text) in cases {
        assert_eq!(parse(input).unwrap_err().to_string(), text);
    }
    let error = parse(&with_tlvs(&tlv(5, &[0; 129]))).unwrap_err();
    assert_eq!(error.to_string(), "the PROXY header has a TLV of type 0x05 that has more than 128 bytes");
}

#[test]
fn random_bytes_do_no_harm() {
    let mut random = Random(7);
    for _ in 0..20_000 {
        let length = random.below(300);
        let noise = random.bytes(length);
        let beginning: &[u8] = match random.below(5) {
            0 => b"",
            1 => b"PROXY ",
            2 => b"PROXY TCP6 ",
            3 => SIGNATURE,
            _ => b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x40",
        };
        let input = [beginning, &noise].concat();
        if let Ok(Some((header, length))) = parse(&input) {
            assert!(length <= input.len());
            assert!(header.tlvs().count() <= length);
        }
    }
}
