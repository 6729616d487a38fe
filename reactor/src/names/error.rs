//! Why a name has no addresses.

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::NameProblem;

/// Why a name could not be resolved. `Display` names the operation, the name and the cause.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ResolveError {
    /// It is no name of a host; nobody was asked.
    BadName {
        /// What was to be resolved.
        name: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// There is no such host, or it has no address.
    NotFound {
        /// What was to be resolved.
        name: String,
    },
    /// Whoever knows could not be asked, or could not tell, this time. It may be different later.
    Temporary {
        /// What was to be resolved.
        name: String,
        /// What the operating system says.
        source: Arc<io::Error>,
    },
    /// The lookup failed in another way.
    Failed {
        /// What was to be resolved.
        name: String,
        /// What went wrong.
        source: Arc<io::Error>,
    },
    /// There was no answer in time.
    TimedOut {
        /// What was to be resolved.
        name: String,
        /// The time that was allowed.
        after: Duration,
    },
    /// Too many other lookups are waiting.
    TooMany {
        /// What was to be resolved.
        name: String,
        /// How many there may be.
        limit: usize,
    },
    /// The lookup was cancelled with [`Deferred::cancel`](crate::Deferred::cancel), or the reactor was drained.
    Cancelled {
        /// What was to be resolved.
        name: String,
    },
    /// The reactor stopped.
    Shutdown {
        /// What was to be resolved.
        name: String,
    },
}

impl ResolveError {
    /// The name that was to be resolved.
    pub fn name(&self) -> &str {
        match self {
            Self::BadName { name, .. }
            | Self::NotFound { name }
            | Self::Temporary { name, .. }
            | Self::Failed { name, .. }
            | Self::TimedOut { name, .. }
            | Self::TooMany { name, .. }
            | Self::Cancelled { name }
            | Self::Shutdown { name } => name,
        }
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "resolving {:?}: ", self.name())?;
        match self {
            Self::BadName { problem, .. } => write!(formatter, "the name {problem}"),
            Self::NotFound { .. } => formatter.write_str("no such host"),
            Self::Temporary { source, .. } => write!(formatter, "temporary failure: {source}"),
            Self::Failed { source, .. } => source.fmt(formatter),
            Self::TimedOut { after, .. } => write!(formatter, "no answer within {after:?}"),
            Self::TooMany { limit, .. } => write!(formatter, "{limit} other lookups are waiting already"),
            Self::Cancelled { .. } => formatter.write_str("cancelled"),
            Self::Shutdown { .. } => formatter.write_str("the reactor stopped"),
        }
    }
}

impl std::error::Error for ResolveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::BadName { problem, .. } => Some(problem),
            Self::Temporary { source, .. } | Self::Failed { source, .. } => Some(source),
            _ => None,
        }
    }
}
