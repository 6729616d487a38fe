//! The handshake, data and the end, however the network cuts them.

use ropewalk_endpoints::{TlsServerConfig, TlsVersion};
use ropewalk_reactor::{Layer, LayerState};

use crate::authority::{Authority, NAME, client, friends};
use crate::pair::Pair;

const VERSIONS: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

#[test]
fn nothing_depends_on_how_the_input_is_cut() {
    let authority = Authority::new();
    let server = authority.server(&[NAME]).server_config();
    for version in VERSIONS {
        let client = client(&authority).max_version(version).build().unwrap();
        live(Pair::new(&client, &server), version, |waiting| waiting);
        live(Pair::new(&client, &server), version, |_| 1);
        for seed in 1..=40 {
            let mut random = Random(seed);
            live(Pair::new(&client, &server), version, |waiting| random.below(waiting) + 1);
        }
        for seed in 1..=10 {
            let mut random = Random(seed);
            live(Pair::new(&client, &server), version, |_| random.below(9) + 1);
        }
    }
}

/// A whole life.
fn live(mut pair: Pair, version: TlsVersion, mut cut: impl FnMut(usize) -> usize) {
    assert_eq!(pair.client.layer.state(), LayerState::Opening);
    pair.settle_cut(&mut cut);
    pair.assert_open();
    assert_eq!((pair.client.info().version, pair.server.info().version), (version, version));
    let question = b"a question".repeat(100);
    let answer = b"an answer".repeat(100);
    pair.client.say(&question);
    pair.server.say(&answer);
    pair.client.say(b"and another");
    pair.settle_cut(&mut cut);
    assert_eq!(pair.server.got, [&question[..], b"and another"].concat());
    assert_eq!(pair.client.got, answer);
    pair.client.close();
    pair.settle_cut(&mut cut);
    assert_eq!(pair.server.layer.state(), LayerState::InputEnded);
    assert!(pair.server.layer.may_end() && !pair.client.layer.may_end());
    pair.server.say(b"the last word");
    pair.server.close();
    pair.settle_cut(&mut cut);
    assert!(pair.client.got.ends_with(b"the last word"));
    assert!(pair.client.layer.may_end());
}

#[test]
fn both_sides_know_what_was_agreed_on() {
    let authority = Authority::new();
    let identity = authority.server(&[NAME]);
    let server = TlsServerConfig::builder().identity(identity.tls()).alpn(["h2", "http/1.1"]).build();
    let client = client(&authority).alpn(["http/1.1", "h2"]).build().unwrap();
    let pair = Pair::shaken(&client, &server.unwrap());
    let (at_client, at_server) = (pair.client.info(), pair.server.info());
    assert_eq!(at_client.version.to_string(), "TLS 1.3");
    assert!(at_client.cipher_suite.starts_with("TLS_"), "{}", at_client.cipher_suite);
    assert_eq!(at_client.cipher_suite, at_server.cipher_suite);
    assert_eq!(at_client.alpn.as_deref(), Some(&b"h2"[..]));
    assert_eq!(at_server.alpn.as_deref(), Some(&b"h2"[..]));
    assert_eq!(at_client.server_name.as_deref(), Some(NAME));
    assert_eq!(at_server.server_name.as_deref(), Some(NAME));
    assert_eq!((at_client.peer_certificates.len(), at_server.peer_certificates.len()), (1, 0));
    assert!(!at_client.resumed && !at_server.resumed);
}

#[test]
fn nothing_is_known_before_the_handshake_is_over() {
    let (client, server) = friends();
    let pair = Pair::new(&client, &server);
    assert_eq!((pair.client.layer.info(), pair.server.layer.info()), (None, None));
}

#[test]
fn much_data_becomes_many_records() {
    let (client, server) = friends();
    let mut pair = Pair::shaken(&client, &server);
    let data = (0..64 * 1024_u32).map(|n| n.to_le_bytes()[0]).collect::<Vec<_>>();
    for _ in 0..10 {
        pair.client.say(&data);
    }
    pair.settle();
    assert_eq!(pair.server.got, data.repeat(10));
}

#[test]
fn an_address_can_be_the_name_of_a_server() {
    let authority = Authority::new();
    let server = authority.server(&["127.0.0.1"]).server_config();
    let client = client(&authority).build().unwrap();
    let mut pair = Pair::named(&client, &server, "127.0.0.1");
    pair.settle();
    pair.assert_talks();
    assert_eq!(pair.server.info().server_name, None);
}

#[test]
fn input_that_breaks_off_is_truncated() {
    let (client, server) = friends();
    let mut pair = Pair::shaken(&client, &server);
    pair.assert_talks();
    assert!(!pair.server.layer.may_end());
}

#[test]
fn what_comes_after_the_end_is_ignored() {
    let (client, server) = friends();
    let mut pair = Pair::shaken(&client, &server);
    pair.client.close();
    pair.settle();
    pair.server.hear(b"and another thing");
    assert_eq!((pair.server.error, pair.server.got), (None, Vec::new()));
}

#[test]
fn versions_are_kept_within_bounds() {
    let authority = Authority::new();
    let identity = authority.server(&[NAME]);
    let only = |version| {
        TlsServerConfig::builder().identity(identity.tls()).min_version(version).max_version(version).build()
    };
    let old = client(&authority).max_version(TlsVersion::Tls12).build().unwrap();
    let new = client(&authority).min_version(TlsVersion::Tls13).build().unwrap();
    for (client, version) in [(&old, TlsVersion::Tls12), (&new, TlsVersion::Tls13)] {
        assert_eq!(Pair::shaken(client, &only(version).unwrap()).server.info().version, version);
    }
    for (client, version) in [(&old, TlsVersion::Tls13), (&new, TlsVersion::Tls12)] {
        let pair = Pair::shaken(client, &only(version).unwrap());
        assert_eq!(pair.server.error(), "the peer speaks no version of TLS that is allowed here");
        assert_eq!(pair.client.error(), "the peer speaks no version of TLS that is allowed here");
    }
}

#[test]
fn no_application_protocol_in_common_is_refused() {
    let authority = Authority::new();
    let server =
        TlsServerConfig::builder().identity(authority.server(&[NAME]).tls()).alpn(["smtp"]).build().unwrap();
    let pair = Pair::shaken(&client(&authority).alpn(["imap"]).build().unwrap(), &server);
    assert_eq!(pair.server.error(), "the peer and this side have no application protocol (ALPN) in common");
    assert_eq!(pair.client.error(), "the peer supports none of the application protocols offered (ALPN)");
    let mut pair = Pair::shaken(&client(&authority).build().unwrap(), &server);
    pair.assert_talks();
    assert_eq!(pair.server.info().alpn, None);
}

/// The same numbers for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// SplitMix64.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}
