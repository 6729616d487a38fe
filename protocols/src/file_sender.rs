//! Sending files, as fast as the peer reads them.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};

use ropewalk_reactor::{Deferred, Producer, ProducerKind, Resolver, Transport};

/// How much is read and sent at a time.
pub(crate) const CHUNK_SIZE: usize = 64 * 1024;

/// Sends all that a reader gives, such as a [`File`](std::fs::File), however much larger than memory that is.
///
/// It reads a chunk of up to 64 KiB whenever the one before it has been sent. Reading happens in the loop and holds it
/// up for as long as it takes: right for files on a local disk, wrong for a pipe or a network file system.
#[derive(Debug)]
pub struct FileSender<R> {
    reader: R,
    chunk: Box<[u8]>,
    sent: u64,
    /// Invariant: present until the result is known.
    resolver: Option<Resolver<Result<u64, FileSendError>>>,
}

/// Why a file was not sent to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileSendError {
    /// Reading failed. What was read before has been sent, and the connection is as it was.
    Read {
        /// How many bytes were read before.
        sent: u64,
        /// How it failed.
        error: io::Error,
    },
    /// The connection was lost before the end, or was closing before the beginning; or somebody unregistered the
    /// producer.
    Interrupted {
        /// How many bytes were written to the transport before; the peer may have received fewer.
        sent: u64,
    },
    /// The transport has another producer; nothing was sent.
    Busy,
}

impl<R: Read + 'static> FileSender<R> {
    /// Sends what `reader` gives over `transport`; the result is how many bytes that was, once all of them have been handed
    /// to the operating system.
    ///
    /// Until then the transport's producer is this one. What others write to the transport meanwhile comes in between.
    /// [`lose_connection`](Transport::lose_connection), also directly after this call, closes the connection when the file
    /// has been sent.
    ///
    /// ```no_run
    /// # use ropewalk_reactor::Transport;
    /// use ropewalk_protocols::FileSender;
    ///
    /// fn serve(transport: &Transport, path: &str) -> std::io::Result<()> {
    ///     let sending = FileSender::send(std::fs::File::open(path)?, transport);
    ///     transport.lose_connection();
    ///     sending.then(|result| match result {
    ///         Ok(bytes) => log::info!("{bytes} bytes sent"),
    ///         Err(error) => log::warn!("{error}"),
    ///     });
    ///     Ok(())
    /// }
    /// ```
    pub fn send(reader: R, transport: &Transport) -> Deferred<Result<u64, FileSendError>> {
        let (deferred, resolver) = Deferred::new(transport.reactor());
        let chunk = vec![0; CHUNK_SIZE].into_boxed_slice();
        let sender = Self { reader, chunk, sent: 0, resolver: Some(resolver) };
        if transport.register_producer(sender, ProducerKind::Pull).is_err() {
            return Deferred::resolved(transport.reactor(), Err(FileSendError::Busy));
        }
        deferred
    }
}

/// Reads until the chunk is full or the reader is at its end. Returns how much that was, and whether it went well.
pub(crate) fn fill(reader: &mut (impl Read + ?Sized), chunk: &mut [u8]) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while filled < chunk.len() {
        match reader.read(&mut chunk[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

impl<R> FileSender<R> {
    fn finish(&mut self, result: Result<u64, FileSendError>) {
        if let Some(resolver) = self.resolver.take() {
            resolver.resolve(result);
        }
    }
}

impl<R: Read + 'static> Producer for FileSender<R> {
    fn resume_producing(&mut self, transport: &Transport) {
        // A limit below the size of a chunk would otherwise end the connection.
        let size = self.chunk.len().min(transport.limits().output).max(1);
        let (filled, result) = fill(&mut self.reader, &mut self.chunk[..size]);
        transport.write(&self.chunk[..filled]);
        self.sent += filled as u64;
        match result {
            Ok(()) if filled > 0 => return,
            Ok(()) => self.finish(Ok(self.sent)),
            Err(error) => self.finish(Err(FileSendError::Read { sent: self.sent, error })),
        }
        transport.unregister_producer();
    }
}

impl<R> Drop for FileSender<R> {
    /// The loop drops a producer whose connection is lost, or that was unregistered.
    fn drop(&mut self) {
        self.finish(Err(FileSendError::Interrupted { sent: self.sent }));
    }
}

impl fmt::Display for FileSendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { sent, error } => write!(formatter, "reading failed after {sent} bytes: {error}"),
            Self::Interrupted { sent } => write!(formatter, "the connection was lost after {sent} bytes"),
            Self::Busy => formatter.write_str("the transport already has a producer"),
        }
    }
}

impl Error for FileSendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read { error, .. } => Some(error),
            Self::Interrupted { .. } | Self::Busy => None,
        }
    }
}
