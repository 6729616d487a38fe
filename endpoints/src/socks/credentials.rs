//! Who asks a proxy.

use std::fmt;

/// A user name and a password for a SOCKS proxy (RFC 1929). They are sent in the clear.
///
/// `Debug` shows the name only.
#[derive(Clone, PartialEq, Eq)]
pub struct Socks5Credentials {
    /// Invariant: both have from 1 to 255 bytes.
    user: Box<[u8]>,
    password: Box<[u8]>,
}

/// A user name or a password is empty, or has more than 255 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Socks5CredentialsError {
    what: &'static str,
    length: usize,
}

impl Socks5Credentials {
    /// Credentials of 1 to 255 bytes each.
    ///
    /// # Errors
    /// If they have less or more.
    pub fn new(
        user: impl Into<Vec<u8>>,
        password: impl Into<Vec<u8>>,
    ) -> Result<Self, Socks5CredentialsError> {
        let user = checked("user name", user.into())?;
        Ok(Self { user, password: checked("password", password.into())? })
    }

    pub(super) fn parts(&self) -> [&[u8]; 2] {
        [&self.user, &self.password]
    }
}

fn checked(what: &'static str, bytes: Vec<u8>) -> Result<Box<[u8]>, Socks5CredentialsError> {
    match bytes.len() {
        1..=255 => Ok(bytes.into()),
        length => Err(Socks5CredentialsError { what, length }),
    }
}

impl fmt::Debug for Socks5Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.escape_ascii().to_string();
        formatter.debug_struct("Socks5Credentials").field("user", &user).finish_non_exhaustive()
    }
}

impl fmt::Display for Socks5CredentialsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, length } = self;
        write!(formatter, "the {what} for the SOCKS proxy has {length} bytes: it must have from 1 to 255")
    }
}

impl std::error::Error for Socks5CredentialsError {}
