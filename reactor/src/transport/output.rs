//! Bytes that were written and not yet sent, and the pool that makes writing free of allocations.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::IoSlice;

use crate::Bytes;

/// Copied bytes are gathered into segments of up to this size, so that memory is given back piece by piece while a
/// large output drains and nothing is ever moved.
const SEGMENT_SIZE: usize = 64 * 1024;

/// A buffer up to this size is kept: of a segment, or of as much in one write with a header.
const SPARE_MAX: usize = SEGMENT_SIZE + 1024;

/// Shared bytes of up to this size are copied: that is cheaper than another segment.
const SHARED_COPY_MAX: usize = 256;

/// How many segments one system call takes; Linux allows 1024, but more than this gains nothing.
pub(crate) const SLICES_MAX: usize = 32;

/// The queue of bytes that one connection has yet to send.
#[derive(Default)]
pub(crate) struct Output {
    segments: VecDeque<Segment>,
    /// Bytes of the first segment that are sent already. Invariant: less than its length; zero without segments.
    sent: usize,
    /// How many bytes of all segments were written as answers. Invariant: the sum over the segments.
    answers: usize,
    /// An empty buffer kept for the next write.
    spare: Vec<u8>,
}

struct Segment {
    content: Content,
    /// How many of its bytes were written as answers.
    answers: usize,
}

enum Content {
    Copied(Vec<u8>),
    Shared(Bytes),
}

/// Bytes that were taken out of a queue.
pub(crate) struct Piece {
    content: Content,
    start: usize,
}

impl Piece {
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Copied(bytes) => &bytes[self.start..],
            Content::Shared(bytes) => &bytes[self.start..],
        }
    }
}

/// Why something is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// In answer to input that is just being delivered.
    Answer,
    /// For any other reason.
    OwnAccord,
}

impl Writing {
    /// How many of `length` bytes are answers.
    const fn answers(self, length: usize) -> usize {
        match self {
            Self::Answer => length,
            Self::OwnAccord => 0,
        }
    }
}

impl Segment {
    fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Copied(bytes) => bytes,
            Content::Shared(bytes) => bytes,
        }
    }
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The bytes to send, if they lie in one segment.
    pub(crate) fn only_segment(&self) -> Option<&[u8]> {
        let first = self.segments.front()?;
        (self.segments.len() == 1).then(|| &first.bytes()[self.sent..])
    }

    /// How many of the bytes to send are answers. In a segment that is partly sent and holds other bytes too, answers count as
    /// the last.
    pub(crate) fn answers(&self) -> usize {
        let Some(first) = self.segments.front() else {
            return 0;
        };
        let unsent = first.bytes().len() - self.sent;
        self.answers - first.answers + first.answers.min(unsent)
    }

    /// Appends a copy of `parts`, which together have `length` bytes; that must not be zero.
    pub(crate) fn push(&mut self, parts: &[&[u8]], length: usize, writing: Writing) {
        let answers = writing.answers(length);
        self.answers += answers;
        if let Some(Segment { content: Content::Copied(last), answers: before }) = self.segments.back_mut() {
            if last.len() + length <= SEGMENT_SIZE {
                parts.iter().for_each(|part| last.extend_from_slice(part));
                *before += answers;
                return;
            }
        }
        let mut bytes = std::mem::take(&mut self.spare);
        if length >= SEGMENT_SIZE {
            // Nothing will be added to it.
            bytes.reserve_exact(length);
        }
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        self.segments.push_back(Segment { content: Content::Copied(bytes), answers });
    }

    /// Appends `data`, which must not be empty, without copying it unless it is small.
    pub(crate) fn push_shared(&mut self, data: Bytes, writing: Writing) {
        if data.len() <= SHARED_COPY_MAX {
            self.push(&[&data], data.len(), writing);
        } else {
            let answers = writing.answers(data.len());
            self.answers += answers;
            self.segments.push_back(Segment { content: Content::Shared(data), answers });
        }
    }

    /// Fills `slices` with the bytes to send next, `limit` at the most, and returns how many slices that took.
    pub(crate) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>], mut limit: usize) -> usize {
        let mut filled = 0;
        let mut skip = self.sent;
        for (slice, segment) in slices.iter_mut().zip(&self.segments) {
            let bytes = &segment.bytes()[skip..];
            let bytes = &bytes[..bytes.len().min(limit)];
            if bytes.is_empty() {
                break;
            }
            *slice = IoSlice::new(bytes);
            limit -= bytes.len();
            skip = 0;
            filled += 1;
        }
        filled
    }

    /// Forgets the first `count` bytes: they are sent.
    pub(crate) fn advance(&mut self, count: usize) {
        let mut sent = self.sent + count;
        while let Some(first) = self.segments.front() {
            let length = first.bytes().len();
            if sent < length {
                break;
            }
            sent -= length;
            if let Some(Segment { content, answers }) = self.segments.pop_front() {
                self.answers -= answers;
                if let Content::Copied(buffer) = content {
                    self.keep_spare(buffer);
                }
            }
        }
        debug_assert!(sent == 0 || !self.segments.is_empty(), "more was sent than there was");
        self.sent = sent;
    }

    /// How many bytes are to be sent.
    pub(crate) fn length(&self) -> usize {
        self.segments.iter().map(|segment| segment.bytes().len()).sum::<usize>() - self.sent
    }

    /// Takes out the next bytes, `limit` at the most.
    pub(crate) fn take(&mut self, limit: usize) -> Option<Piece> {
        let first = self.segments.front()?;
        let (start, length) = (self.sent, first.bytes().len());
        if length - start > limit {
            let range = start..start + limit;
            let piece = match &first.content {
                Content::Copied(bytes) => Content::Copied(bytes[range].to_vec()),
                Content::Shared(bytes) => Content::Shared(bytes.slice(range)),
            };
            self.advance(limit);
            return Some(Piece { content: piece, start: 0 });
        }
        self.sent = 0;
        let Segment { content, answers } = self.segments.pop_front()?;
        self.answers -= answers;
        Some(Piece { content, start })
    }

    /// Uses the memory of a piece again.
    pub(crate) fn recycle(&mut self, piece: Piece) {
        if let Content::Copied(buffer) = piece.content {
            self.keep_spare(buffer);
        }
    }

    /// Throws away everything unsent.
    pub(crate) fn clear(&mut self) {
        self.segments.clear();
        self.sent = 0;
        self.answers = 0;
    }

    fn keep_spare(&mut self, mut buffer: Vec<u8>) {
        if self.spare.capacity() == 0 && buffer.capacity() <= SPARE_MAX {
            buffer.clear();
            self.spare = buffer;
        }
    }

    /// The heap memory that an empty queue holds on to.
    fn idle_memory(&self) -> usize {
        self.spare.capacity() + self.segments.capacity() * size_of::<Segment>() + size_of::<Self>()
    }
}

/// Empty output queues for reuse: a connection has one only while bytes are waiting, so an idle connection holds none
/// and a busy one allocates none.
#[derive(Default)]
pub(crate) struct OutputPool {
    #[expect(clippy::vec_box, reason = "the box is what is handed out")]
    idle: RefCell<Vec<Box<Output>>>,
    /// The memory of all idle queues together.
    memory: Cell<usize>,
}

impl OutputPool {
    /// The pool keeps no more bytes than this: room for some sixty connections with large answers in one turn.
    const MEMORY_MAX: usize = 4 * 1024 * 1024;

    /// The pool keeps no more queues than this, lest very many idle connections pay for one turn in which all had output.
    const QUEUES_MAX: usize = 1024;

    pub(crate) fn take(&self) -> Box<Output> {
        let Some(output) = self.idle.borrow_mut().pop() else {
            return Box::default();
        };
        self.memory.set(self.memory.get() - output.idle_memory());
        output
    }

    /// Takes back a queue that is empty.
    pub(crate) fn give_back(&self, output: Box<Output>) {
        debug_assert!(output.is_empty(), "unsent bytes must not reach another connection");
        let memory = self.memory.get() + output.idle_memory();
        let mut idle = self.idle.borrow_mut();
        if memory <= Self::MEMORY_MAX && idle.len() < Self::QUEUES_MAX {
            self.memory.set(memory);
            idle.push(output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(output: &Output) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = output.fill(&mut slices, usize::MAX);
        slices[..count].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    fn push(output: &mut Output, data: &[u8], writing: Writing) {
        output.push(&[data], data.len(), writing);
    }

    #[test]
    fn small_writes_gather_into_one_segment() {
        let mut output = Output::default();
        for _ in 0..1000 {
            push(&mut output, b"0123456789", Writing::OwnAccord);
        }
        assert_eq!(output.fill(&mut [IoSlice::new(&[]); SLICES_MAX], usize::MAX), 1);
        assert_eq!(contents(&output).len(), 10_000);
    }

    #[test]
    fn advancing_by_any_cut_keeps_the_order() {
        let large = Bytes::from(vec![b'x'; 300]);
        for cut in 0..=320 {
            let mut output = Output::default();
            push(&mut output, b"0123456789", Writing::OwnAccord);
            output.push_shared(large.clone(), Writing::OwnAccord);
            push(&mut output, b"abcdefghij", Writing::OwnAccord);
            let whole = contents(&output);
            output.advance(cut);
            assert_eq!(contents(&output), whole[cut..], "cut at {cut}");
            output.advance(320 - cut);
            assert!(output.is_empty());
        }
    }

    #[test]
    fn answers_are_counted_until_they_are_sent() {
        let mut output = Output::default();
        push(&mut output, &[b'x'; SEGMENT_SIZE], Writing::OwnAccord);
        push(&mut output, b"answer", Writing::Answer);
        push(&mut output, b"other", Writing::OwnAccord);
        output.push_shared(Bytes::from(vec![b'x'; 300]), Writing::Answer);
        assert_eq!(output.answers(), 306);
        output.advance(SEGMENT_SIZE + 1);
        assert_eq!(output.answers(), 306, "in a mixed segment they count as the last");
        output.advance(10);
        assert_eq!(output.answers(), 300);
        output.advance(299);
        assert_eq!(output.answers(), 1);
        output.advance(1);
        assert_eq!((output.answers(), output.is_empty()), (0, true));
        push(&mut output, b"answer", Writing::Answer);
        output.clear();
        assert_eq!(output.answers(), 0);
    }

    #[test]
    fn no_more_is_offered_than_the_limit() {
        let mut output = Output::default();
        push(&mut output, b"0123456789", Writing::OwnAccord);
        output.push_shared(Bytes::from(vec![b'x'; 300]), Writing::OwnAccord);
        output.advance(3);
        for (limit, offered) in [(1, vec![1]), (7, vec![7]), (8, vec![7, 1]), (1000, vec![7, 300])] {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let count = output.fill(&mut slices, limit);
            let lengths: Vec<usize> = slices[..count].iter().map(|slice| slice.len()).collect();
            assert_eq!(lengths, offered, "limit {limit}");
        }
    }

    #[test]
    fn shared_bytes_are_not_copied() {
        let mut output = Output::default();
        let large = Bytes::from(vec![b'x'; 1000]);
        output.push_shared(large.clone(), Writing::OwnAccord);
        let mut slices = [IoSlice::new(&[]); 1];
        output.fill(&mut slices, usize::MAX);
        assert_eq!(slices[0].as_ptr(), large.as_ptr());
    }

    #[test]
    fn the_buffer_of_a_segment_and_its_header_is_kept() {
        let mut output = Output::default();
        let body = vec![b'x'; SEGMENT_SIZE];
        for length in [0, 10] {
            output.push(&[&b"0123456789"[..length], &body], length + body.len(), Writing::OwnAccord);
            assert_eq!(output.segments.len(), 1);
            output.advance(length + body.len());
            assert!((SEGMENT_SIZE..=SPARE_MAX).contains(&output.spare.capacity()));
        }
    }

    #[test]
    fn the_pool_hands_the_buffer_out_again() {
        let pool = OutputPool::default();
        pool.give_back(used(1000));
        assert!(pool.take().spare.capacity() >= 1000);
        assert_eq!(pool.memory.get(), 0);
    }

    #[test]
    fn the_pool_is_bounded_in_bytes_and_in_queues() {
        let pool = OutputPool::default();
        (0..200).for_each(|_| pool.give_back(used(60_000)));
        assert!((60..200).contains(&pool.idle.borrow().len()));
        (0..2_000).for_each(|_| pool.give_back(used(10)));
        assert!(pool.memory.get() <= OutputPool::MEMORY_MAX);
        let kept: usize = pool.idle.borrow().iter().map(|output| output.idle_memory()).sum();
        assert_eq!(kept, pool.memory.get());
        let pool = OutputPool::default();
        (0..2_000).for_each(|_| pool.give_back(used(10)));
        assert_eq!(pool.idle.borrow().len(), OutputPool::QUEUES_MAX);
    }

    /// A queue through which so many bytes have gone.
    fn used(length: usize) -> Box<Output> {
        let mut output = Box::<Output>::default();
        push(&mut output, &vec![b'x'; length], Writing::OwnAccord);
        output.advance(length);
        output
    }
}
