//! The half of a socket for datagrams that handles share with the loop: leaf state that calls nobody.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use crate::core::{Core, Phase};
use crate::{Address, ConnectionId, DatagramOptions, DatagramSendError, DatagramSetting, ReactorHandle};

/// The longest datagrams of UDP: what 16 bits of length leave beside the headers (RFC 768; RFC 791, section 3.1;
/// RFC 8200, section 3).
const LONGEST_IPV4: usize = 65_535 - 20 - 8;
const LONGEST_IPV6: usize = 65_535 - 8;

/// What a wish costs beside the bytes of its datagram: its place in the queue and its address. So empty ones are bounded
/// too.
const PLACE: usize = 256;

/// The shared half of one socket.
pub(crate) struct Shared {
    pub(crate) reactor: ReactorHandle,
    pub(crate) host: Address,
    pub(crate) peer: Option<Address>,
    /// Its place in the table, once the loop has seen it.
    pub(crate) id: Cell<Option<ConnectionId>>,
    /// An IPv6 socket that sends to IPv4 addresses too.
    dual_stack: bool,
    output_limit: usize,
    /// It was stopped: the loop has yet to close it, or has closed it.
    stopped: Cell<bool>,
    reading_paused: Cell<bool>,
    /// It is in the list of those that need the loop's attention.
    in_attention: Cell<bool>,
    /// In order: what is set holds for what is sent after it.
    queue: RefCell<VecDeque<Wish>>,
    /// What the queue costs. Invariant: the sum over the queue.
    cost: Cell<usize>,
    /// How many datagrams were thrown away unsent when the socket stopped.
    unsent: Cell<usize>,
}

/// What the loop is to do with the socket.
pub(crate) enum Wish {
    Send(Queued),
    Set(DatagramSetting),
}

/// A datagram that waits to be sent.
pub(crate) struct Queued {
    pub(crate) data: Vec<u8>,
    pub(crate) to: Address,
    /// It was offered already when the peer's refusal of an earlier one was heard.
    pub(crate) offered: bool,
}

impl Wish {
    pub(crate) fn cost(&self) -> usize {
        self.bytes() + PLACE
    }

    /// How many bytes are to be sent.
    fn bytes(&self) -> usize {
        match self {
            Self::Send(queued) => queued.data.len(),
            Self::Set(_) => 0,
        }
    }
}

impl Shared {
    pub(crate) fn new(
        reactor: ReactorHandle,
        host: Address,
        peer: Option<Address>,
        options: &DatagramOptions,
    ) -> Self {
        let dual_stack = host.socket().is_some_and(|host| options.is_dual_stack(host));
        Self {
            reactor,
            host,
            peer,
            id: Cell::new(None),
            dual_stack,
            output_limit: options.output_limit,
            stopped: Cell::new(false),
            reading_paused: Cell::new(false),
            in_attention: Cell::new(false),
            queue: RefCell::default(),
            cost: Cell::new(0),
            unsent: Cell::new(0),
        }
    }

    fn core(&self) -> &Core {
        self.reactor.core()
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.stopped.get() && self.core().phase.get() != Phase::Gone
    }

    pub(crate) fn stop(&self) {
        self.stopped.set(true);
        self.ask_attention();
    }

    pub(crate) fn is_reading_paused(&self) -> bool {
        self.reading_paused.get()
    }

    pub(crate) fn pause_reading(&self, paused: bool) {
        self.reading_paused.set(paused);
        self.ask_attention();
    }

    /// Has the loop settle this socket before the end of the turn (or in the next, if it is past that). One that is not in
    /// the table yet is settled when it comes there.
    pub(crate) fn ask_attention(&self) {
        if let Some(id) = self.id.get() {
            if !self.in_attention.replace(true) {
                self.core().attention.borrow_mut().push(id);
            }
        }
    }

    pub(crate) fn attention_given(&self) {
        self.in_attention.set(false);
    }

    pub(crate) fn set(&self, setting: DatagramSetting) {
        if self.is_open() {
            self.push(Wish::Set(setting));
        }
    }

    /// Queues a datagram for the peer.
    pub(crate) fn send(&self, data: &[u8]) -> Result<(), DatagramSendError> {
        match &self.peer {
            Some(peer) => self.accept(data, peer.clone()),
            None => Err(DatagramSendError::NotConnected),
        }
    }

    /// Queues a datagram for `to`.
    pub(crate) fn send_to(&self, data: &[u8], to: &Address) -> Result<(), DatagramSendError> {
        let to = to.for_datagrams();
        match &self.peer {
            Some(peer) if *peer != to => Err(DatagramSendError::Connected { to, peer: peer.clone() }),
            Some(_) | None => self.accept(data, to),
        }
    }

    fn accept(&self, data: &[u8], to: Address) -> Result<(), DatagramSendError> {
        if !self.is_open() {
            return Err(DatagramSendError::Stopped);
        }
        let limit = self.longest(&to)?;
        if data.len() > limit {
            return Err(DatagramSendError::TooLong { length: data.len(), limit });
        }
        let is_alone = self.cost.get() == 0;
        if !is_alone && self.cost.get() + data.len() + PLACE > self.output_limit {
            return Err(DatagramSendError::QueueFull { limit: self.output_limit });
        }
        self.push(Wish::Send(Queued { data: data.to_vec(), to, offered: false }));
        Ok(())
    }

    /// How long a datagram to `to` may be.
    fn longest(&self, to: &Address) -> Result<usize, DatagramSendError> {
        let longest = match (&self.host, to) {
            (Address::Udp(host), Address::Udp(to)) if host.is_ipv4() == to.is_ipv4() => longest_udp(to),
            (Address::Udp(_), Address::Udp(to)) if to.is_ipv4() && self.dual_stack => LONGEST_IPV4,
            (Address::Unix(_), Address::Unix(to)) if to.is_unnamed() => {
                return Err(DatagramSendError::NoName);
            }
            (Address::Unix(_), Address::Unix(_)) => usize::MAX,
            _ => {
                let (to, host) = (to.clone(), self.host.clone());
                return Err(DatagramSendError::WrongFamily { to, host });
            }
        };
        Ok(longest.min(self.output_limit))
    }

    fn push(&self, wish: Wish) {
        self.account(&wish);
        self.queue.borrow_mut().push_back(wish);
        self.ask_attention();
    }

    fn account(&self, wish: &Wish) {
        self.cost.set(self.cost.get() + wish.cost());
        self.core().counters.output_added(wish.bytes());
    }

    /// How many datagrams wait, or at the end were never sent.
    pub(crate) fn queued(&self) -> usize {
        count_datagrams(self.queue.borrow().iter()) + self.unsent.get()
    }

    /// What all that waits costs.
    pub(crate) fn cost(&self) -> usize {
        self.cost.get()
    }

    /// Takes out what is to be done next.
    pub(crate) fn next(&self) -> Option<Wish> {
        let wish = self.queue.borrow_mut().pop_front()?;
        self.cost.set(self.cost.get() - wish.cost());
        self.core().counters.output_removed(wish.bytes());
        Some(wish)
    }

    /// Puts a datagram back that could not be sent yet.
    pub(crate) fn put_back(&self, queued: Queued) {
        let wish = Wish::Send(queued);
        self.account(&wish);
        self.queue.borrow_mut().push_front(wish);
    }

    /// Throws away what waits. [`Shared::queued`] goes on telling how much it was.
    pub(crate) fn discard_queue(&self) {
        self.unsent.set(self.queued());
        while self.next().is_some() {}
    }
}

fn count_datagrams<'a>(wishes: impl Iterator<Item = &'a Wish>) -> usize {
    wishes.filter(|wish| matches!(wish, Wish::Send(_))).count()
}

fn longest_udp(to: &SocketAddr) -> usize {
    match to.ip() {
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_none() => LONGEST_IPV6,
        IpAddr::V4(_) | IpAddr::V6(_) => LONGEST_IPV4,
    }
}
