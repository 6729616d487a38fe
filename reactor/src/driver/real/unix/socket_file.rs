//! The file that a listening UNIX socket has: making it, taking the place of one that was left behind, removing it.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// The highest mode that a socket's file can have.
const MODE_MAX: u32 = 0o777;

/// The file of a bound socket. Dropping this removes it, if it is still the one that was made.
///
/// To be dropped before its socket is closed: until then no other file can be given the same inode.
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// Binds `socket` to `path`, which is `name` in the system's form. Nobody can connect before it listens, so there is
    /// time to set the mode.
    pub(super) fn bind(socket: &Socket, path: &Path, name: &SockAddr, mode: Option<u32>) -> io::Result<Self> {
        check_mode(mode)?;
        match socket.bind(name) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_abandoned(path, name)?;
                socket.bind(name)?;
            }
            result => result?,
        }
        let made = fs::symlink_metadata(path)?;
        let file = Self { path: path.to_owned(), device: made.dev(), inode: made.ino() };
        if let Some(mode) = mode {
            fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        Ok(file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = |found: Metadata| (found.dev(), found.ino()) == (self.device, self.inode);
        if !fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            log::warn!("cannot remove the socket {}: {error}", self.path.display());
        }
    }
}

fn check_mode(mode: Option<u32>) -> io::Result<()> {
    match mode {
        Some(mode) if mode > MODE_MAX => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{mode:#o} is not a mode of a socket: it may be {MODE_MAX:#o} at the most"),
        )),
        _ => Ok(()),
    }
}

/// Removes the file at `path` if it is a socket on which nobody listens, such as a server leaves behind that is killed.
fn remove_abandoned(path: &Path, name: &SockAddr) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(in_use("there is something else than a socket already, which is left alone"));
    }
    match probe(name) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // A queue that is full is somebody's.
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
            return Err(in_use(&format!("there is a socket already, which may be in use: {error}")));
        }
        Ok(()) | Err(_) => return Err(in_use("a server listens there already")),
    }
    let now = fs::symlink_metadata(path)?;
    if (now.dev(), now.ino()) != (found.dev(), found.ino()) {
        return Err(in_use("another server has just taken the place"));
    }
    log::info!("removing the socket {}, on which nobody listens", path.display());
    fs::remove_file(path)
}

/// Whether somebody listens there: an attempt to connect, given up at once.
fn probe(name: &SockAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(name)
}

fn in_use(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, text)
}
