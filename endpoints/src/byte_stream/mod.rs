//! A connection for code that asks and waits.

mod buffer;
mod feeding;

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use ropewalk_reactor::{ConnectError, Deferred, ReactorHandle, Transport};

use crate::{ClientEndpoint, connect_protocol};
use buffer::Buffer;
use feeding::{Feeder, Shared};

/// How long a line of [`ByteStream::read_line`] may be, in bytes.
const LINE_LENGTH_MAX: usize = 16_384;

/// A connection whose input is awaited, for clients that talk in questions and answers; [`connect_stream`] makes it.
///
/// Input waits in a buffer until it is asked for; above 64 KiB, or what a read asks for if that is more, reading is paused
/// and the peer has to wait. Output goes through [`Transport::write`]; who writes much awaits
/// [`writable`](Self::writable) now and then.
///
/// Reads may be given up, by [`ReactorHandle::timeout`] for instance: no input is lost then. Input that came before the end is
/// given out before the end is told. Dropping the stream closes the connection in an orderly way, as does cancelling the
/// task that holds it.
pub struct ByteStream {
    transport: Transport,
    shared: Rc<Shared>,
}

/// Why a [`ByteStream`] could not do what was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StreamError {
    /// The connection ended, and not in an orderly way; the text is that of the [`Reason`](ropewalk_reactor::Reason).
    Lost(String),
    /// The input ended, or the connection was closed, before all was there that was asked for. What there was can still be
    /// read.
    Ended,
    /// What was looked for did not come within so many bytes, which can still be read otherwise.
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// Connects to `endpoint` for code that awaits its input. Cancelling the deferred, or no longer awaiting it, gives the
/// attempt up.
///
/// ```no_run
/// # use ropewalk_endpoints::{TcpClientEndpoint, connect_stream};
/// # use ropewalk_reactor::ReactorHandle;
/// async fn ask(reactor: &ReactorHandle) -> Result<(), Box<dyn std::error::Error>> {
///     let endpoint: TcpClientEndpoint = "127.0.0.1:8123".parse()?;
///     let mut stream = connect_stream(reactor, &endpoint).await?;
///     stream.write("How are you?\r\n");
///     if let Some(answer) = stream.read_line().await? {
///         println!("{}", String::from_utf8_lossy(&answer));
///     }
///     stream.close().await?;
///     Ok(())
/// }
/// ```
pub fn connect_stream(
    reactor: &ReactorHandle,
    endpoint: &(impl ClientEndpoint + ?Sized),
) -> Deferred<Result<ByteStream, ConnectError>> {
    let shared = Rc::new(Shared::default());
    let feeder = Feeder(Rc::clone(&shared));
    connect_protocol(reactor, endpoint, feeder)
        .map(|result| result.map(|transport| ByteStream { transport, shared }))
}

impl ByteStream {
    /// Sends `data`, as [`Transport::write`] does: at once as far as this call is concerned, and with nothing to wait for.
    pub fn write(&self, data: impl AsRef<[u8]>) {
        self.transport.write(data);
    }

    /// Waits until there is room for more output: not at all as a rule, and if more than
    /// [`Limits::high_water`](ropewalk_reactor::Limits::high_water) waits for the peer, until it has drained.
    ///
    /// # Errors
    /// If nothing more can be written, because the connection has ended or this side has finished.
    pub async fn writable(&self) -> Result<(), StreamError> {
        poll_fn(|context| {
            if !self.transport.accepts_output() {
                let loss = self.shared.loss().and_then(Result::err);
                return Poll::Ready(Err(loss.unwrap_or(StreamError::Ended)));
            }
            let paused = self.shared.is_writing_paused();
            if !paused && self.transport.buffered() <= self.transport.limits().high_water {
                return Poll::Ready(Ok(()));
            }
            if !paused {
                // Written in this very turn: at its end it is sent, or waits and the protocol hears of that.
                context.waker().wake_by_ref();
            }
            self.shared.wait(context);
            Poll::Pending
        })
        .await
    }

    /// Waits for input and returns what there is, or `None` at its end.
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn read(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        self.await_input(1, |input| (input.len() > 0).then(|| input.take(input.len()))).await
    }

    /// Waits for exactly `length` bytes, however many those are.
    ///
    /// # Errors
    /// [`StreamError::Ended`] if so many do not come; or if the connection is lost.
    pub async fn read_exact(&mut self, length: usize) -> Result<Vec<u8>, StreamError> {
        let read = self.await_input(length, |input| (input.len() >= length).then(|| input.take(length)));
        read.await?.ok_or(StreamError::Ended)
    }

    /// Waits for `delimiter` and returns what comes before it, at most `limit` bytes; the delimiter is taken out too.
    /// `None` at the end of the input. An empty delimiter is found at once.
    ///
    /// # Errors
    /// [`StreamError::TooLong`] if there are more bytes before it, [`StreamError::Ended`] if the input ends with something
    /// that it does not end; or if the connection is lost.
    pub async fn read_until(
        &mut self,
        delimiter: &[u8],
        limit: usize,
    ) -> Result<Option<Vec<u8>>, StreamError> {
        let wanted = limit.saturating_add(delimiter.len());
        let mut searched = 0;
        let read = self.await_input(wanted, |input| match input.find(delimiter, searched) {
            Some(length) if length <= limit => {
                let found = input.take(length);
                input.take(delimiter.len());
                Some(Ok(found))
            }
            None if input.len() < wanted => {
                searched = input.len();
                None
            }
            _ => Some(Err(StreamError::TooLong { limit })),
        });
        match read.await? {
            Some(found) => found.map(Some),
            None if self.shared.input().len() == 0 => Ok(None),
            None => Err(StreamError::Ended),
        }
    }

    /// Waits for a line and returns it without its end, which is LF or CR LF. `None` at the end of the input. A line may
    /// have 16,384 bytes, a CR at its end included.
    ///
    /// # Errors
    /// As [`read_until`](Self::read_until).
    pub async fn read_line(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        let mut line = self.read_until(b"\n", LINE_LENGTH_MAX).await?;
        if let Some(line) = line.as_mut().filter(|line| line.ends_with(b"\r")) {
            line.pop();
        }
        Ok(line)
    }

    /// Waits for the end of the input and returns all that was left of it, at most `limit` bytes.
    ///
    /// # Errors
    /// [`StreamError::TooLong`] if there is more; or if the connection is lost.
    pub async fn read_to_end(&mut self, limit: usize) -> Result<Vec<u8>, StreamError> {
        let wanted = limit.saturating_add(1);
        match self.await_input(wanted, |input| (input.len() > limit).then_some(())).await? {
            Some(()) => Err(StreamError::TooLong { limit }),
            None => {
                let mut input = self.shared.input();
                let length = input.len();
                Ok(input.take(length))
            }
        }
    }

    /// Closes the connection in an orderly way, as [`Transport::lose_connection`] does, and waits until it has ended:
    /// then everything that was written has been sent. Input that was not read is thrown away.
    ///
    /// # Errors
    /// If the connection was lost instead.
    pub async fn close(self) -> Result<(), StreamError> {
        self.transport.lose_connection();
        poll_fn(|context| match self.shared.loss() {
            Some(loss) => Poll::Ready(loss),
            None => {
                self.shared.wait(context);
                Poll::Pending
            }
        })
        .await
    }

    /// The transport underneath, for all else that can be done to a connection. A clone of it writes from elsewhere while
    /// this side reads.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Waits until `take` finds what it looks for; `None` if the input has ended without. At least `wanted` bytes are
    /// let in before the peer has to wait.
    async fn await_input<T>(
        &self,
        wanted: usize,
        mut take: impl FnMut(&mut Buffer) -> Option<T>,
    ) -> Result<Option<T>, StreamError> {
        let _asking = Asking(self);
        poll_fn(|context| {
            let taken = take(&mut self.shared.input());
            if taken.is_some() {
                return Poll::Ready(Ok(taken));
            }
            if let Some(end) = self.shared.end_of_input() {
                return Poll::Ready(end.map(|()| None));
            }
            self.shared.want(wanted, &self.transport);
            self.shared.wait(context);
            Poll::Pending
        })
        .await
    }
}

/// Lasts as long as a read, also one that is given up: afterwards nobody asks for more input than the mark.
struct Asking<'a>(&'a ByteStream);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.shared.want(0, &self.0.transport);
    }
}

impl Drop for ByteStream {
    fn drop(&mut self) {
        self.transport.lose_connection();
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ByteStream").field("transport", &self.transport).finish_non_exhaustive()
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(reason) => formatter.write_str(reason),
            Self::Ended => {
                formatter.write_str("the connection ended before all had come that was waited for")
            }
            Self::TooLong { limit } => {
                write!(formatter, "the end of it did not come within {limit} bytes")
            }
        }
    }
}

impl std::error::Error for StreamError {}
