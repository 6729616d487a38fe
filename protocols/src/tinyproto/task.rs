//! A conversation that is written in a line: send, then wait for the answer.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io::Read;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ropewalk_reactor::{Bytes, Reason, Result, Transport};

use super::error::TransmitError;
use super::protocol::TinyProtocol;
use super::transmit::Transmit;

/// When so many bytes of messages wait to be received, the peer has to wait, unless something is being sent.
const INPUT_MARK: usize = 64 * 1024;
/// What a message that waits counts beyond its length, in bytes, so that empty ones are bounded too.
const MESSAGE_COST: usize = 64;

/// A [`TinyProtocol`] that runs asynchronous code for each connection, which asks for the next message where it wants it: for
/// conversations of several steps.
///
/// The code runs as a [task](ropewalk_reactor::ReactorHandle::spawn) on the loop. When it ends it lets go of its
/// [`TinyMessages`], which closes the connection; if it ends with an error, the connection fails with that; so it does if it
/// panics. When the connection is lost, the code goes on, and hears of it where it next sends or receives.
///
/// ```
/// use ropewalk_protocols::{TinyMessages, TinyReceiver, TinyTask};
/// use ropewalk_reactor::{Result, for_protocol};
///
/// /// Asks for a name and a town.
/// async fn register(messages: TinyMessages) -> Result {
///     messages.send("Your name?").await?;
///     let Some(name) = messages.receive().await? else { return Ok(()) };
///     messages.send("Your town?").await?;
///     let Some(town) = messages.receive().await? else { return Ok(()) };
///     messages.send([&b"Welcome, "[..], &name, b" of ", &town].concat()).await?;
///     Ok(())
/// }
///
/// let factory = for_protocol(|| TinyReceiver::server(TinyTask::new(register)));
/// ```
///
/// A client that connects once needs none: `connect_tiny` of the endpoints gives it its messages.
pub struct TinyTask {
    /// Until the connection is made.
    begin: Option<Box<dyn FnOnce(TinyMessages)>>,
    shared: Rc<Shared>,
}

/// The messages of a connection, for code that awaits them: of a [`TinyTask`], or of a client that connected by
/// `connect_tiny`. Dropping them closes the connection once everything is transmitted; what comes meanwhile is received by
/// nobody.
///
/// Messages wait in order until they are received; above 64 KiB reading is paused and the peer has to wait, but not while
/// something is [being sent](Self::send), as the peer's agreement could not be heard then. When more than
/// [`Limits::output`](ropewalk_reactor::Limits::output) comes meanwhile, the connection fails.
pub struct TinyMessages {
    transport: Transport,
    shared: Rc<Shared>,
}

/// The connection has ended, and not in an orderly way; the text is that of the [`Reason`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TinyLost(String);

/// What a task and its protocol share.
#[derive(Default)]
struct Shared {
    messages: RefCell<VecDeque<Vec<u8>>>,
    /// What they count.
    cost: Cell<usize>,
    /// How many sends go on.
    sending: Cell<usize>,
    /// Nobody will receive any more.
    is_done: Cell<bool>,
    reading_paused: Cell<bool>,
    /// How the connection ended, once it has, or the peer's input.
    end: RefCell<Option<Result<(), TinyLost>>>,
    /// Those who wait for any of this to change.
    waiting: RefCell<Vec<Waker>>,
}

impl TinyTask {
    /// A protocol that runs `code`.
    pub fn new<R>(code: impl FnOnce(TinyMessages) -> R + 'static) -> Self
    where
        R: Future<Output = Result> + 'static,
    {
        let begin = move |messages: TinyMessages| {
            let transport = messages.transport.clone();
            let verdict = Verdict { transport: transport.clone(), result: None };
            let running = code(messages);
            transport.reactor().spawn(async move { verdict.give(running.await) }).detach();
        };
        Self { begin: Some(Box::new(begin)), shared: Rc::default() }
    }
}

impl TinyMessages {
    /// Waits for the next message; `None` if the peer has ended the connection.
    ///
    /// May be given up, by [`timeout`](ropewalk_reactor::ReactorHandle::timeout) for instance: no message is lost then. If
    /// several wait, each message is received by one of them.
    ///
    /// # Errors
    /// If the connection is lost, or a message broke off. What had come before is received before that.
    pub async fn receive(&self) -> Result<Option<Vec<u8>>, TinyLost> {
        poll_fn(|context| {
            if let Some(message) = self.shared.take() {
                self.shared.settle(&self.transport);
                return Poll::Ready(Ok(Some(message)));
            }
            self.shared.poll_end(context).map(|end| end.map(|()| None))
        })
        .await
    }

    /// Gives each message that comes to `hear`, one after the other, until the peer has ended the connection.
    ///
    /// # Errors
    /// As [`receive`](Self::receive), and what `hear` fails with.
    pub async fn for_each<E: From<TinyLost>>(
        &self,
        mut hear: impl AsyncFnMut(Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(message) = self.receive().await? {
            hear(message).await?;
        }
        Ok(())
    }

    /// Transmits a message, and waits until the peer has agreed to it and it was written to the connection. When this is given
    /// up the message is transmitted all the same.
    ///
    /// # Errors
    /// If the peer refuses it, after which the connection goes on; or if the connection ends before.
    pub async fn send(&self, message: impl Into<Bytes>) -> Result<(), TransmitError> {
        let _sending = Sending::begin(self);
        self.transport.transmit_confirmed(message).await
    }

    /// The same with a message of `size` bytes that is read while it is sent, as with [`Transmit::transmit_from`].
    ///
    /// # Errors
    /// As [`send`](Self::send), and if it cannot be read to its end, after which the connection ends too.
    pub async fn send_from(&self, reader: impl Read + 'static, size: u32) -> Result<(), TransmitError> {
        let _sending = Sending::begin(self);
        self.transport.transmit_from(reader, size).await
    }

    /// The transport underneath, for all else that can be done to a connection.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }
}

impl Drop for TinyMessages {
    /// What nobody will receive must not keep the peer's agreement to the last messages from being heard.
    fn drop(&mut self) {
        self.shared.is_done.set(true);
        self.shared.cost.set(0);
        drop(self.shared.messages.take());
        self.shared.settle(&self.transport);
        self.transport.close_after_transmission();
    }
}

impl Shared {
    fn take(&self) -> Option<Vec<u8>> {
        let message = self.messages.borrow_mut().pop_front()?;
        self.cost.set(self.cost.get() - message.len() - MESSAGE_COST);
        Some(message)
    }

    /// Puts a message behind the others; fails if that is more than may wait.
    fn put(&self, message: &[u8], limit: usize) -> Result {
        if self.is_done.get() {
            return Ok(());
        }
        let cost = self.cost.get() + message.len() + MESSAGE_COST;
        if self.cost.get() > 0 && cost > limit {
            return Err(format!("messages of more than {limit} bytes have come and were not received").into());
        }
        self.cost.set(cost);
        self.messages.borrow_mut().push_back(message.to_vec());
        self.wake();
        Ok(())
    }

    /// Has the peer wait while enough has come, unless its answer to something is waited for.
    fn settle(&self, transport: &Transport) {
        let full = self.cost.get() >= INPUT_MARK && self.sending.get() == 0;
        if full != self.reading_paused.replace(full) {
            if full { transport.pause_reading() } else { transport.resume_reading() }
        }
    }

    fn poll_end(&self, context: &Context<'_>) -> Poll<Result<(), TinyLost>> {
        if let Some(end) = &*self.end.borrow() {
            return Poll::Ready(end.clone());
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// The first end counts.
    fn end(&self, end: Result<(), TinyLost>) {
        self.end.borrow_mut().get_or_insert(end);
        self.wake();
    }

    fn wake(&self) {
        for waker in self.waiting.take() {
            waker.wake();
        }
    }
}

/// Lasts as long as a send, also one that is given up.
struct Sending<'a>(&'a TinyMessages);

impl<'a> Sending<'a> {
    fn begin(messages: &'a TinyMessages) -> Self {
        let sending = &messages.shared.sending;
        sending.set(sending.get() + 1);
        messages.shared.settle(&messages.transport);
        Self(messages)
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let TinyMessages { transport, shared } = self.0;
        shared.sending.set(shared.sending.get() - 1);
        shared.settle(transport);
    }
}

/// Has a connection fail whose code did not come to a good end.
struct Verdict {
    transport: Transport,
    /// None if the code has panicked.
    result: Option<Result>,
}

impl Verdict {
    fn give(mut self, result: Result) {
        self.result = Some(result);
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        match self.result.take() {
            Some(Ok(())) => {}
            Some(Err(error)) => self.transport.fail(error),
            None => self.transport.fail("the code of the connection did not come to its end"),
        }
    }
}

impl TinyProtocol for TinyTask {
    fn connection_made(&mut self, transport: &Transport) {
        let messages = TinyMessages { transport: transport.clone(), shared: Rc::clone(&self.shared) };
        if let Some(begin) = self.begin.take() {
            begin(messages);
        }
    }

    fn message_received(&mut self, transport: &Transport, message: &[u8]) -> Result {
        self.shared.put(message, transport.limits().output)?;
        self.shared.settle(transport);
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.shared.end(Ok(()));
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.shared.end(if reason.is_clean() { Ok(()) } else { Err(TinyLost(reason.to_string())) });
    }
}

impl fmt::Display for TinyLost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for TinyLost {}

impl fmt::Debug for TinyTask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TinyTask")
    }
}

impl fmt::Debug for TinyMessages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TinyMessages").field("transport", &self.transport).finish_non_exhaustive()
    }
}
