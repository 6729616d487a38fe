//! A network is shown in a form that is read as itself, and contains just the addresses that begin as it does.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use ropewalk::IpNetwork;
use ropewalk_fuzz::Choices;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    check_arithmetic(&mut choices);
    let text = String::from_utf8_lossy(choices.rest());
    match text.parse::<IpNetwork>() {
        Ok(network) => assert_eq!(network.to_string().parse(), Ok(network)),
        Err(error) => assert!(error.to_string().contains(&format!("{text:?}")), "{error}"),
    }
});

fn check_arithmetic(choices: &mut Choices<'_>) {
    let prefix = choices.byte();
    let (address, other) = addresses(choices);
    let text = format!("{address}/{prefix}");
    let network = text.parse::<IpNetwork>();
    assert_eq!(network.is_ok(), usize::from(prefix) <= bits(address).len(), "{text}");
    let Ok(network) = network else { return };
    assert!(network.contains(address), "{network} {address}");
    let begins = |other: IpAddr| {
        let (bits, others) = (bits(address), bits(other));
        bits.len() == others.len() && bits[..prefix.into()] == others[..prefix.into()]
    };
    assert_eq!(network.contains(other), begins(other) || begins(other.to_canonical()), "{network} {other}");
}

/// An address, and one that differs from it in one bit, in its form, or in nothing.
fn addresses(choices: &mut Choices<'_>) -> (IpAddr, IpAddr) {
    let (is_ipv4, changed, is_mapped) = (choices.yes(), choices.byte(), choices.yes());
    let octets = [(); 16].map(|()| choices.byte());
    let mut others = octets;
    if let Some(octet) = others.get_mut(usize::from(changed / 8)) {
        *octet ^= 0x80 >> (changed % 8);
    }
    let address = |octets: [u8; 16]| match octets.first_chunk::<4>() {
        Some(first) if is_ipv4 => IpAddr::from(*first),
        _ => octets.into(),
    };
    match address(others) {
        IpAddr::V4(other) if is_mapped => (address(octets), other.to_ipv6_mapped().into()),
        other => (address(octets), other),
    }
}

fn bits(address: IpAddr) -> Vec<bool> {
    let bits_of = |byte: u8| (0..8).rev().map(move |bit| byte >> bit & 1 == 1);
    match address {
        IpAddr::V4(address) => address.octets().into_iter().flat_map(bits_of).collect(),
        IpAddr::V6(address) => address.octets().into_iter().flat_map(bits_of).collect(),
    }
}
