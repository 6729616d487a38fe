//! What receiving costs: bytes copied, bytes kept, frames looked for.

use std::cell::Cell;

use ropewalk_reactor::testing::Probe;

use super::*;

thread_local! {
    pub(super) static COPIED: Cell<usize> = const { Cell::new(0) };
}

impl Held {
    /// How much memory is kept.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Frames that end in a semicolon.
#[derive(Default)]
struct Semicolons<F> {
    react: F,
    frames: usize,
    searched: usize,
    scanned: usize,
}

fn semicolons<F: FnMut(&[u8], Rest<'_>, &Transport) -> Result>(react: F) -> Semicolons<F> {
    Semicolons { react, frames: 0, searched: 0, scanned: 0 }
}

fn ignore(_: &[u8], _: Rest<'_>, _: &Transport) -> Result {
    Ok(())
}

impl<F: FnMut(&[u8], Rest<'_>, &Transport) -> Result> Framing for Semicolons<F> {
    type Frame = ();

    fn find(&mut self, input: &[u8]) -> Option<Found<()>> {
        let unsearched = &input[self.searched..];
        let place = unsearched.iter().position(|byte| *byte == b';');
        self.scanned += place.map_or(unsearched.len(), |place| place + 1);
        let length = place.map(|place| self.searched + place + 1);
        self.searched = if length.is_some() { 0 } else { input.len() };
        length.map(|length| Found { length, frame: () })
    }

    fn deliver(&mut self, (): (), bytes: &[u8], rest: Rest<'_>, transport: &Transport) -> Result {
        self.frames += 1;
        (self.react)(bytes, rest, transport)
    }
}

/// A transport that can be acted on from outside its loop.
fn probe() -> Probe {
    COPIED.set(0);
    Probe::new(crate::Discard)
}

#[test]
fn a_frame_that_lies_whole_in_the_read_is_not_copied() {
    let probe = probe();
    let read = b"aa;bb;;cc;".as_slice();
    let mut framing = semicolons(|bytes: &[u8], rest: Rest<'_>, _: &Transport| {
        assert!(read.as_ptr_range().contains(&bytes.as_ptr()));
        assert!(matches!(rest.bytes(), Cow::Borrowed(_)));
        Ok(())
    });
    let mut held = Held::default();
    held.receive(&mut framing, probe.transport(), read).unwrap();
    assert_eq!(framing.frames, 4);
    assert_eq!((COPIED.get(), held.capacity()), (0, 0));
}

#[test]
fn completing_a_fragment_does_not_copy_the_read() {
    let probe = probe();
    let mut framing = semicolons(ignore);
    let mut held = Held::default();
    held.receive(&mut framing, probe.transport(), b"fragment").unwrap();
    held.receive(&mut framing, probe.transport(), &b"ab;".repeat(20_000)).unwrap();
    assert_eq!(framing.frames, 20_000);
    assert!(COPIED.get() <= 8 + PIECE_MIN, "{} bytes were copied", COPIED.get());
    assert_eq!(framing.scanned, 60_008);
}

#[test]
fn a_long_frame_in_short_reads_is_copied_once() {
    let probe = probe();
    let mut framing = semicolons(ignore);
    let mut held = Held::default();
    for _ in 0..100_000 {
        held.receive(&mut framing, probe.transport(), b"x").unwrap();
    }
    held.receive(&mut framing, probe.transport(), b";").unwrap();
    assert_eq!((framing.frames, COPIED.get(), framing.scanned), (1, 100_001, 100_001));
    assert_eq!(held.capacity(), 0, "memory is given back");
}

#[test]
fn fragments_at_the_end_of_every_read_cost_little() {
    let probe = probe();
    let mut framing = semicolons(ignore);
    let mut held = Held::default();
    let input = [&[b'x'; 999], b";".as_slice()].concat().repeat(1_000);
    for read in input.chunks(65_521) {
        held.receive(&mut framing, probe.transport(), read).unwrap();
    }
    assert_eq!(framing.frames, 1_000);
    assert!(COPIED.get() <= 16 * 3 * 1_000, "{} bytes were copied", COPIED.get());
}

#[test]
fn a_pause_after_every_frame_costs_no_more_than_a_few_copies_of_the_read() {
    let probe = probe();
    let mut framing = semicolons(|_: &[u8], _: Rest<'_>, transport: &Transport| {
        transport.pause_reading();
        Ok(())
    });
    let mut held = Held::default();
    let read = b"x;".repeat(30_000);
    held.receive(&mut framing, probe.transport(), &read).unwrap();
    while held.capacity() > 0 && held.stopped {
        assert!(held.capacity() <= read.len());
        probe.transport().resume_reading();
        held.receive(&mut framing, probe.transport(), &[]).unwrap();
    }
    assert_eq!(framing.frames, 30_000);
    assert!(COPIED.get() <= 2 * read.len(), "{} bytes were copied", COPIED.get());
    assert_eq!(framing.scanned, read.len());
    assert_eq!(held.capacity(), 0, "memory is given back");
}

#[test]
fn what_is_held_moves_once_more_than_half_of_it_is_delivered() {
    let probe = probe();
    let mut framing = semicolons(|_: &[u8], _: Rest<'_>, transport: &Transport| {
        transport.pause_reading();
        Ok(())
    });
    let mut held = Held::default();
    held.receive(&mut framing, probe.transport(), b"a;b;c;d;e;").unwrap();
    assert_eq!((held.start, COPIED.get()), (0, 8));
    for expected in [(2, 8), (4, 8), (0, 8 + 2)] {
        probe.transport().resume_reading();
        held.receive(&mut framing, probe.transport(), &[]).unwrap();
        assert_eq!((held.start, COPIED.get()), expected);
    }
}

#[test]
fn a_receiver_that_is_always_behind_keeps_no_more_for_it() {
    let probe = probe();
    let mut framing = semicolons(|_: &[u8], _: Rest<'_>, transport: &Transport| {
        transport.pause_reading();
        Ok(())
    });
    let mut held = Held::default();
    held.receive(&mut framing, probe.transport(), &b"x;".repeat(10)).unwrap();
    for _ in 0..10_000 {
        probe.transport().resume_reading();
        held.receive(&mut framing, probe.transport(), b"x;").unwrap();
    }
    assert_eq!(framing.frames, 10_001);
    assert!(held.capacity() <= 100, "{} bytes are kept", held.capacity());
}

#[test]
fn a_callback_while_nothing_is_held_changes_nothing() {
    let probe = probe();
    let mut framing = semicolons(ignore);
    let mut held = Held::default();
    held.visit(probe.transport(), |_| ());
    held.receive(&mut framing, probe.transport(), b"aa;bb;").unwrap();
    assert_eq!((framing.frames, COPIED.get()), (2, 0));
}

#[test]
fn a_frame_that_grows_has_room_to_grow() {
    let probe = probe();
    let mut framing = semicolons(ignore);
    let mut held = Held::default();
    let mut capacities = Vec::new();
    for _ in 0..1_000 {
        held.receive(&mut framing, probe.transport(), &[b'x'; 100]).unwrap();
        capacities.push(held.capacity());
    }
    capacities.dedup();
    assert!(capacities.len() < 15, "{} times memory was asked for", capacities.len());
}

#[test]
fn putting_a_frame_behind_the_others_every_time_is_linear() {
    let probe = probe();
    let mut left = 20_000;
    let mut framing = semicolons(|_: &[u8], mut rest: Rest<'_>, _: &Transport| {
        if left > 0 {
            left -= 1;
            rest.append(b"y;");
        }
        Ok(())
    });
    let mut held = Held::default();
    held.receive(&mut framing, probe.transport(), &b"x;".repeat(20_000)).unwrap();
    assert_eq!(framing.frames, 40_000);
    assert!(COPIED.get() <= 80_000, "{} bytes were copied", COPIED.get());
    assert_eq!(held.capacity(), 0);
}

#[test]
fn giving_back_the_end_of_a_frame_copies_nothing() {
    let probe = probe();
    // Each delivery takes one byte of all there is, as a protocol does that goes to and fro between raw data and lines.
    struct Bytewise(usize);
    impl Framing for Bytewise {
        type Frame = ();

        fn find(&mut self, input: &[u8]) -> Option<Found<()>> {
            (!input.is_empty()).then_some(Found { length: input.len(), frame: () })
        }

        fn deliver(&mut self, (): (), bytes: &[u8], mut rest: Rest<'_>, _: &Transport) -> Result {
            self.0 += 1;
            rest.append(&bytes[1..]);
            Ok(())
        }
    }
    let mut framing = Bytewise(0);
    let mut held = Held::default();
    held.receive(&mut framing, probe.transport(), &[b'x'; 60_000]).unwrap();
    assert_eq!((framing.0, COPIED.get()), (60_000, 0));
}

#[test]
fn a_copy_of_the_same_bytes_is_not_taken_for_the_input() {
    let probe = probe();
    let mut heard = Vec::new();
    let mut framing = semicolons(|bytes: &[u8], mut rest: Rest<'_>, _: &Transport| {
        heard.push(bytes.to_vec());
        if bytes == b"a;" {
            let taken = rest.take();
            rest.append(&taken[2..]);
            assert_eq!(&*rest.bytes(), b"c;");
        }
        Ok(())
    });
    let mut held = Held::default();
    held.receive(&mut framing, probe.transport(), b"a;b;c;").unwrap();
    assert_eq!(heard, [b"a;", b"c;"]);
}

#[test]
fn closing_gives_all_memory_back() {
    let mut probe = probe();
    let mut framing = semicolons(|bytes: &[u8], _: Rest<'_>, transport: &Transport| {
        transport.pause_reading();
        if bytes == b"close;" {
            transport.lose_connection();
        }
        Ok(())
    });
    let mut held = Held::default();
    let read = [b"a;close;".as_slice(), &[b'x'; 5_000]].concat();
    held.receive(&mut framing, probe.transport(), &read).unwrap();
    assert!(held.capacity() > 5_000);
    probe.transport().resume_reading();
    held.receive(&mut framing, probe.transport(), &[]).unwrap();
    assert_eq!((framing.frames, held.capacity()), (2, 0));
    probe.settle();
}

#[test]
fn a_short_fragment_after_a_long_frame_keeps_little() {
    let probe = probe();
    let mut framing = semicolons(ignore);
    let mut held = Held::default();
    held.receive(&mut framing, probe.transport(), &[b'x'; 50_000]).unwrap();
    held.receive(&mut framing, probe.transport(), b"x;abc").unwrap();
    assert!(held.capacity() <= SPARE_CAPACITY, "{} bytes are kept", held.capacity());
    held.receive(&mut framing, probe.transport(), b"d;").unwrap();
    assert_eq!(framing.frames, 2);
}

#[test]
fn taking_all_and_putting_it_back_while_paused_keeps_no_more() {
    let probe = probe();
    let mut framing = semicolons(|_: &[u8], _: Rest<'_>, transport: &Transport| {
        transport.pause_reading();
        Ok(())
    });
    let mut held = Held::default();
    held.receive(&mut framing, probe.transport(), &b"x;".repeat(500)).unwrap();
    for _ in 0..100 {
        held.visit(probe.transport(), |mut rest| {
            let taken = rest.take();
            rest.append(&taken);
        });
    }
    assert!(held.capacity() <= 1_000, "{} bytes are kept", held.capacity());
    held.visit(probe.transport(), |mut rest| assert_eq!(rest.take().len(), 998));
    assert_eq!(held.capacity(), 0, "memory is given back");
}
