//! Binding UNIX sockets, and the files that they have then: taking the place of one that was left behind, removing it.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::address::to_system;
use crate::UnixAddress;

/// The highest mode that a socket's file can have.
const MODE_MAX: u32 = 0o777;

/// The file of a bound socket. Dropping this removes it, if it is still the one that was made.
///
/// To be dropped before its socket is closed: until then no other file can be given the same inode.
pub(in crate::driver::real) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// A socket without a name.
pub(in crate::driver::real) fn open(kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, kind, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket of the name `address`, and its file if that is a path. A file that nobody has open any more is replaced.
pub(in crate::driver::real) fn open_bound(
    kind: Type,
    address: &UnixAddress,
    mode: Option<u32>,
) -> io::Result<(Socket, Option<SocketFile>)> {
    let name = to_system(address)?;
    check_mode(address, mode)?;
    let socket = restricted(open(kind)?, mode);
    let Some(path) = address.as_path() else {
        socket.bind(&name)?;
        return Ok((socket, None));
    };
    let file = SocketFile::bind(&socket, path, &name)?;
    if let Some(mode) = mode {
        file.set_mode(mode)?;
    }
    Ok((socket, Some(file)))
}

/// Everybody may reach an abstract name, so a mode must not be passed over in silence.
fn check_mode(address: &UnixAddress, mode: Option<u32>) -> io::Result<()> {
    let text = match mode {
        Some(_) if address.as_path().is_none() => {
            "an abstract name has no file, and so it can have no mode".to_owned()
        }
        Some(mode) if mode > MODE_MAX => {
            format!("{mode:#o} is not a mode of a socket: it may be {MODE_MAX:#o} at the most")
        }
        _ => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// Gives the socket its mode before it has a file. Linux makes the file with it, less the umask; so there is no moment at
/// which somebody reaches the socket who must not. Other systems cannot, which is an error that does no harm.
fn restricted(socket: Socket, mode: Option<u32>) -> Socket {
    let Some(mode) = mode else { return socket };
    let file = File::from(OwnedFd::from(socket));
    if let Err(error) = file.set_permissions(Permissions::from_mode(mode)) {
        log::debug!("the mode of a UNIX socket is set after binding: {error}");
    }
    OwnedFd::from(file).into()
}

impl SocketFile {
    /// Binds `socket` to `path`, which is `name` in the system's form.
    fn bind(socket: &Socket, path: &Path, name: &SockAddr) -> io::Result<Self> {
        // The process may change its directory meanwhile.
        let absolute = std::path::absolute(path)?;
        match socket.bind(name) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_abandoned(path, name)?;
                socket.bind(name)?;
            }
            result => result?,
        }
        let made = fs::symlink_metadata(path)?;
        Ok(Self { path: absolute, device: made.dev(), inode: made.ino() })
    }

    /// Sets the mode where it is another. Where it is the right one, there is no need to follow the path once more, which
    /// somebody may have changed who can write to the directory.
    fn set_mode(&self, mode: u32) -> io::Result<()> {
        if fs::symlink_metadata(&self.path)?.mode() & MODE_MAX == mode {
            return Ok(());
        }
        fs::set_permissions(&self.path, Permissions::from_mode(mode))
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

/// Removes the file at `path` if it is a socket that nobody has open, such as a program leaves behind that is killed.
fn remove_abandoned(path: &Path, name: &SockAddr) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(in_use("there is something else than a socket already, which is left alone"));
    }
    match probe(&open(Type::DGRAM)?, name) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(in_use(&format!("there is a socket already, which may be in use: {error}")));
        }
        Ok(()) => return Err(in_use("there is a socket already, which is in use")),
    }
    let now = fs::symlink_metadata(path)?;
    if (now.dev(), now.ino()) != (found.dev(), found.ino()) {
        return Err(in_use("another program has just taken the place"));
    }
    log::info!("removing the socket {}, which nobody has open", path.display());
    fs::remove_file(path)
}

/// Whether somebody has the socket open, whatever its kind. A socket for datagrams finds out unnoticed: one for streams
/// would be accepted, and could not tell a server that is about to listen from one that is gone.
fn probe(socket: &Socket, name: &SockAddr) -> io::Result<()> {
    match socket.connect(name) {
        Err(error) if error.raw_os_error() == Some(libc::EPROTOTYPE) => Ok(()),
        result => result,
    }
}

fn in_use(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, text)
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_with_its_mode() {
        let path = std::env::temp_dir().join(format!("ropewalk-mode-{}", std::process::id()));
        let socket = restricted(open(Type::DGRAM).unwrap(), Some(0o600));
        let _file = SocketFile::bind(&socket, &path, &SockAddr::unix(&path).unwrap()).unwrap();
        assert_eq!(fs::symlink_metadata(&path).unwrap().mode() & 0o7777, 0o600);
    }
}
