//! What is asked of those who send headers.

use std::time::Duration;

use ropewalk_reactor::Address;

use super::header::ProxyVersion;
use crate::IpNetwork;

/// How PROXY headers are received.
///
/// ```
/// # use ropewalk_endpoints::{ProxyOptions, Untrusted};
/// let mut options = ProxyOptions::default();
/// options.trusted = vec!["10.0.0.0/8".parse()?, "127.0.0.1".parse()?];
/// options.untrusted = Untrusted::Direct;
/// # Ok::<(), ropewalk_endpoints::IpNetworkError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ProxyOptions {
    /// The only version that is accepted. Default: both are.
    pub only: Option<ProxyVersion>,
    /// The longest header of version 2 that is accepted, in bytes. Default 4096, which leaves room for the certificates and
    /// names that load balancers add; the longest that can be said is 65,551. A line of version 1 has 107 at most.
    pub limit: usize,
    /// How long the header may take to come. Default 5 seconds; the specification advises 3 at least.
    pub timeout: Duration,
    /// The networks that the proxies are in. Default none, which means that everybody counts as a proxy. Peers on a UNIX
    /// socket always do: its permissions decide who may connect.
    pub trusted: Vec<IpNetwork>,
    /// What becomes of peers outside of the [`trusted`](Self::trusted) networks. Default [`Untrusted::Refused`].
    pub untrusted: Untrusted,
}

/// What becomes of a connection from a peer that may not send a PROXY header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Untrusted {
    /// It is closed at once.
    Refused,
    /// It is served as a direct connection: no header is expected, and one that comes is data like any other.
    Direct,
}

impl ProxyOptions {
    /// The default of [`ProxyOptions::limit`].
    pub const DEFAULT_LIMIT: usize = 4096;
    /// The default of [`ProxyOptions::timeout`].
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

    /// Whether a peer is believed, and has to send a header.
    pub(super) fn trusts(&self, peer: &Address) -> bool {
        let is_trusted = |ip| self.trusted.iter().any(|network| network.contains(ip));
        self.trusted.is_empty() || peer.ip().is_none_or(is_trusted)
    }
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self {
            only: None,
            limit: Self::DEFAULT_LIMIT,
            timeout: Self::DEFAULT_TIMEOUT,
            trusted: Vec::new(),
            untrusted: Untrusted::Refused,
        }
    }
}
