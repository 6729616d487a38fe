//! The names of the simulated network.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_reactor::ResolveError;

/// What names stand for, and how well that can be found out.
pub(crate) struct Names {
    known: BTreeMap<String, Vec<IpAddr>>,
    /// How long a lookup takes; those of `Duration::MAX` are never answered.
    pub(crate) lookup_time: Duration,
    pub(crate) is_failing: bool,
}

impl Names {
    pub(crate) fn set(&mut self, name: &str, addresses: Vec<IpAddr>) {
        self.known.insert(name.to_ascii_lowercase(), addresses);
    }

    pub(crate) fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let name = name.to_owned();
        if self.is_failing {
            let source = io::Error::other("no name server can be reached in the simulation");
            return Err(ResolveError::Temporary { name, source: Arc::new(source) });
        }
        self.known.get(&name).cloned().ok_or(ResolveError::NotFound { name })
    }
}

impl Default for Names {
    fn default() -> Self {
        Self { known: BTreeMap::new(), lookup_time: Duration::from_millis(1), is_failing: false }
    }
}
