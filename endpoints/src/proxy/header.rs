//! What a header says.

use std::fmt;

use ropewalk_reactor::Address;

use super::error::ProxyHeaderError;
use super::options::ProxyOptions;
use super::tlv::{ProxyTlv, ProxyTlvs};
use super::{version1, version2};

/// What the header of the PROXY protocol says about a connection: whose it is, and whatever else the proxy told in its
/// type-length-values (TLVs).
///
/// Behind a [`ProxyServerEndpoint`](crate::ProxyServerEndpoint), a protocol finds the header with
/// `transport.keepsake::<ProxyHeader>()`. A proxy makes one and gives it to a
/// [`ProxyClientEndpoint`](crate::ProxyClientEndpoint).
///
/// The source of all of it is [the specification](https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt), of which
/// both versions are here, whole.
///
/// ```
/// use ropewalk_endpoints::{ProxyHeader, ProxyOptions, ProxyTlv};
///
/// let input = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n";
/// let (header, length) = ProxyHeader::parse(input, &ProxyOptions::default())?.expect("the header is whole");
/// let (peer, host) = header.addresses().expect("it is for a client");
/// assert_eq!((peer.to_string().as_str(), host.port()), ("192.168.0.1:56324", Some(443)));
/// assert_eq!(&input[length..], b"GET / HTTP/1.1\r\n");
///
/// let authority = header.tlvs().find_map(|tlv| match tlv {
///     ProxyTlv::Authority(name) => Some(name.to_owned()),
///     _ => None,
/// });
/// assert_eq!(authority, None, "version 1 has no TLVs");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyHeader {
    is_local: bool,
    /// Invariant: none if `is_local`.
    addresses: Option<(Address, Address)>,
    /// Well-formed TLVs, the value of a checksum being zero.
    tlvs: Vec<u8>,
}

/// The two formats of the header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProxyVersion {
    /// A line of text.
    One,
    /// Binary, and extensible by TLVs.
    Two,
}

impl ProxyHeader {
    /// A header for a connection from `peer` to `host`: a proxy takes them from the client's connection, as
    /// [`Transport::peer`](ropewalk_reactor::Transport::peer) and [`Transport::host`](ropewalk_reactor::Transport::host).
    pub fn new(peer: impl Into<Address>, host: impl Into<Address>) -> Self {
        Self::proxied(Some((peer.into(), host.into())), Vec::new())
    }

    /// A header for a connection that the proxy makes for itself, to see how the server is.
    pub const fn local() -> Self {
        Self { is_local: true, addresses: None, tlvs: Vec::new() }
    }

    /// A header for somebody's connection. The TLVs have been checked.
    pub(super) const fn proxied(addresses: Option<(Address, Address)>, tlvs: Vec<u8>) -> Self {
        Self { is_local: false, addresses, tlvs }
    }

    /// The same header with one TLV more. [`encode`](Self::encode) says when TLVs are sent.
    ///
    /// # Errors
    /// If the value is not one that the specification allows, or the TLVs would have more than 65,319 bytes together.
    pub fn with_tlv(mut self, tlv: &ProxyTlv<'_>) -> Result<Self, ProxyHeaderError> {
        tlv.append_to(&mut self.tlvs)?;
        Ok(self)
    }

    /// Reads the header at the beginning of `input`, and returns it with its length. `None` means that it is not whole yet;
    /// what is wrong is told as soon as it can be seen. Of the options, `only` and `limit` are heeded.
    ///
    /// Of a header with the command LOCAL, the family, addresses and TLVs are not looked at, as the specification wants it.
    /// In all others the TLVs must be well-formed, and a checksum must be right.
    ///
    /// # Errors
    /// If the input begins with something else.
    pub fn parse(input: &[u8], options: &ProxyOptions) -> Result<Option<(Self, usize)>, ProxyHeaderError> {
        let Some(version) = recognize(input)? else {
            return Ok(None);
        };
        if options.only.is_some_and(|only| only != version) {
            return Err(ProxyHeaderError::VersionExcluded(version));
        }
        match version {
            ProxyVersion::One => version1::parse(input),
            ProxyVersion::Two => version2::parse(input, options.limit),
        }
    }

    /// The header as it is sent.
    ///
    /// Version 1 has no TLVs and leaves them out, as every version does if the header is [local](Self::local). Addresses
    /// that cannot be sent make the header one for an unknown connection: in version 1 all that are not TCP, in both
    /// versions those of two kinds at once and names of UNIX sockets over 108 bytes. If one address is of IPv6 and
    /// the other of IPv4, the latter is sent as IPv6-mapped; if both are mapped, both are sent as IPv4.
    pub fn encode(&self, version: ProxyVersion) -> Vec<u8> {
        match version {
            ProxyVersion::One => version1::encode(self).into_bytes(),
            ProxyVersion::Two => version2::encode(self),
        }
    }

    /// The addresses of the client and of where it connected to. `None` if the connection is the proxy's own, or the proxy
    /// does not know them.
    pub fn addresses(&self) -> Option<(&Address, &Address)> {
        self.addresses.as_ref().map(|(peer, host)| (peer, host))
    }

    /// Whether the connection is the proxy's own (LOCAL in version 2), such as for a health check.
    pub const fn is_local(&self) -> bool {
        self.is_local
    }

    /// What else the proxy told, in its order.
    pub fn tlvs(&self) -> ProxyTlvs<'_> {
        ProxyTlvs::new(&self.tlvs)
    }

    /// The TLVs as they stand in the header, but for the value of a checksum.
    pub(super) fn tlv_bytes(&self) -> &[u8] {
        &self.tlvs
    }
}

/// Which header the input begins with. `None` if it is too short to say.
fn recognize(input: &[u8]) -> Result<Option<ProxyVersion>, ProxyHeaderError> {
    let beginnings = [(ProxyVersion::One, version1::BEGINNING), (ProxyVersion::Two, version2::SIGNATURE)];
    for (version, beginning) in beginnings {
        if input.starts_with(beginning) {
            return Ok(Some(version));
        }
        if beginning.starts_with(input) {
            return Ok(None);
        }
    }
    Err(ProxyHeaderError::Missing)
}

/// The number.
impl fmt::Display for ProxyVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::One => "1",
            Self::Two => "2",
        })
    }
}
