//! What can be set.

use std::time::Duration;

use super::deflate::DeflateOptions;

/// As most implementations in Python have it.
pub(super) const DEFAULT_MAX_MESSAGE: usize = 1024 * 1024;

/// As for the lines of most HTTP servers.
const DEFAULT_MAX_HEAD: usize = 8 * 1024;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Of the servers of streams, whose protocols cannot ask for a sign of life themselves. Proxies and networks of phones forget
/// connections that are silent for a minute or so.
pub(super) const DEFAULT_STREAM_HEARTBEAT: Duration = Duration::from_secs(30);

pub(super) struct Options {
    pub(super) max_message: usize,
    pub(super) max_head: usize,
    pub(super) handshake_timeout: Duration,
    pub(super) close_timeout: Duration,
    pub(super) heartbeat: Option<Duration>,
    pub(super) subprotocols: Vec<String>,
    pub(super) deflate: Option<DeflateOptions>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_message: DEFAULT_MAX_MESSAGE,
            max_head: DEFAULT_MAX_HEAD,
            handshake_timeout: DEFAULT_TIMEOUT,
            close_timeout: DEFAULT_TIMEOUT,
            heartbeat: None,
            subprotocols: Vec::new(),
            deflate: None,
        }
    }
}
