//! The handle through which a protocol, and everybody else, acts on a socket for datagrams.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use super::shared::Shared;
use crate::commands::Command;
use crate::{Address, DatagramSendError, DatagramSetting, MulticastInterface, ReactorHandle};

/// A handle on one socket for datagrams: cheap to clone, to keep, and to give away within the reactor's thread.
///
/// Every method records what is wanted and returns; none calls a protocol or blocks. The loop carries the wishes out before
/// its turn ends. What is known to be impossible at once is an error of the call; what the operating system or the peer
/// says later, [`DatagramProtocol::error_received`](crate::DatagramProtocol::error_received) hears. Dropping a handle
/// changes nothing.
///
/// ```
/// # use ropewalk_reactor::{Address, DatagramOptions, DatagramProtocol, DatagramTransport, Reactor, Result};
/// # struct Echo;
/// # impl DatagramProtocol for Echo {
/// #     fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
/// #         Ok(transport.send_to(data, from)?)
/// #     }
/// # }
/// let mut reactor = Reactor::new()?;
/// let echo = reactor.listen_datagrams(([127, 0, 0, 1], 0), DatagramOptions::default(), Echo)?;
/// println!("listening on {}", echo.host()); // with the real port
/// echo.send_to("to itself", echo.host())?;
/// # reactor.call_when_running(|reactor| reactor.stop());
/// reactor.run()?;
/// assert!(!echo.is_open());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DatagramTransport {
    shared: Rc<Shared>,
}

impl DatagramTransport {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Rc::new(shared) }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Sends one datagram, perhaps empty, to `to`. [`Address::Tcp`] counts as the UDP port of the same number.
    ///
    /// It goes out before the turn ends, or when the operating system takes it: it waits in a queue of limited size
    /// ([`DatagramOptions::output_limit`](crate::DatagramOptions::output_limit)). That it was sent does not mean that it
    /// arrives.
    ///
    /// # Errors
    /// If it cannot be sent or may not wait; nothing was sent then.
    pub fn send_to(&self, data: impl AsRef<[u8]>, to: &Address) -> Result<(), DatagramSendError> {
        self.shared.send_to(data.as_ref(), to)
    }

    /// Sends one datagram, perhaps empty, to the peer of a connected socket, as [`send_to`](Self::send_to) does.
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to), and if the socket is not connected.
    pub fn send(&self, data: impl AsRef<[u8]>) -> Result<(), DatagramSendError> {
        self.shared.send(data.as_ref())
    }

    /// How many datagrams were accepted and not yet handed to the operating system. After the stop: how many never were.
    pub fn queued(&self) -> usize {
        self.shared.queued()
    }

    /// Closes the socket before the turn ends: no more datagrams are delivered, what the operating system takes at once
    /// of those that wait is sent, and [`DatagramProtocol::stopped`](crate::DatagramProtocol::stopped) follows. If the
    /// socket has not [`started`](crate::DatagramProtocol::started) yet, the protocol hears neither. Stopping again does
    /// nothing.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// Whether the socket was neither stopped nor has lost its reactor.
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// Delivers no more datagrams until [`resume_reading`](Self::resume_reading). Meanwhile the operating system keeps
    /// some and throws the others away.
    pub fn pause_reading(&self) {
        self.shared.pause_reading(true);
    }

    /// Goes on delivering datagrams.
    pub fn resume_reading(&self) {
        self.shared.pause_reading(false);
    }

    /// Whether reading is paused.
    pub fn is_reading_paused(&self) -> bool {
        self.shared.is_reading_paused()
    }

    /// Sends the protocol an event, which it hears in
    /// [`DatagramProtocol::event_received`](crate::DatagramProtocol::event_received), not before the next batch of
    /// commands. Events arrive in order; those to a stopped socket are dropped. With
    /// [`call_later`](ReactorHandle::call_later) it makes a timer of the protocol.
    pub fn post(&self, event: impl Any) {
        self.reactor().core().command(Command::PostToDatagrams(self.clone(), Box::new(event)));
    }

    /// Allows or forbids sending to broadcast addresses, as
    /// [`DatagramOptions::broadcast`](crate::DatagramOptions::broadcast) does from the beginning.
    pub fn set_broadcast(&self, allowed: bool) {
        self.shared.set(DatagramSetting::Broadcast(allowed));
    }

    /// Receives from now on what is sent to a multicast `group`, on `interface`. The socket must listen on the port that
    /// the group uses; bound to a wildcard it hears other things as well.
    ///
    /// This and the other settings keep their order among what is sent: they hold for what is sent after them.
    /// [`DatagramError::Setting`](crate::DatagramError::Setting) tells of one that the operating system refuses.
    ///
    /// ```
    /// # use ropewalk_reactor::{DatagramTransport, MulticastInterface};
    /// use std::net::Ipv4Addr;
    ///
    /// fn hear_mdns(transport: &DatagramTransport) {
    ///     transport.join_group(Ipv4Addr::new(224, 0, 0, 251), MulticastInterface::V4(Ipv4Addr::UNSPECIFIED));
    /// }
    /// ```
    pub fn join_group(&self, group: impl Into<IpAddr>, interface: MulticastInterface) {
        self.shared.set(DatagramSetting::JoinGroup(group.into(), interface));
    }

    /// Receives no more what is sent to a multicast `group`, on `interface`.
    pub fn leave_group(&self, group: impl Into<IpAddr>, interface: MulticastInterface) {
        self.shared.set(DatagramSetting::LeaveGroup(group.into(), interface));
    }

    /// How many networks what is sent to groups may pass: 1, the default, stays in the local one, 0 on this host.
    pub fn set_multicast_ttl(&self, ttl: u8) {
        self.shared.set(DatagramSetting::MulticastTtl(ttl));
    }

    /// Whether members on this host hear what this socket sends to a group; true by default. On Windows it is the
    /// receiving socket that is asked.
    pub fn set_multicast_loop(&self, heard: bool) {
        self.shared.set(DatagramSetting::MulticastLoop(heard));
    }

    /// Sends to groups by way of `interface`. Default: the system chooses.
    pub fn set_multicast_interface(&self, interface: MulticastInterface) {
        self.shared.set(DatagramSetting::MulticastInterface(interface));
    }

    /// The address of this socket, with the real port. A UNIX socket that connects has none unless it was given one.
    pub fn host(&self) -> &Address {
        &self.shared.host
    }

    /// Whereto the socket is connected, if it is.
    pub fn peer(&self) -> Option<&Address> {
        self.shared.peer.as_ref()
    }

    /// The reactor that the socket belongs to.
    pub fn reactor(&self) -> &ReactorHandle {
        &self.shared.reactor
    }
}

impl fmt::Debug for DatagramTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DatagramTransport")
            .field("host", self.host())
            .field("peer", &self.peer())
            .field("open", &self.is_open())
            .field("queued", &self.queued())
            .finish()
    }
}
