//! The side that asks.

use std::fs::File;
use std::path::{Path, PathBuf};

use ropewalk::{ClientEndpoint, DescribedEndpoint, Result, TinyMessages, connect_tiny};

use super::common::{self, Outcome, say};
use super::letter::Letter;
use super::transfer::{NewFile, expect_confirmation, receive, receive_file, send, send_file, unexpected};

/// Fetches a file, and returns its size.
pub(crate) async fn get(messages: TinyMessages, path: String, local: PathBuf) -> Result<u64> {
    send(&messages, Letter::DownloadRequest { path }).await?;
    let size = match receive(&messages).await? {
        Some(Letter::DownloadConfirmation { size }) => size,
        other => return Err(unexpected(other)),
    };
    let file = NewFile::create(&local).map_err(|error| format!("{}: {error}", local.display()))?;
    send(&messages, Letter::Confirmed).await?;
    receive_file(&messages, file, size).await?;
    send(&messages, Letter::Confirmed).await?;
    send(&messages, Letter::Close).await?;
    Ok(size)
}

/// Sends a file, and returns its size.
pub(crate) async fn put(messages: TinyMessages, local: PathBuf, path: String) -> Result<u64> {
    let file = open(&local).map_err(|error| format!("{}: {error}", local.display()))?;
    let size = file.metadata()?.len();
    send(&messages, Letter::UploadRequest { size, path }).await?;
    expect_confirmation(&messages).await?;
    send_file(&messages, file, size).await?;
    expect_confirmation(&messages).await?;
    send(&messages, Letter::Close).await?;
    Ok(size)
}

fn open(path: &Path) -> std::io::Result<File> {
    if path.metadata()?.is_file() { File::open(path) } else { Err(std::io::Error::other("it is no file")) }
}

/// Connects, and does what `code` does.
pub(crate) fn converse<F, R>(endpoint: DescribedEndpoint<dyn ClientEndpoint>, code: F) -> Outcome
where
    F: FnOnce(TinyMessages) -> R + 'static,
    R: Future<Output = Result<u64>> + 'static,
{
    common::run_errand(|reactor| async move {
        let messages = connect_tiny(&reactor, &endpoint, |receiver| receiver).await?;
        let size = code(messages).await?;
        say(&format!("{size} bytes"))
    })
}
