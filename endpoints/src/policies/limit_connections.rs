//! Limiting the connections of a factory.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use ropewalk_reactor::{Address, Factory, Layer, Protocol};

use super::kept::Kept;
use super::{Policy, prepared};

/// Refuses connections beyond a number, or serves them otherwise.
///
/// A connection counts from when it is accepted to when it has ended, so also during a handshake. One that is refused is closed
/// at once, before a byte is exchanged.
///
/// With an [overflow](Self::with_overflow) nobody is refused: who finds no place gets a protocol of another factory, such as
/// one that says so and closes. It does not count, and stays with that protocol also when a place becomes free. As that needs
/// the handshake to be over, connections then count from when their protocol is built.
///
/// ```
/// use ropewalk_endpoints::{LimitConnections, Policy};
/// use ropewalk_reactor::{Factory, Protocol, Result, Transport, for_protocol};
/// # struct Chat;
/// # impl Protocol for Chat {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// struct Sorry;
///
/// impl Protocol for Sorry {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write("The room is full.\r\n");
///         transport.lose_connection();
///     }
///
///     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
///         Ok(())
///     }
/// }
///
/// fn room_of_ten() -> impl Factory {
///     LimitConnections::new(10).with_overflow(for_protocol(|| Sorry)).around(for_protocol(|| Chat))
/// }
/// ```
#[derive(Clone)]
pub struct LimitConnections {
    limit: usize,
    taken: Rc<Cell<usize>>,
    overflow: Option<Rc<dyn Factory>>,
}

impl LimitConnections {
    /// There may be so many connections.
    pub fn new(limit: usize) -> Self {
        Self { limit, taken: Rc::default(), overflow: None }
    }

    /// The same limit, with a factory for those beyond it. It hears of no ports.
    #[must_use]
    pub fn with_overflow(self, factory: impl Factory + 'static) -> Self {
        Self { overflow: Some(Rc::new(factory)), ..self }
    }

    /// How many connections there are that count.
    pub fn connections(&self) -> usize {
        self.taken.get()
    }

    fn take_place(&self) -> Option<Place> {
        if self.taken.get() >= self.limit {
            return None;
        }
        self.taken.set(self.taken.get() + 1);
        Some(Place(Rc::clone(&self.taken)))
    }
}

impl Policy for LimitConnections {
    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        if self.overflow.is_some() {
            return true;
        }
        let Some(place) = self.take_place() else {
            log::debug!("refusing {peer}: there are {} connections already", self.limit);
            return false;
        };
        layers.push(Box::new(Kept(Rc::new(place))));
        true
    }

    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        let Some(overflow) = &self.overflow else {
            return factory.build_protocol(peer);
        };
        let Some(place) = self.take_place() else {
            return overflow.build_protocol(peer);
        };
        Some(prepared(factory.build_protocol(peer)?, move |transport| transport.keep(Rc::new(place))))
    }
}

/// One of the places, which is free again when this is dropped.
struct Place(Rc<Cell<usize>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl fmt::Debug for LimitConnections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LimitConnections")
            .field("limit", &self.limit)
            .field("connections", &self.taken.get())
            .finish_non_exhaustive()
    }
}
