//! Sending messages.

use std::io::Read;
use std::rc::Rc;

use ropewalk_reactor::{Bytes, Deferred, Transport};

use super::error::TransmitError;
use super::exchange::SIZE_MAX;
use super::message::{Confirmation, Content, Message};
use super::outbox::Outbox;

/// Sends messages over connections whose protocol is a [`TinyReceiver`](super::TinyReceiver). On others, these methods do
/// nothing.
pub trait Transmit {
    /// Transmits `message` after those before it. It waits until the peer has agreed to it; meanwhile it counts with its length
    /// and 64 bytes. If more waits than [`Limits::output`](ropewalk_reactor::Limits::output), the connection is aborted with
    /// [`Reason::OutputLimit`](ropewalk_reactor::Reason::OutputLimit).
    ///
    /// [`Bytes`] are not copied unless there are plugins, so one buffer serves many peers.
    ///
    /// While reading is paused, nothing is transmitted, as the peer's agreement could not be heard. After
    /// [`lose_connection`](Transport::lose_connection) nothing is either;
    /// [`close_after_transmission`](Self::close_after_transmission) waits for what was transmitted before it.
    fn transmit(&self, message: impl Into<Bytes>);

    /// The same, and tells what has become of the message: that the peer has agreed to it and it was written to the
    /// connection, or why not. A refusal is told here and not to
    /// [`transmission_refused`](super::protocol::TinyProtocol::transmission_refused); the connection goes on.
    fn transmit_confirmed(&self, message: impl Into<Bytes>) -> Deferred<Result<(), TransmitError>>;

    /// Transmits the next `size` bytes that `reader` gives as one message, however much larger than memory that is. It counts
    /// with 64 bytes. It is read when the peer has agreed, and only as much as it takes to have
    /// [`Limits::high_water`](ropewalk_reactor::Limits::high_water) wait for the peer. Reading happens in the loop and holds it
    /// up for as long as it takes: right for files on a local disk. Until the message is written, no input is delivered, and
    /// [`lose_connection`](Transport::lose_connection) breaks it off.
    ///
    /// A message that cannot be read to its end ends the connection, as the peer waits for the rest. Plugins change whole
    /// messages, so on a connection with any nothing is sent.
    ///
    /// ```no_run
    /// # use ropewalk_reactor::Transport;
    /// use std::fs::File;
    /// use ropewalk_protocols::Transmit;
    ///
    /// fn send_file(transport: &Transport, path: &str) -> Result<(), Box<dyn std::error::Error>> {
    ///     let file = File::open(path)?;
    ///     let size = u32::try_from(file.metadata()?.len())?;
    ///     transport.transmit_from(file, size).then(|result| match result {
    ///         Ok(()) => log::info!("sent"),
    ///         Err(error) => log::warn!("{error}"),
    ///     });
    ///     Ok(())
    /// }
    /// ```
    fn transmit_from(&self, reader: impl Read + 'static, size: u32) -> Deferred<Result<(), TransmitError>>;

    /// Closes the connection when all messages that wait have been transmitted. Until then input is delivered; what is given to
    /// [`transmit`](Self::transmit) from now on is thrown away.
    fn close_after_transmission(&self);
}

impl Transmit for Transport {
    fn transmit(&self, message: impl Into<Bytes>) {
        let content = Content::Bytes(message.into());
        add(self, Message { content, confirmation: Confirmation::default() });
    }

    fn transmit_confirmed(&self, message: impl Into<Bytes>) -> Deferred<Result<(), TransmitError>> {
        add_confirmed(self, Content::Bytes(message.into()))
    }

    fn transmit_from(&self, reader: impl Read + 'static, size: u32) -> Deferred<Result<(), TransmitError>> {
        match size {
            0 => add_confirmed(self, Content::Bytes(Bytes::default())),
            1..=SIZE_MAX => add_confirmed(self, Content::Reader(Box::new(reader), size)),
            _ => Deferred::resolved(self.reactor(), Err(TransmitError::TooLarge { size })),
        }
    }

    fn close_after_transmission(&self) {
        if let Some(outbox) = outbox(self) {
            outbox.close(self);
        }
    }
}

fn add_confirmed(transport: &Transport, content: Content) -> Deferred<Result<(), TransmitError>> {
    let (deferred, confirmation) = Confirmation::new(transport.reactor());
    add(transport, Message { content, confirmation });
    deferred
}

fn add(transport: &Transport, message: Message) {
    if let Some(outbox) = outbox(transport) {
        outbox.add(message, transport);
    }
}

fn outbox(transport: &Transport) -> Option<Rc<Outbox>> {
    transport.keepsake()
}
