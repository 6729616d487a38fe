//! What both ends do: letters, and the bytes of files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ropewalk::{Result, TinyMessages};

use super::letter::Letter;

/// How many bytes of a file are a message.
const CHUNK_SIZE: u64 = 4 * 1024 * 1024;

pub(crate) async fn send(messages: &TinyMessages, letter: Letter) -> Result {
    Ok(messages.send(letter.to_json()).await?)
}

/// The next letter of a type that is known. None at the end of the connection.
pub(crate) async fn receive(messages: &TinyMessages) -> Result<Option<Letter>> {
    while let Some(message) = messages.receive().await? {
        if let Some(letter) = Letter::from_json(&message)? {
            return Ok(Some(letter));
        }
    }
    Ok(None)
}

/// Waits for the other side's yes. Anything else is an error.
pub(crate) async fn expect_confirmation(messages: &TinyMessages) -> Result {
    match receive(messages).await? {
        Some(Letter::Confirmed) => Ok(()),
        other => Err(unexpected(other)),
    }
}

pub(crate) fn unexpected(letter: Option<Letter>) -> ropewalk::ProtocolError {
    match letter {
        Some(Letter::Rejected { reason }) => format!("the other side refuses: {reason}").into(),
        Some(letter) => format!("the other side says {letter:?} out of turn").into(),
        None => "the other side has closed the connection too early".into(),
    }
}

/// Sends so many bytes of a file. No more of it is in memory than waits for the other side.
pub(crate) async fn send_file(messages: &TinyMessages, file: File, size: u64) -> Result {
    let (file, mut left) = (Arc::new(file), size);
    while left > 0 {
        let chunk = left.min(CHUNK_SIZE);
        messages.send_from(Arc::clone(&file), u32::try_from(chunk)?).await?;
        left -= chunk;
    }
    Ok(())
}

/// Receives so many bytes into a file.
pub(crate) async fn receive_file(messages: &TinyMessages, mut file: NewFile, size: u64) -> Result {
    let mut left = size;
    while left > 0 {
        let Some(chunk) = messages.receive().await? else { return Err(unexpected(None)) };
        left =
            left.checked_sub(chunk.len() as u64).ok_or("the other side sends more than it has announced")?;
        file.file.write_all(&chunk)?;
    }
    file.is_complete = true;
    Ok(())
}

/// A file that was not there before, and is removed if it does not become complete.
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
    is_complete: bool,
}

impl NewFile {
    /// Nothing is overwritten, and no symbolic link is followed.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = File::create_new(path)?;
        Ok(Self { file, path: path.to_owned(), is_complete: false })
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_complete {
            if let Err(error) = fs::remove_file(&self.path) {
                log::warn!("removing {}: {error}", self.path.display());
            }
        }
    }
}
