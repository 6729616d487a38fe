//! The names of UNIX sockets, to and from the form of the operating system.

#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;

use std::ffi::OsStr;
use std::io;
use std::mem::offset_of;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use socket2::SockAddr;

use crate::UnixAddress;

/// How many bytes a name may have: what the system has room for, less the zero byte that ends a path and begins an
/// abstract name.
const LENGTH_MAX: usize = size_of::<libc::sockaddr_un>() - offset_of!(libc::sockaddr_un, sun_path) - 1;

/// Whether the system has names that are in no file system.
const HAS_ABSTRACT_NAMES: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// The address as the system takes it, if it names a place.
pub(in crate::driver::real) fn to_system(address: &UnixAddress) -> io::Result<SockAddr> {
    if let Some(path) = address.as_path() {
        return path_to_system(path);
    }
    match address.as_abstract() {
        Some(name) => abstract_to_system(name),
        None => Err(invalid("a socket without a name is no place: give a path".to_owned())),
    }
}

fn path_to_system(path: &Path) -> io::Result<SockAddr> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() {
        return Err(invalid("the path is empty".to_owned()));
    }
    if bytes.contains(&0) {
        return Err(invalid("the path contains a zero byte".to_owned()));
    }
    check_length("path", bytes)?;
    SockAddr::unix(path)
}

fn abstract_to_system(name: &[u8]) -> io::Result<SockAddr> {
    if !HAS_ABSTRACT_NAMES {
        let text = "this system has no abstract names: give a path";
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    if name.is_empty() {
        return Err(invalid("the abstract name is empty".to_owned()));
    }
    check_length("abstract name", name)?;
    SockAddr::unix(OsStr::from_bytes(&[b"\0", name].concat()))
}

fn check_length(what: &str, name: &[u8]) -> io::Result<()> {
    if name.len() > LENGTH_MAX {
        return Err(invalid(format!(
            "the {what} is too long: it has {} bytes, a UNIX socket's may have {LENGTH_MAX}",
            name.len()
        )));
    }
    Ok(())
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// The address that the system tells of a socket.
pub(in crate::driver::real) fn from_system(address: &SocketAddr) -> UnixAddress {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = address.as_abstract_name() {
        return UnixAddress::abstract_name(name);
    }
    address.as_pathname().map_or_else(UnixAddress::unnamed, UnixAddress::path)
}
