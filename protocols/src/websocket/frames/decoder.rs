//! Finding frames.

use super::header::{Header, Opcode};
use super::mask::Mask;
use crate::receiving::Found;
use crate::websocket::error::{FrameProblem, WebSocketError};
use crate::websocket::socket::Role;

/// What is found.
pub(crate) enum Frame {
    /// The header of a frame of data, whose payload follows as it comes.
    Header(Header),
    /// The next bytes of the payload.
    Payload,
    /// The payload is complete.
    End,
    /// A control frame, whole. The payload begins behind so many bytes.
    Control(Header, usize),
    Bad(WebSocketError),
}

/// Where in the stream of frames the input is.
pub(crate) struct FrameDecoder {
    role: Role,
    /// So many bytes of payload a frame may have.
    pub(crate) max_frame: u64,
    /// Compression was agreed on.
    pub(crate) may_compress: bool,
    /// The frame of data whose payload is coming.
    frame: Option<OpenFrame>,
    /// A message has begun and its last frame has not.
    in_message: bool,
}

struct OpenFrame {
    remaining: u64,
    mask: Option<Mask>,
    last: bool,
}

impl FrameDecoder {
    pub(crate) fn new(role: Role) -> Self {
        Self { role, max_frame: u64::MAX, may_compress: false, frame: None, in_message: false }
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn find(&self, input: &[u8]) -> Option<Found<Frame>> {
        match &self.frame {
            Some(OpenFrame { remaining: 0, .. }) => Some(Found { length: 0, frame: Frame::End }),
            Some(frame) => {
                let length = usize::try_from(frame.remaining).map_or(input.len(), |all| all.min(input.len()));
                (length > 0).then_some(Found { length, frame: Frame::Payload })
            }
            None => self.find_header(input).unwrap_or_else(|error| {
                let frame = Frame::Bad(error);
                Some(Found { length: 0, frame })
            }),
        }
    }

    fn find_header(&self, input: &[u8]) -> Result<Option<Found<Frame>>, WebSocketError> {
        let Some((header, length)) = Header::read(input, self.may_compress)? else {
            return Ok(None);
        };
        self.check(&header)?;
        if !header.opcode.is_control() {
            return Ok(Some(Found { length, frame: Frame::Header(header) }));
        }
        // At most 125, as reading the header has checked.
        let whole = length + header.length as usize;
        Ok((input.len() >= whole).then_some(Found { length: whole, frame: Frame::Control(header, length) }))
    }

    fn check(&self, header: &Header) -> Result<(), WebSocketError> {
        match (self.role, header.mask) {
            (Role::Server, None) => return Err(FrameProblem::NotMasked.into()),
            (Role::Client, Some(_)) => return Err(FrameProblem::Masked.into()),
            _ => {}
        }
        match (header.opcode, self.in_message) {
            (Opcode::Continuation, false) => Err(FrameProblem::StrayContinuation.into()),
            (Opcode::Text | Opcode::Binary, true) => Err(FrameProblem::MessageWithinMessage.into()),
            _ if header.length > self.max_frame => {
                Err(WebSocketError::FrameTooBig { length: header.length, limit: self.max_frame })
            }
            _ => Ok(()),
        }
    }

    /// Goes into the frame of data whose header was found.
    pub(crate) fn begin(&mut self, header: &Header) {
        self.frame = Some(OpenFrame { remaining: header.length, mask: header.mask, last: header.last });
        self.in_message = true;
    }

    /// What masks the next bytes of payload.
    pub(crate) fn mask(&self) -> Option<Mask> {
        self.frame.as_ref().and_then(|frame| frame.mask)
    }

    /// Whether the message ends with so many bytes of payload.
    pub(crate) fn ends_message(&self, length: usize) -> bool {
        self.frame.as_ref().is_some_and(|frame| frame.last && frame.remaining == length as u64)
    }

    /// Takes note of so many bytes of payload, and tells what they are.
    pub(crate) fn pass(&mut self, length: usize) -> Payload<'_> {
        let frame = self.frame.as_mut().expect("payload is found in a frame only");
        frame.remaining -= length as u64;
        Payload { ends_message: frame.remaining == 0 && frame.last, mask: frame.mask.as_mut() }
    }

    /// Leaves the frame, and tells whether the message has ended with it.
    pub(crate) fn end(&mut self) -> bool {
        let last = self.frame.take().is_some_and(|frame| frame.last);
        self.in_message = !last;
        last
    }
}

/// What some bytes of payload are.
pub(crate) struct Payload<'a> {
    pub(crate) ends_message: bool,
    /// What masks them.
    pub(crate) mask: Option<&'a mut Mask>,
}
