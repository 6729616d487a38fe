//! Joining two connections.

use ropewalk_reactor::{Protocol, Reason, Result, Timeout, Transport};

/// Joins two connections: from now on, what either receives is written to the other, and both read on if they were paused.
/// The protocols that they have had are dropped without hearing `connection_lost`.
///
/// * A peer that reads slowly slows the other peer down: of each direction, no more waits than the high-water mark of
///   [`Limits`](ropewalk_reactor::Limits) and one read of 65 KiB.
/// * When one peer has finished sending, so has this side on the other connection, and the other direction goes on. When both
///   have finished, both connections end.
/// * When one connection is closed in an orderly way, also as an idle one or because its time was over, or gets another protocol, so
///   is the other: what was written to it is sent first, within its close timeout.
/// * When one is lost for another reason, what it had to say may not be whole: the other is [cut off](Transport::cut_off) once what
///   was written to it is sent.
///
/// Call it from a callback of either connection, or from outside. Input that the old protocols have not passed on is lost:
/// write it to the other transport first. Neither side's end of input may have come before, unless it was passed on with
/// [`lose_write_connection`](Transport::lose_write_connection).
///
/// ```
/// use ropewalk_endpoints::pipe;
/// use ropewalk_reactor::{Protocol, Result, Transport};
///
/// /// Reads one byte that says "go", then lets the peer talk to another connection.
/// struct Door { behind: Transport }
///
/// impl Protocol for Door {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
///         if data[0] != b'!' {
///             return Err("the first byte must be an exclamation mark".into());
///         }
///         self.behind.write(&data[1..]); // what came with it
///         pipe(transport, &self.behind);
///         Ok(())
///     }
/// }
/// ```
pub fn pipe(a: &Transport, b: &Transport) {
    for (from, to) in [(a, b), (b, a)] {
        from.switch_protocol(PipeEnd { to: to.clone() }, []);
        from.resume_reading();
        // What the protocol before has written may be above the mark already.
        from.wait_for_room(to);
    }
}

/// The protocol of a connection that is joined to another.
struct PipeEnd {
    to: Transport,
}

impl Protocol for PipeEnd {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.to.write(data);
        transport.wait_for_room(&self.to);
        Ok(())
    }

    fn eof_received(&mut self, _: &Transport) -> Result {
        self.to.lose_write_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        if !is_orderly(reason) {
            self.to.cut_off();
        }
    }
}

/// Whether the peer has been told that it was an orderly end.
const fn is_orderly(reason: &Reason) -> bool {
    matches!(reason, Reason::Closed | Reason::TimedOut(Timeout::Idle(_) | Timeout::Deadline(_)))
}

/// Whichever way a connection ends, its protocol is dropped; so it is if there was no connection left to join.
impl Drop for PipeEnd {
    fn drop(&mut self) {
        self.to.lose_connection();
    }
}
