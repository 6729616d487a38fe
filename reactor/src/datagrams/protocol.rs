//! What a socket for datagrams does: the trait that users implement.

use std::any::Any;

use crate::{Address, DatagramError, DatagramTransport, Result};

/// The behaviour of one socket for datagrams: an object that reacts to what arrives on it.
///
/// [`ReactorHandle::listen_datagrams`](crate::ReactorHandle::listen_datagrams) and
/// [`ReactorHandle::connect_datagrams`](crate::ReactorHandle::connect_datagrams) give it a socket; the reactor owns it
/// and calls it from its one thread. Only [`datagram_received`](Self::datagram_received) must be written.
///
/// # The order of callbacks
///
/// `started` comes exactly once and first, `stopped` exactly once and last. No callback is entered while another of the
/// same socket runs. After [`DatagramTransport::stop`] no more datagrams are delivered.
///
/// # Errors and panics
///
/// An `Err` is logged, the first as a warning and others for debugging, and the socket lives on: whoever sends a bad datagram must
/// neither end the service for the others nor fill the log.
/// A panic is caught and stops that socket alone (G7); what it had still to send is dropped, and `stopped` is called.
///
/// ```
/// use ropewalk_reactor::{Address, DatagramProtocol, DatagramTransport, Result};
///
/// struct Echo;
///
/// impl DatagramProtocol for Echo {
///     fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
///         transport.send_to(data, from)?;
///         Ok(())
///     }
/// }
/// ```
pub trait DatagramProtocol {
    /// The socket is bound and the reactor runs: the first callback.
    fn started(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// A datagram arrived, whole and perhaps empty. Datagrams may be lost, doubled, or overtake each other on the way,
    /// and of UDP anybody may have forged the sender.
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result;

    /// Something went wrong that did not end the socket: a datagram was refused by the peer or by the operating system,
    /// was too long, or a setting could not be made. The default does nothing; the log says so at the level `debug`.
    fn error_received(&mut self, transport: &DatagramTransport, error: &DatagramError) {
        let _ = (transport, error);
    }

    /// Somebody sent this protocol an event with [`DatagramTransport::post`].
    fn event_received(&mut self, transport: &DatagramTransport, event: Box<dyn Any>) {
        let _ = (transport, event);
    }

    /// The socket is closed, by [`DatagramTransport::stop`], by the stop or drain of the reactor, or after a panic: the
    /// last callback. Its address is free again.
    fn stopped(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// What logs call this protocol. The default is the name of its type.
    fn name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}

impl<P: DatagramProtocol + ?Sized> DatagramProtocol for Box<P> {
    fn started(&mut self, transport: &DatagramTransport) {
        (**self).started(transport);
    }

    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
        (**self).datagram_received(transport, data, from)
    }

    fn error_received(&mut self, transport: &DatagramTransport, error: &DatagramError) {
        (**self).error_received(transport, error);
    }

    fn event_received(&mut self, transport: &DatagramTransport, event: Box<dyn Any>) {
        (**self).event_received(transport, event);
    }

    fn stopped(&mut self, transport: &DatagramTransport) {
        (**self).stopped(transport);
    }

    fn name(&self) -> &'static str {
        (**self).name()
    }
}
