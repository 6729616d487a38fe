//! Messages of any length, sent from a reader as fast as the peer takes them.

use std::io::{self, Read};

use ropewalk_reactor::{Deferred, Producer, ProducerKind, Resolver, Transport};

use super::fragments::FragmentedMessage;
use super::socket::WebSocket;
use crate::FileSendError;
use crate::file_sender::{CHUNK_SIZE, fill};

/// The most that is put around a chunk.
const HEADER_MAX: usize = 14;

impl FragmentedMessage {
    /// Sends all that `reader` gives as the rest of this message, however much larger than memory that is: a chunk of up to 64 KiB,
    /// each a fragment, whenever the one before it has been sent. The result is how many bytes that was, once all of them have been
    /// handed to the operating system, or why it was not all; a message that was begun then ends the connection, as
    /// one that is dropped does.
    ///
    /// Reading happens in the loop, as with a [`FileSender`](crate::FileSender). The producer of the
    /// [`transport`](WebSocket::transport) is this one meanwhile, so a drain waits for the message's end.
    ///
    /// ```no_run
    /// use ropewalk_protocols::MessageKind;
    ///
    /// # fn example(socket: &ropewalk_protocols::WebSocket) -> Result<(), Box<dyn std::error::Error>> {
    /// let recording = std::fs::File::open("recording")?;
    /// socket.begin(MessageKind::Binary)?.finish_from(recording).then(|result| match result {
    ///     Ok(bytes) => println!("{bytes} bytes sent"),
    ///     Err(error) => println!("{error}"),
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn finish_from(self, reader: impl Read + 'static) -> Deferred<Result<u64, FileSendError>> {
        let socket = self.socket().clone();
        let reactor = socket.transport().reactor();
        let (deferred, resolver) = Deferred::new(reactor);
        let chunk = vec![0; CHUNK_SIZE].into_boxed_slice();
        let (message, resolver) = (Some(self), Some(resolver));
        let sender = MessageSender { socket: socket.clone(), message, reader, chunk, sent: 0, resolver };
        if socket.transport().register_producer(sender, ProducerKind::Pull).is_err() {
            return Deferred::resolved(reactor, Err(FileSendError::Busy));
        }
        deferred
    }
}

struct MessageSender<R> {
    socket: WebSocket,
    /// Invariant: present until its last fragment is sent.
    message: Option<FragmentedMessage>,
    reader: R,
    chunk: Box<[u8]>,
    sent: u64,
    /// Invariant: present until the result is known.
    resolver: Option<Resolver<Result<u64, FileSendError>>>,
}

impl<R> MessageSender<R> {
    fn end(&mut self, result: Result<u64, FileSendError>) {
        // Before the others hear of it: what waits behind it goes out first, or the connection fails.
        drop(self.message.take());
        if let Some(resolver) = self.resolver.take() {
            resolver.resolve(result);
        }
    }
}

impl<R: Read> MessageSender<R> {
    /// Sends the next chunk; after the last there is no message.
    fn send_chunk(&mut self, size: usize) -> io::Result<()> {
        let (filled, result) = fill(&mut self.reader, &mut self.chunk[..size]);
        result?;
        self.sent += filled as u64;
        match self.message.take() {
            Some(message) if filled < size => message.finish(&self.chunk[..filled]),
            Some(mut message) => {
                message.send(&self.chunk[..filled]);
                self.message = Some(message);
            }
            None => {}
        }
        Ok(())
    }
}

impl<R: Read + 'static> Producer for MessageSender<R> {
    fn resume_producing(&mut self, transport: &Transport) {
        if self.message.is_none() {
            // The last fragment has been sent.
            self.end(Ok(self.sent));
        } else if self.socket.is_open() {
            // A limit below the size of a fragment would otherwise end the connection.
            let size = CHUNK_SIZE.min(transport.limits().output.saturating_sub(HEADER_MAX)).max(1);
            match self.send_chunk(size) {
                Ok(()) => return,
                Err(error) => self.end(Err(FileSendError::Read { sent: self.sent, error })),
            }
        } else {
            self.end(Err(FileSendError::Interrupted { sent: self.sent }));
        }
        transport.unregister_producer();
    }
}

impl<R> Drop for MessageSender<R> {
    /// The loop drops a producer whose connection is lost, or that was unregistered.
    fn drop(&mut self) {
        self.end(Err(FileSendError::Interrupted { sent: self.sent }));
    }
}
