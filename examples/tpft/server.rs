//! A directory that is served.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{
    Factory, LimitConnections, Policy, Result, TinyConnectionLimit, TinyMessages, TinyReceiver, TinyTask,
    for_protocol,
};

use super::letter::Letter;
use super::transfer::{NewFile, expect_confirmation, receive, receive_file, send, send_file};

/// How many connections there may be.
const CONNECTIONS_MAX: usize = 100;
/// How long a client may be silent.
const PATIENCE: Duration = Duration::from_secs(120);

/// A directory that nobody gets out of.
pub(crate) struct Store {
    /// Without symbolic links.
    root: PathBuf,
    takes_uploads: bool,
}

impl Store {
    pub(crate) fn new(root: &Path, takes_uploads: bool) -> io::Result<Self> {
        Ok(Self { root: root.canonicalize()?, takes_uploads })
    }

    /// Where something is, whether or not it is there. A slash at the beginning stands for the directory.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let mut place = self.root.clone();
        for component in Path::new(path.trim_start_matches('/')).components() {
            match component {
                Component::Normal(name) => place.push(name),
                Component::CurDir => {}
                _ => return Err(ErrorKind::PermissionDenied.into()),
            }
        }
        Ok(place)
    }

    /// The same place without symbolic links, which may lead anywhere.
    fn resolve(&self, place: &Path) -> io::Result<PathBuf> {
        let resolved = place.canonicalize()?;
        if resolved.starts_with(&self.root) { Ok(resolved) } else { Err(ErrorKind::PermissionDenied.into()) }
    }

    /// A file to be read, and its size.
    fn open(&self, path: &str) -> io::Result<(File, u64)> {
        let place = self.resolve(&self.place(path)?)?;
        // Opening a pipe would wait for whoever writes to it.
        if !place.metadata()?.is_file() {
            return Err(ErrorKind::PermissionDenied.into());
        }
        let file = File::open(place)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }

    /// A file to be written.
    fn create(&self, path: &str) -> io::Result<NewFile> {
        let place = self.place(path)?;
        let (true, Some(directory), Some(name)) = (self.takes_uploads, place.parent(), place.file_name())
        else {
            return Err(ErrorKind::PermissionDenied.into());
        };
        NewFile::create(&self.resolve(directory)?.join(name))
    }
}

/// What the client is told. It is nobody's business where the directory is.
fn rejection(error: &io::Error) -> Letter {
    let reason = match error.kind() {
        ErrorKind::NotFound => "there is no such file or directory",
        ErrorKind::AlreadyExists => "there is such a file already",
        ErrorKind::PermissionDenied => "that is not allowed",
        _ => "that cannot be done",
    };
    Letter::Rejected { reason: reason.to_owned() }
}

async fn give(messages: &TinyMessages, store: &Store, path: &str) -> Result {
    match store.open(path) {
        Ok((file, size)) => {
            send(messages, Letter::DownloadConfirmation { size }).await?;
            expect_confirmation(messages).await?;
            send_file(messages, file, size).await?;
            expect_confirmation(messages).await
        }
        Err(error) => send(messages, rejection(&error)).await,
    }
}

async fn take(messages: &TinyMessages, store: &Store, path: &str, size: u64) -> Result {
    match store.create(path) {
        Ok(file) => {
            send(messages, Letter::Confirmed).await?;
            receive_file(messages, file, size).await?;
            send(messages, Letter::Confirmed).await
        }
        Err(error) => send(messages, rejection(&error)).await,
    }
}

async fn attend(messages: TinyMessages, store: Rc<Store>) -> Result {
    messages.transport().set_idle_timeout(Some(PATIENCE));
    loop {
        match receive(&messages).await? {
            None | Some(Letter::Close) => return Ok(()),
            Some(Letter::DownloadRequest { path }) => give(&messages, &store, &path).await?,
            Some(Letter::UploadRequest { size, path }) => take(&messages, &store, &path, size).await?,
            // As the original does.
            Some(_) => {}
        }
    }
}

pub(crate) fn serve(store: Store) -> impl Factory {
    let store = Rc::new(store);
    let attendant = for_protocol(move || {
        let store = Rc::clone(&store);
        TinyReceiver::server(TinyTask::new(move |messages| attend(messages, store)))
    });
    LimitConnections::new(CONNECTIONS_MAX)
        .with_overflow(for_protocol(|| TinyConnectionLimit))
        .around(attendant)
}
