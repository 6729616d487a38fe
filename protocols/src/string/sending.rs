//! Sending strings.

use ropewalk_reactor::Transport;

use crate::StringTooLong;

/// Sends strings on any [`Transport`], whatever its own protocol receives. Each is one write, prefix included.
///
/// ```
/// use ropewalk_protocols::{SendString, StringTooLong};
///
/// fn tell(peer: &ropewalk_reactor::Transport) -> Result<(), StringTooLong> {
///     peer.send_netstring("hello"); // 5:hello,
///     peer.send_string16("hello") // 0 5 h e l l o
/// }
/// ```
pub trait SendString {
    /// Sends `string` as a netstring.
    fn send_netstring(&self, string: impl AsRef<[u8]>);

    /// Sends `string` after its length in one byte.
    ///
    /// # Errors
    /// If it is longer than 255 bytes; nothing is sent.
    fn send_string8(&self, string: impl AsRef<[u8]>) -> Result<(), StringTooLong>;

    /// Sends `string` after its length in two bytes.
    ///
    /// # Errors
    /// If it is longer than 65,535 bytes; nothing is sent.
    fn send_string16(&self, string: impl AsRef<[u8]>) -> Result<(), StringTooLong>;

    /// Sends `string` after its length in four bytes.
    ///
    /// # Errors
    /// If it is longer than 4,294,967,295 bytes; nothing is sent.
    fn send_string32(&self, string: impl AsRef<[u8]>) -> Result<(), StringTooLong>;
}

impl SendString for Transport {
    fn send_netstring(&self, string: impl AsRef<[u8]>) {
        let string = string.as_ref();
        let header = format!("{}:", string.len());
        self.write_vectored(&[header.as_bytes(), string, b","]);
    }

    fn send_string8(&self, string: impl AsRef<[u8]>) -> Result<(), StringTooLong> {
        let string = string.as_ref();
        let length = u8::try_from(string.len()).map_err(|_| too_long(string, u8::MAX))?;
        self.write_vectored(&[&length.to_be_bytes(), string]);
        Ok(())
    }

    fn send_string16(&self, string: impl AsRef<[u8]>) -> Result<(), StringTooLong> {
        let string = string.as_ref();
        let length = u16::try_from(string.len()).map_err(|_| too_long(string, u16::MAX))?;
        self.write_vectored(&[&length.to_be_bytes(), string]);
        Ok(())
    }

    fn send_string32(&self, string: impl AsRef<[u8]>) -> Result<(), StringTooLong> {
        let string = string.as_ref();
        let length = u32::try_from(string.len()).map_err(|_| too_long(string, u32::MAX))?;
        self.write_vectored(&[&length.to_be_bytes(), string]);
        Ok(())
    }
}

fn too_long(string: &[u8], limit: impl Into<u64>) -> StringTooLong {
    StringTooLong { limit: limit.into(), length: string.len() }
}
