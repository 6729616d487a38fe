//! Networks of IP addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// All IP addresses with a common beginning.
///
/// It is parsed from `10.0.0.0/8`, `fe80::/10`, or a single address such as `127.0.0.1`. What stands in the part that the
/// prefix leaves open does not matter: `10.1.2.3/8` is the same network as `10.0.0.0/8`.
///
/// ```
/// use ropewalk_endpoints::IpNetwork;
///
/// let network: IpNetwork = "10.0.0.0/8".parse()?;
/// assert!(network.contains([10, 1, 2, 3].into()));
/// assert!(!network.contains([11, 1, 2, 3].into()));
/// # Ok::<(), ropewalk_endpoints::IpNetworkError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IpNetwork {
    /// The first address.
    address: IpAddr,
    /// Invariant: at most the number of the address's bits.
    prefix: u8,
}

/// A text is no network. `Display` quotes it and says what would be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IpNetworkError {
    network: String,
}

impl IpNetwork {
    /// Whether the address is in the network. An IPv4 address that is mapped into IPv6, as sockets for both have it, counts as
    /// what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        [address, address.to_canonical()].into_iter().any(|address| {
            address.is_ipv4() == self.address.is_ipv4()
                && first_address(address, self.prefix.into()) == self.address
        })
    }
}

/// The first address of the network that `address` is in; a prefix longer than addresses are makes a network of its own.
pub(crate) fn first_address(address: IpAddr, prefix: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::V6((u128::from(address) & mask).into())
        }
    }
}

impl From<IpAddr> for IpNetwork {
    fn from(address: IpAddr) -> Self {
        Self { address, prefix: bits(address) }
    }
}

impl FromStr for IpNetwork {
    type Err = IpNetworkError;

    fn from_str(text: &str) -> Result<Self, IpNetworkError> {
        parse(text).ok_or_else(|| IpNetworkError { network: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<IpNetwork> {
    let Some((address, prefix)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(Into::into);
    };
    let address = address.parse::<IpAddr>().ok()?;
    let is_number = prefix.bytes().all(|byte| byte.is_ascii_digit());
    let prefix: u8 = prefix.parse().ok().filter(|prefix| is_number && *prefix <= bits(address))?;
    Some(IpNetwork { address: first_address(address, prefix.into()), prefix })
}

const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The form that can be parsed, with the prefix always.
impl fmt::Display for IpNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Display for IpNetworkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = &self.network;
        write!(formatter, "{network:?} is no network of IP addresses: write it as in 10.0.0.0/8 or fe80::/10")
    }
}

impl std::error::Error for IpNetworkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: &str, inside: &[&str], outside: &[&str]) {
        let network: IpNetwork = network.parse().unwrap();
        for address in inside {
            assert!(network.contains(address.parse().unwrap()), "{network} should have {address}");
        }
        for address in outside {
            assert!(!network.contains(address.parse().unwrap()), "{network} should not have {address}");
        }
    }

    #[test]
    fn networks_contain_their_addresses() {
        check(
            "10.0.0.0/8",
            &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
            &["11.0.0.0", "9.255.255.255"],
        );
        check("10.1.2.3/8", &["10.9.9.9"], &["::a01:203"]);
        check("192.0.2.4/30", &["192.0.2.7"], &["192.0.2.8", "192.0.2.3"]);
        check("127.0.0.1", &["127.0.0.1"], &["127.0.0.2"]);
        check("0.0.0.0/0", &["1.2.3.4", "::ffff:1.2.3.4"], &["::1"]);
        check("::/0", &["::1", "ffff::", "::ffff:1.2.3.4"], &["1.2.3.4"]);
        check("fe80::/10", &["fe80::1", "febf::"], &["fec0::"]);
        check("::1", &["::1"], &["::2", "0.0.0.1"]);
    }

    #[test]
    fn what_is_no_network_is_told() {
        for text in
            ["", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/+8", "a/8", "1.2.3.4/8/8"]
        {
            let error = text.parse::<IpNetwork>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is no network")), "{error}");
        }
        assert_eq!("10.1.2.3/8".parse::<IpNetwork>().unwrap().to_string(), "10.0.0.0/8");
    }
}
