//! Reloading a configuration when its files change.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ropewalk_reactor::{LoopingCall, ReactorHandle};

use super::server_config::TlsServerConfig;

/// What tells a version of some files from another.
#[derive(PartialEq, Eq)]
pub(super) struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

#[derive(PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    /// Changes when another file takes the name.
    inode: u64,
}

impl TlsServerConfig {
    /// Looks every `interval` whether a file has changed, and [reloads](Self::reload) if so. If the new files are
    /// broken, an error is logged that says why, and the server goes on with what it has until they change again.
    ///
    /// Changes are recognised by the time of modification, the size, and (on UNIX) the inode. To end it, stop the call
    /// that is returned.
    pub fn reload_on_change(&self, reactor: &ReactorHandle, interval: Duration) -> LoopingCall {
        let config = self.clone();
        reactor.call_every(interval, move |_| config.reload_if_changed())
    }

    fn reload_if_changed(&self) {
        if !self.has_changed() {
            return;
        }
        match self.reload() {
            Ok(()) => log::info!("the certificates have changed and are used from now on"),
            Err(error) => log::error!("the certificates have changed but cannot be used: {error}"),
        }
    }
}

impl Stamps {
    pub(super) fn of<'a>(files: impl Iterator<Item = &'a Path>) -> Self {
        Self(files.map(|path| (path.to_owned(), Stamp::of(path))).collect())
    }
}

impl Stamp {
    /// None if there is no such file.
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self { modified: metadata.modified().ok(), size: metadata.len(), inode: inode(&metadata) })
    }
}

#[cfg(unix)]
fn inode(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}
