//! Names of UNIX sockets as version 2 has them: 108 bytes, filled up with zeros.

use std::path::PathBuf;

use ropewalk_reactor::UnixAddress;

/// How many bytes a name has.
pub(super) const NAME_LENGTH: usize = 108;

/// A name of [`NAME_LENGTH`] bytes. A path ends before the first zero; an abstract name begins with a zero and may have more, but
/// not at its end.
pub(super) fn read(bytes: &[u8]) -> UnixAddress {
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    match &bytes[..length] {
        [] => UnixAddress::unnamed(),
        [0, name @ ..] => UnixAddress::abstract_name(name),
        path => UnixAddress::path(to_path(path.split(|byte| *byte == 0).next().unwrap_or_default())),
    }
}

#[cfg(unix)]
fn to_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

/// Such a path names nothing on this system, so it need not be exact.
#[cfg(not(unix))]
fn to_path(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// The name in [`NAME_LENGTH`] bytes, if it fits.
pub(super) fn write(address: &UnixAddress) -> Option<[u8; NAME_LENGTH]> {
    let (start, name) = match (address.as_path(), address.as_abstract()) {
        (Some(path), _) => (0, path.as_os_str().as_encoded_bytes()),
        (None, Some(name)) => (1, name),
        (None, None) => (0, &[][..]),
    };
    let mut bytes = [0; NAME_LENGTH];
    bytes.get_mut(start..start + name.len())?.copy_from_slice(name);
    Some(bytes)
}
