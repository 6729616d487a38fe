//! Producers: what feeds a transport as fast as its peer reads, and no faster.

use std::fmt;

use crate::Transport;

/// Something that writes to a transport whenever the transport has room.
///
/// Register one with [`Transport::register_producer`]. The loop calls it; like a protocol's callbacks, none of these
/// is entered while another callback of the same connection runs.
///
/// A [`Transport`] is itself a push producer: registered with another transport, it reads only as fast as that one
/// can write. A transport does not unregister itself: in `eof_received` and in `connection_lost` of the one, unregister the
/// producer of the other and finish its writing; else the other waits for more until its close timeout. To join two
/// connections both ways, `pipe` of the crate `ropewalk` does all that is to be done.
///
/// ```
/// use ropewalk_reactor::{Producer, ProducerKind, Transport};
///
/// /// Counts down, one line at a time.
/// struct Countdown(u32);
///
/// impl Producer for Countdown {
///     fn resume_producing(&mut self, transport: &Transport) {
///         transport.write(format!("{}\r\n", self.0));
///         match self.0.checked_sub(1) {
///             Some(next) => self.0 = next,
///             None => transport.unregister_producer(),
///         }
///     }
/// }
///
/// fn launch(transport: &Transport) {
///     transport.register_producer(Countdown(10), ProducerKind::Pull).expect("it has no producer yet");
///     transport.lose_connection(); // when the producer has finished
/// }
/// ```
pub trait Producer {
    /// There is room.
    ///
    /// A [`Pull`](ProducerKind::Pull) producer writes one piece now, or calls [`Transport::unregister_producer`] if
    /// there are no more; it is called again when that piece has been sent. One that does neither is not called again.
    /// A [`Push`](ProducerKind::Push) producer goes on producing until it is paused.
    fn resume_producing(&mut self, transport: &Transport);

    /// The high-water mark is passed: stop writing until resumed. Only push producers are paused.
    fn pause_producing(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The connection is gone, before `connection_lost`: nobody will read what this producer has left.
    fn stop_producing(&mut self, transport: &Transport) {
        let _ = transport;
    }
}

/// Who decides when a producer writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProducerKind {
    /// The producer writes by itself and is told to pause and to resume.
    Push,
    /// The producer writes one piece each time it is resumed, beginning at its registration.
    Pull,
}

/// A producer could not be registered because the transport has one; here it is back.
pub struct ProducerExists(pub Box<dyn Producer>);

impl fmt::Debug for ProducerExists {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProducerExists")
    }
}

impl fmt::Display for ProducerExists {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the transport already has a producer; unregister it first")
    }
}

impl std::error::Error for ProducerExists {}

impl Producer for Transport {
    fn resume_producing(&mut self, _consumer: &Transport) {
        self.resume_reading();
    }

    fn pause_producing(&mut self, _consumer: &Transport) {
        self.pause_reading();
    }

    fn stop_producing(&mut self, _consumer: &Transport) {
        self.lose_connection();
    }
}

/// A registered producer as the loop keeps it.
pub(crate) struct Registration {
    pub(crate) producer: Box<dyn Producer>,
    pub(crate) kind: ProducerKind,
    /// A push producer was told to pause, or a pull producer was resumed and its piece is not sent yet.
    pub(crate) waits: bool,
}
