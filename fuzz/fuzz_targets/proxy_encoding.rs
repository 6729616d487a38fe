//! A header that is made of any addresses and TLVs is read as what it was made of, or refused when it is made.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use ropewalk::{
    Address, ProxyHeader, ProxyOptions, ProxySsl, ProxySslTlv, ProxyTlv, ProxyVersion, UnixAddress,
};
use ropewalk_fuzz::Choices;

/// The longest header that there can be.
const LIMIT: usize = 65_551;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let (peer, host) = addresses(&mut choices);
    let mut header = ProxyHeader::new(peer, host);
    let mut tlvs = Vec::new();
    while !choices.are_over() {
        let kind = choices.byte();
        let (text, value) = (choices.text(), choices.bytes());
        let Some(tlv) = tlv(kind, &text, value) else { continue };
        let known: Vec<_> = header.tlvs().map(|tlv| format!("{tlv:?}")).collect();
        assert_eq!(known, tlvs);
        let Ok(longer) = header.clone().with_tlv(&tlv) else { continue };
        if tlv != ProxyTlv::Checksum || !header.tlvs().any(|tlv| tlv == ProxyTlv::Checksum) {
            tlvs.push(format!("{tlv:?}"));
        }
        header = longer;
    }
    let mut options = ProxyOptions::default();
    options.limit = LIMIT;
    let encoded = header.encode(ProxyVersion::Two);
    let read = ProxyHeader::parse(&encoded, &options).expect("it is good").expect("it is whole");
    assert_eq!(read, (header, encoded.len()));
});

/// Addresses that can be sent as they are.
fn addresses(choices: &mut Choices<'_>) -> (Address, Address) {
    let kind = choices.below(5);
    let mut address = || {
        let octets = [(); 16].map(|()| choices.byte());
        let port = u16::from_be_bytes([octets[4], octets[5]]);
        let [a, b, c, d, ..] = octets;
        // Not of the kind that is IPv4 in truth.
        let ipv6 = [0x20].into_iter().chain(octets).take(16).collect::<Vec<_>>();
        let ipv6 = <[u8; 16]>::try_from(ipv6).expect("there are 17 to take from");
        let name = octets.split(|byte| *byte == 0).next().unwrap_or_default();
        match kind {
            0 => Address::Tcp(SocketAddr::from(([a, b, c, d], port))),
            1 => Address::Udp(SocketAddr::from(([a, b, c, d], port))),
            2 => Address::Tcp(SocketAddr::from((ipv6, port))),
            3 => Address::Udp(SocketAddr::from((ipv6, port))),
            _ if name.is_empty() => UnixAddress::unnamed().into(),
            _ => UnixAddress::path(String::from_utf8_lossy(name).into_owned()).into(),
        }
    };
    (address(), address())
}

fn tlv<'a>(kind: u8, text: &'a str, value: &'a [u8]) -> Option<ProxyTlv<'a>> {
    Some(match kind % 8 {
        0 => ProxyTlv::Alpn(value),
        1 => ProxyTlv::Authority(text),
        2 => ProxyTlv::Checksum,
        3 => ProxyTlv::Noop(value),
        4 => ProxyTlv::UniqueId(value),
        5 => {
            let mut ssl = ProxySsl::default();
            ssl.uses_tls = kind & 0x80 != 0;
            ssl.certificate_in_session = kind & 0x40 != 0;
            ssl.verify = u32::from(kind) << 20;
            let ssl = ssl.with_tlv(&ProxySslTlv::CommonName(text)).ok()?;
            ProxyTlv::Ssl(ssl.with_tlv(&ProxySslTlv::Other { kind: 0x40, value }).ok()?)
        }
        6 => ProxyTlv::NetworkNamespace(text),
        _ => ProxyTlv::Other { kind: 0xe0 | kind >> 4, value },
    })
}
