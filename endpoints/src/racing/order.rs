//! The order in which addresses are tried.

use std::net::IpAddr;

/// A version of the Internet Protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IpFamily {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl IpFamily {
    const fn of(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

/// Has the families take turns, beginning with `first`, or with that of the first address: RFC 8305 §4, with a First
/// Address Family Count of 1. Within a family the order stays.
pub(super) fn interleave(addresses: Vec<IpAddr>, first: Option<IpFamily>) -> Vec<IpAddr> {
    let Some(first) = first.or_else(|| addresses.first().map(IpFamily::of)) else {
        return addresses;
    };
    let (preferred, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| IpFamily::of(address) == first);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut order = Vec::with_capacity(preferred.len() + others.len());
    while preferred.len() + others.len() > 0 {
        order.extend(preferred.next());
        order.extend(others.next());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses of one letter each: capitals are IPv6.
    fn addresses(letters: &str) -> Vec<IpAddr> {
        let address = |letter: u8| match letter {
            b'A'..=b'Z' => IpAddr::from([0, 0, 0, 0, 0, 0, 0, u16::from(letter)]),
            _ => IpAddr::from([10, 0, 0, letter]),
        };
        letters.bytes().map(address).collect()
    }

    #[test]
    fn families_take_turns() {
        for (found, first, order) in [
            ("", None, ""),
            ("a", None, "a"),
            ("abc", None, "abc"),
            ("ABab", None, "AaBb"),
            ("abAB", None, "aAbB"),
            ("ABCa", None, "AaBC"),
            ("Aabc", None, "Aabc"),
            ("abcA", Some(IpFamily::Ipv6), "Aabc"),
            ("ABab", Some(IpFamily::Ipv4), "aAbB"),
            ("AB", Some(IpFamily::Ipv4), "AB"),
        ] {
            assert_eq!(interleave(addresses(found), first), addresses(order), "{found} {first:?}");
        }
    }
}
