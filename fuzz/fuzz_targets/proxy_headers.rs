//! What is decided about a header never changes as more bytes come, and a header that is read is encoded to its meaning.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use ropewalk::{Address, ProxyHeader, ProxyOptions, ProxyVersion};

/// The longest header of version 1, and the longest of version 2 that is accepted here.
const LINE_MAX: usize = 107;
const LIMIT: usize = 300;

fuzz_target!(|input: &[u8]| {
    let mut options = ProxyOptions::default();
    options.limit = LIMIT;
    let limit = if input.starts_with(b"PROXY ") { LINE_MAX } else { LIMIT };
    let whole = ProxyHeader::parse(input, &options);
    let mut decided = false;
    for length in 0..=input.len() {
        let parsed = ProxyHeader::parse(&input[..length], &options);
        assert!(!decided || parsed == whole, "after {length} bytes: {parsed:?}, after all: {whole:?}");
        decided = parsed != Ok(None);
        assert!(decided || length < limit, "{length} bytes are not enough to decide");
    }
    if let Ok(Some((header, length))) = whole {
        assert!(length <= limit.min(input.len()));
        if input.starts_with(b"PROXY TCP4 ") {
            assert_eq!(header.encode(ProxyVersion::One), input[..length], "there is one way to write it");
        }
        check_encoding(&header);
    }
});

fn check_encoding(header: &ProxyHeader) {
    let options = ProxyOptions::default();
    let again = |version| {
        let encoded = header.encode(version);
        let (again, length) =
            ProxyHeader::parse(&encoded, &options).expect("it is good").expect("it is whole");
        assert_eq!(length, encoded.len());
        again
    };
    let two = again(ProxyVersion::Two);
    assert_eq!((two.is_local(), meant(two.addresses())), (header.is_local(), meant(header.addresses())));
    assert!(two.tlvs().eq(header.tlvs()), "{two:?}");
    let of_tcp = header.addresses().filter(|(peer, _)| matches!(peer, Address::Tcp(_)));
    let one = again(ProxyVersion::One);
    assert_eq!((meant(one.addresses()), one.tlvs().count()), (meant(of_tcp), 0));
}

/// What addresses mean: those of IPv4 that are both mapped into IPv6 mean the same as they are.
fn meant(addresses: Option<(&Address, &Address)>) -> Option<(Address, Address)> {
    let (peer, host) = addresses?;
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    Some(match (peer, host) {
        (Address::Tcp(peer), Address::Tcp(host)) => {
            (Address::Tcp(canonical(*peer)), Address::Tcp(canonical(*host)))
        }
        (Address::Udp(peer), Address::Udp(host)) => {
            (Address::Udp(canonical(*peer)), Address::Udp(canonical(*host)))
        }
        others => (others.0.clone(), others.1.clone()),
    })
}
