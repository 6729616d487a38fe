//! Who may send what when: the wire format of tinyproto as a state machine that sees no bytes but those it asks for.

use super::Role;
use crate::delivery::Delivery;

/// "Yes": the first byte of each side, and the answer to an announced message.
pub(super) const OK: u8 = 0xff;
/// The largest size that may be announced. Its first byte is never one of the codes but 0.
pub(super) const SIZE_MAX: u32 = 0xf0ff_ffff;
/// How many bytes announce a message.
const SIZE_LENGTH: usize = 4;

/// What the peer's next bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// The first byte of all.
    Opening(u8),
    /// The peer announces a message of so many bytes.
    Size(u32),
    /// The same, and it has not seen our announcement yet.
    CrossingSize(u32),
    /// The answer to our announcement.
    Status(u8),
    /// The message that was announced.
    Payload,
    /// The next bytes of a message that is delivered in pieces.
    Part,
    /// The end of one.
    End,
}

/// One connection's state, for both directions. A message is announced, agreed to, and sent; the two directions take turns.
///
/// Announcements may cross. Then the client goes first: it leaves the server's unanswered until its own message has gone
/// out, while the server answers at once and goes on waiting for its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    role: Role,
    opened: bool,
    /// Our announcement is not answered yet.
    announced: bool,
    /// The message that we have agreed to and that has not come to its end.
    incoming: Option<Incoming>,
    /// The size of a message that the peer has announced and that waits until ours has gone out. Invariant: `None` unless
    /// this is a client that has announced a message.
    parked: Option<u32>,
    /// Announcements have crossed, and nothing has shown yet that the peer knows what to do then.
    crossing: bool,
}

/// A message that comes.
#[derive(Clone, Copy, Debug)]
struct Incoming {
    size: u32,
    /// How many bytes of it were not delivered.
    left: u32,
    delivery: Delivery,
}

impl Incoming {
    /// Its next piece at the beginning of `input`.
    fn find(self, input: &[u8]) -> Option<(usize, Piece)> {
        let left = usize::try_from(self.left).ok()?;
        match self.delivery {
            Delivery::Whole => (input.len() >= left).then_some((left, Piece::Payload)),
            Delivery::Pieces if left == 0 => Some((0, Piece::End)),
            Delivery::Pieces => (!input.is_empty()).then(|| (left.min(input.len()), Piece::Part)),
        }
    }
}

impl Exchange {
    pub(super) fn new(role: Role) -> Self {
        Self { role, opened: false, announced: false, incoming: None, parked: None, crossing: false }
    }

    /// The piece at the beginning of `input` and its length, or `None` if more bytes are needed.
    pub(super) fn find(&self, input: &[u8]) -> Option<(usize, Piece)> {
        if !self.opened {
            return input.first().map(|byte| (1, Piece::Opening(*byte)));
        }
        if let Some(incoming) = self.incoming {
            return incoming.find(input);
        }
        if !self.announced {
            return size_of(input).map(|size| (SIZE_LENGTH, Piece::Size(size)));
        }
        match *input.first()? {
            // Zero is a refusal or begins the size of a short message: only more bytes, or none, can tell.
            0..=0xf0 if self.parked.is_none() => {
                size_of(input).map(|size| (SIZE_LENGTH, Piece::CrossingSize(size)))
            }
            status => Some((1, Piece::Status(status))),
        }
    }

    /// Whether a message may be announced.
    pub(super) fn is_idle(&self) -> bool {
        self.opened && !self.announced && self.incoming.is_none()
    }

    /// Whether our announcement waits for its answer.
    pub(super) fn is_announced(&self) -> bool {
        self.announced
    }

    /// Whether announcements have crossed and the peer has not gone on since.
    pub(super) fn is_crossing(&self) -> bool {
        self.crossing
    }

    /// The size of the message that is coming, and how many bytes of it were delivered in pieces.
    pub(super) fn incoming(&self) -> Option<(u32, u32)> {
        self.incoming.map(|incoming| (incoming.size, incoming.size - incoming.left))
    }

    /// The peer's first byte was right.
    pub(super) fn open(&mut self) {
        self.opened = true;
    }

    /// A message is announced to the peer.
    pub(super) fn announce(&mut self) {
        debug_assert!(self.is_idle(), "a message is announced when it is nobody's turn");
        self.announced = true;
    }

    /// The peer's announcement has crossed ours. Returns its size if it is to be answered at once.
    pub(super) fn cross(&mut self, size: u32) -> Option<u32> {
        self.crossing = true;
        match self.role {
            Role::Server => Some(size),
            Role::Client => {
                self.parked = Some(size);
                None
            }
        }
    }

    /// The peer's announcement is answered with "yes".
    pub(super) fn agree(&mut self, size: u32, delivery: Delivery) {
        self.incoming = Some(Incoming { size, left: size, delivery });
    }

    /// Our announcement has been answered. Returns the size of the announcement that is to be answered next, once our message
    /// has gone out.
    pub(super) fn answered(&mut self) -> Option<u32> {
        self.announced = false;
        self.crossing = false;
        self.parked.take()
    }

    /// The message that was coming has come.
    pub(super) fn received(&mut self) {
        if self.incoming.take().is_some_and(|incoming| incoming.size > 0) {
            self.crossing = false;
        }
    }

    /// So many bytes more of the message have come.
    pub(super) fn part_received(&mut self, length: usize) {
        self.crossing = false;
        if let Some(incoming) = &mut self.incoming {
            // No part is longer than what was left.
            incoming.left = incoming.left.saturating_sub(u32::try_from(length).unwrap_or(u32::MAX));
        }
    }
}

/// The size that `input` begins with.
fn size_of(input: &[u8]) -> Option<u32> {
    input.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// The announcement of a message of `length` bytes, or `None` if that cannot be announced.
pub(super) fn announcement(length: usize) -> Option<[u8; SIZE_LENGTH]> {
    let size = u32::try_from(length).ok().filter(|size| *size <= SIZE_MAX)?;
    Some(size.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_up_to_almost_4_gib_can_be_announced() {
        assert_eq!(announcement(0), Some([0; 4]));
        assert_eq!(announcement(20_000_000), Some([0x01, 0x31, 0x2d, 0x00]));
        assert_eq!(announcement(0xf0ff_ffff), Some([0xf0, 0xff, 0xff, 0xff]));
        assert_eq!(announcement(0xf100_0000), None);
        if let Ok(five_gigabytes) = usize::try_from(5_000_000_000_u64) {
            assert_eq!(announcement(five_gigabytes), None);
        }
    }

    /// Two ends that always have something to send, in every order in which what they say may arrive.
    #[test]
    fn announcements_that_cross_are_resolved() {
        let (mut client, mut server) = (Exchange::new(Role::Client), Exchange::new(Role::Server));
        for end in [&mut client, &mut server] {
            end.open();
            end.announce();
        }
        assert_eq!(server.find(&[0, 0, 0, 3]), Some((4, Piece::CrossingSize(3))));
        assert_eq!(server.cross(3), Some(3));
        server.agree(3, Delivery::Whole);
        assert_eq!(client.find(&[0, 0, 0, 5]), Some((4, Piece::CrossingSize(5))));
        assert_eq!(client.cross(5), None);
        assert!(client.is_crossing() && server.is_crossing());
        assert_eq!(client.find(&[OK]), Some((1, Piece::Status(OK))));
        assert_eq!(client.answered(), Some(5));
        client.agree(5, Delivery::Whole);
        assert!(!client.is_idle());
        assert_eq!(server.find(b"abc"), Some((3, Piece::Payload)));
        server.received();
        assert!(!server.is_crossing() && !server.is_idle());
        assert_eq!(server.find(&[OK]), Some((1, Piece::Status(OK))));
        assert_eq!(server.answered(), None);
        assert!(server.is_idle());
        client.received();
        assert!(client.is_idle());
    }

    #[test]
    fn a_zero_is_in_doubt_only_where_a_size_may_cross() {
        let mut client = Exchange::new(Role::Client);
        client.open();
        client.announce();
        assert_eq!(client.find(&[0]), None);
        assert_eq!(client.find(&[0xfe]), Some((1, Piece::Status(0xfe))));
        let _ = client.cross(5);
        assert_eq!(client.find(&[0]), Some((1, Piece::Status(0))));
    }
}
