//! The side that asks.

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ropewalk::{ClientEndpoint, Reactor, Result, TinyMessages, TinyReceiver, TinyTask, connect_protocol};

use super::common::{Outcome, say};
use super::letter::Letter;
use super::transfer::{NewFile, expect_confirmation, receive, receive_file, send, send_file, unexpected};

/// Fetches a file, and returns its size.
pub(crate) async fn get(mut messages: TinyMessages, path: String, local: PathBuf) -> Result<u64> {
    send(&messages, Letter::DownloadRequest { path }).await?;
    let size = match receive(&mut messages).await? {
        Some(Letter::DownloadConfirmation { size }) => size,
        other => return Err(unexpected(other)),
    };
    let file = NewFile::create(&local).map_err(|error| format!("{}: {error}", local.display()))?;
    send(&messages, Letter::Confirmed).await?;
    receive_file(&mut messages, file, size).await?;
    send(&messages, Letter::Confirmed).await?;
    send(&messages, Letter::Close).await?;
    Ok(size)
}

/// Sends a file, and returns its size.
pub(crate) async fn put(mut messages: TinyMessages, local: PathBuf, path: String) -> Result<u64> {
    let file = open(&local).map_err(|error| format!("{}: {error}", local.display()))?;
    let size = file.metadata()?.len();
    send(&messages, Letter::UploadRequest { size, path }).await?;
    expect_confirmation(&mut messages).await?;
    send_file(&messages, file, size).await?;
    expect_confirmation(&mut messages).await?;
    send(&messages, Letter::Close).await?;
    Ok(size)
}

fn open(path: &Path) -> std::io::Result<File> {
    if path.metadata()?.is_file() { File::open(path) } else { Err(std::io::Error::other("it is no file")) }
}

/// Connects, and does what `code` does.
pub(crate) fn converse<F, R>(endpoint: &dyn ClientEndpoint, code: F) -> Outcome
where
    F: FnOnce(TinyMessages) -> R + 'static,
    R: Future<Output = Result<u64>> + 'static,
{
    let mut reactor = Reactor::new()?;
    reactor.stop_on_signals()?;
    let outcome = Rc::<RefCell<Option<Result<u64>>>>::default();
    let (of_task, of_attempt) = (Rc::clone(&outcome), Rc::clone(&outcome));
    let task = TinyTask::new(async move |messages: TinyMessages| {
        let result = code(messages).await;
        *of_task.borrow_mut() = Some(result);
        Ok(())
    });
    let handle = reactor.handle();
    connect_protocol(&reactor, endpoint, TinyReceiver::client(task)).then(move |result| match result {
        Ok(transport) => transport.when_lost().then(move |_| handle.stop()),
        Err(error) => {
            *of_attempt.borrow_mut() = Some(Err(error.into()));
            handle.stop();
        }
    });
    reactor.run()?;
    let size = outcome.take().ok_or("interrupted")??;
    say(&format!("{size} bytes"))
}
