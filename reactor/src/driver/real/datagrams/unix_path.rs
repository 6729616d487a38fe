//! The names of UNIX sockets, and the files that some of them are.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::UnixAddress;

/// The file of a bound socket, removed with this value if it is still the same.
pub(super) struct BoundFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl BoundFile {
    /// The file that `path` leads to now.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        // The process may change its directory meanwhile.
        let path = std::path::absolute(path)?;
        Ok(Self { path, device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Drop for BoundFile {
    fn drop(&mut self) {
        let same = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode));
        if same {
            if let Err(error) = fs::remove_file(&self.path) {
                log::debug!("cannot remove {}: {error}", self.path.display());
            }
        }
    }
}

/// `address` as the operating system has it.
pub(super) fn socket_address(address: &UnixAddress) -> io::Result<SockAddr> {
    if let Some(path) = address.as_path() {
        let bytes = path.as_os_str().as_bytes();
        return match bytes {
            [] => Err(invalid("the path of a UNIX socket is empty")),
            _ if bytes.contains(&0) => Err(invalid("the path of a UNIX socket contains a zero byte")),
            _ => SockAddr::unix(path),
        };
    }
    let Some(name) = address.as_abstract() else {
        return Err(invalid("a UNIX socket without a name cannot be reached"));
    };
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no abstract names"));
    }
    SockAddr::unix(OsStr::from_bytes(&[b"\0", name].concat()))
}

/// The name of a socket as the operating system tells it.
pub(super) fn unix_address(address: &std::os::unix::net::SocketAddr) -> UnixAddress {
    if let Some(path) = address.as_pathname() {
        return UnixAddress::path(path);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        #[cfg(target_os = "android")]
        use std::os::android::net::SocketAddrExt;
        #[cfg(target_os = "linux")]
        use std::os::linux::net::SocketAddrExt;
        if let Some(name) = address.as_abstract_name() {
            return UnixAddress::abstract_name(name);
        }
    }
    UnixAddress::unnamed()
}

/// Removes the socket at `path` if nobody has it open any more: what a program leaves that was killed. Two programs that
/// do this at the same moment may remove each other's; only a lock beside the socket could prevent that.
pub(super) fn remove_stale(path: &Path, address: &SockAddr) -> io::Result<()> {
    let in_use = || io::Error::from(io::ErrorKind::AddrInUse);
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(in_use());
    }
    let probe = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
    match probe.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(in_use()),
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
