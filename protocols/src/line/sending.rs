//! Sending lines.

use ropewalk_reactor::Transport;

use super::Delimiter;

/// Sends lines on any [`Transport`], whatever its own protocol receives.
///
/// ```
/// use ropewalk_protocols::SendLine;
///
/// fn tell_everybody(members: &[ropewalk_reactor::Transport], line: &str) {
///     for member in members {
///         member.send_line(line);
///     }
/// }
/// ```
pub trait SendLine {
    /// Sends `line` and CR LF, as one write. Nothing in the line is escaped and its length is not limited: a line with a
    /// delimiter in it arrives as two.
    fn send_line(&self, line: impl AsRef<[u8]>) {
        self.send_line_with(line, &Delimiter::CrLf);
    }

    /// Sends `line` with another delimiter.
    fn send_line_with(&self, line: impl AsRef<[u8]>, delimiter: &Delimiter);
}

impl SendLine for Transport {
    fn send_line_with(&self, line: impl AsRef<[u8]>, delimiter: &Delimiter) {
        self.write_vectored(&[line.as_ref(), delimiter.sent()]);
    }
}
