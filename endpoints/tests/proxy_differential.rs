//! Our reader of PROXY headers beside two others, on mutated headers: wherever they differ, it is in a way that is listed here.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod oracles;
mod support;

use std::collections::BTreeMap;

use oracles::{Header, Verdict, ours};
use ropewalk_endpoints::{
    ProxyHeader, ProxyHeaderError as Error, ProxySsl, ProxySslTlv, ProxyTlv, ProxyVersion,
};
use ropewalk_reactor::{Address, UnixAddress};
use support::Random;

const CASES: usize = 60_000;

/// Good headers of all kinds.
fn corpus() -> Vec<Vec<u8>> {
    let lines = [
        "TCP4 192.168.0.1 192.168.0.11 56324 443",
        "TCP4 0.0.0.0 255.255.255.255 0 65535",
        "TCP6 2001:db8::1 ::1 1024 80",
        "TCP6 ::ffff:1.2.3.4 fe80::1 1 2",
        "TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
        "UNKNOWN",
        "UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
    ];
    let mut corpus: Vec<Vec<u8>> =
        lines.iter().map(|line| format!("PROXY {line}\r\n").into_bytes()).collect();
    let address = |text: &str| text.parse().unwrap();
    let mut ssl = ProxySsl::default();
    ssl.uses_tls = true;
    let ssl = ssl.with_tlv(&ProxySslTlv::Version("TLSv1.3")).unwrap();
    let ssl = ssl.with_tlv(&ProxySslTlv::CommonName("alice")).unwrap();
    let tlvs = [
        ProxyTlv::Alpn(b"h2"),
        ProxyTlv::Authority("example.com"),
        ProxyTlv::Noop(b"\0\0"),
        ProxyTlv::UniqueId(&[9; 127]),
        ProxyTlv::Ssl(ssl),
        ProxyTlv::NetworkNamespace("blue"),
        ProxyTlv::Other { kind: 0xe0, value: b"own" },
    ];
    let bare = [
        ProxyHeader::new(Address::Tcp(address("1.2.3.4:5")), Address::Tcp(address("6.7.8.9:10"))),
        ProxyHeader::new(Address::Udp(address("1.2.3.4:5")), Address::Udp(address("6.7.8.9:10"))),
        ProxyHeader::new(Address::Tcp(address("[::1]:5")), Address::Tcp(address("[::2]:6"))),
        ProxyHeader::new(UnixAddress::path("/run/a"), UnixAddress::path("/run/b")),
        ProxyHeader::new(Address::Stdio, Address::Stdio),
        ProxyHeader::local(),
    ];
    for header in bare {
        let with = |tlvs: &[ProxyTlv<'_>]| {
            let header = tlvs.iter().try_fold(header.clone(), |header, tlv| header.with_tlv(tlv));
            header.unwrap().encode(ProxyVersion::Two)
        };
        corpus.extend([
            with(&[]),
            with(&tlvs),
            with(&tlvs[4..5]),
            with(&[tlvs[0].clone(), ProxyTlv::Checksum]),
        ]);
    }
    corpus
}

fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..random.below(4) {
        // Most of what matters is at the beginning.
        let end = if random.below(2) == 0 { input.len().min(20) } else { input.len() };
        let at = random.below(end + 1);
        match random.below(7) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = b"\r\n 0+19:.PTU\0\x01\x10\xff"[random.below(16)],
            2 => input.insert(at, b"\r\n 0+19:.PTU\0\x01\x10\xff"[random.below(16)]),
            3 if at < input.len() => drop(input.remove(at)),
            4 => input.truncate(at),
            5 => {
                let other = &corpus[random.below(corpus.len())];
                input.truncate(at);
                input.extend(&other[at.min(other.len())..]);
            }
            _ => {
                let count = random.below(6);
                input.extend(random.bytes(count));
            }
        }
    }
    input
}

/// A difference between us and another, by the words in which it is documented; `None` if they say the same.
fn difference(input: &[u8], ours: &Verdict<Error>, theirs: &Verdict) -> Option<&'static str> {
    match (ours, theirs) {
        (Verdict::Incomplete, Verdict::Incomplete) | (Verdict::Bad(_), Verdict::Bad(())) => None,
        (Verdict::Good(ours), Verdict::Good(theirs)) => both_good(input, ours, theirs),
        (Verdict::Bad(_), Verdict::Incomplete) => Some("we tell sooner what is wrong"),
        (Verdict::Incomplete, Verdict::Bad(())) => later(input),
        (Verdict::Bad(error), Verdict::Good(header)) => stricter(error, header),
        (Verdict::Good(_), _) => laxer(input, theirs),
        (Verdict::Incomplete, Verdict::Good(_)) => Some("UNEXPECTED: they are content with less"),
    }
}

fn both_good(input: &[u8], ours: &Header, theirs: &Header) -> Option<&'static str> {
    if is_local(input) {
        assert_eq!((ours.length, ours.addresses, theirs.addresses), (theirs.length, None, None));
        return (ours.tlvs != theirs.tlvs).then_some("of LOCAL headers we ignore the TLVs");
    }
    let same_otherwise = (ours.length, ours.addresses) == (theirs.length, theirs.addresses);
    match ours == theirs {
        true => None,
        false if same_otherwise && has_misplaced_tlv(ours) => {
            Some("we know types of TLVs in their place only")
        }
        false => Some("UNEXPECTED: they read something else"),
    }
}

/// Whether there is a TLV of TLS outside of an SSL TLV, or another inside.
fn has_misplaced_tlv(header: &Header) -> bool {
    let outside = ["0x21 ", "0x22 ", "0x23 ", "0x24 ", "0x25 "];
    let inside = ["\"0x1 ", "\"0x2 ", "\"0x3 ", "\"0x4 ", "\"0x5 ", "\"0x20 ", "\"0x30 "];
    header.tlvs.iter().flatten().any(|tlv| match tlv.strip_prefix("ssl") {
        Some(details) => inside.iter().any(|kind| details.contains(kind)),
        None => outside.iter().any(|kind| tlv.starts_with(kind)),
    })
}

/// They find wrong what we wait with.
fn later(input: &[u8]) -> Option<&'static str> {
    let whole = [input, b"\r\n"].concat();
    let is_told = input.starts_with(b"PROXY ") && matches!(ours(&whole), Verdict::Bad(_));
    if is_told || starts_unknown(input) {
        return Some("we wait for the end of the line before we look at it");
    }
    if is_local(input) {
        return Some("of LOCAL headers we ignore the family and the addresses");
    }
    Some("UNEXPECTED: they refuse sooner")
}

/// We refuse what they accept.
fn stricter(error: &Error, theirs: &Header) -> Option<&'static str> {
    Some(match error {
        Error::BadPort { text, .. } if text.starts_with('0') || text.starts_with('+') => {
            "we take ports in their shortest form only"
        }
        Error::Missing if theirs.tlvs == Some(Vec::new()) => "we want a space after PROXY",
        Error::BadKeyword { text } if text.starts_with("UNKNOWN") => "we want a space after UNKNOWN",
        Error::LineTooLong if theirs.length > 107 => "we hold lines to 107 bytes",
        Error::TlvCutOff if theirs.tlvs.is_none() => "we refuse malformed TLVs at once",
        Error::TlvCutOff | Error::BadTlv { .. } => "we look into TLVs",
        Error::BadChecksum => "we verify checksums",
        _ => "UNEXPECTED: they accept it",
    })
}

/// We accept what they refuse, or still wait with.
fn laxer(input: &[u8], theirs: &Verdict) -> Option<&'static str> {
    let transport_or_family_is_unspecified = |family: u8| family & 0xf == 0 || family >> 4 == 0;
    Some(match theirs {
        _ if is_local(input) => "of LOCAL headers we ignore the family and the addresses",
        Verdict::Bad(()) if input[0] == b'\r' && transport_or_family_is_unspecified(input[13]) => {
            "we know each combination with an unspecified family or transport"
        }
        _ if starts_unknown(input) => "what follows UNKNOWN we ignore, whatever it is",
        _ => "UNEXPECTED: they refuse it",
    })
}

fn is_local(input: &[u8]) -> bool {
    input.get(12) == Some(&0x20) && input[0] == b'\r'
}

fn starts_unknown(input: &[u8]) -> bool {
    input.starts_with(b"PROXY UNKNOWN ")
}

/// Compares all inputs, and returns how often which difference occurred.
fn compare(theirs: impl Fn(&[u8]) -> Verdict, adapt: impl Fn(&mut Header)) -> BTreeMap<&'static str, usize> {
    let corpus = corpus();
    let mut random = Random(2026);
    let mut counts = BTreeMap::new();
    for _ in 0..CASES {
        let input = mutate(&corpus, &mut random);
        let mut ours = ours(&input);
        if let Verdict::Good(header) = &mut ours {
            *counts.entry("good").or_insert(0) += 1;
            adapt(header);
        }
        let theirs = theirs(&input);
        let difference = difference(&input, &ours, &theirs).unwrap_or("none");
        assert!(
            !difference.starts_with("UNEXPECTED"),
            "{difference}: {}\nours: {ours:?}\ntheirs: {theirs:?}",
            input.escape_ascii()
        );
        *counts.entry(difference).or_insert(0) += 1;
    }
    assert!(counts["good"] > CASES / 10, "most cases are of no use: {counts:?}");
    assert!(counts["none"] > CASES / 2, "the readers have little in common: {counts:?}");
    counts
}

/// The list must not name what never happens.
#[track_caller]
fn check_list(counts: &BTreeMap<&'static str, usize>, expected: &[&str]) {
    let mut found: Vec<&str> =
        counts.keys().copied().filter(|name| !["good", "none"].contains(name)).collect();
    let mut expected = expected.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{counts:#?}");
}

#[test]
fn proxy_header_says_the_same() {
    let counts = compare(oracles::proxy_header, |_| {});
    check_list(
        &counts,
        &[
            "of LOCAL headers we ignore the TLVs",
            "of LOCAL headers we ignore the family and the addresses",
            "we hold lines to 107 bytes",
            "we know each combination with an unspecified family or transport",
            "we know types of TLVs in their place only",
            "we look into TLVs",
            "we refuse malformed TLVs at once",
            "we take ports in their shortest form only",
            "we tell sooner what is wrong",
            "we verify checksums",
            "we wait for the end of the line before we look at it",
            "we want a space after PROXY",
            "we want a space after UNKNOWN",
        ],
    );
}

#[test]
fn ppp_says_the_same() {
    let counts = compare(oracles::ppp, |header| header.tlvs = Some(Vec::new()));
    check_list(
        &counts,
        &[
            "of LOCAL headers we ignore the TLVs",
            "of LOCAL headers we ignore the family and the addresses",
            "we look into TLVs",
            "we refuse malformed TLVs at once",
            "we take ports in their shortest form only",
            "we tell sooner what is wrong",
            "we verify checksums",
            "we wait for the end of the line before we look at it",
            "what follows UNKNOWN we ignore, whatever it is",
        ],
    );
}
