//! Sending files.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::rc::Rc;

use ropewalk_protocols::{Discard, FileSendError, FileSender};
use ropewalk_reactor::testing::{Probe, check_protocol};
use ropewalk_reactor::{Limits, Protocol, Transport};

type Outcome = Rc<RefCell<Option<Result<u64, FileSendError>>>>;

fn send(reader: impl Read + 'static, transport: &Transport) -> Outcome {
    let outcome = Outcome::default();
    let resolved = Rc::clone(&outcome);
    FileSender::send(reader, transport).then(move |result| *resolved.borrow_mut() = Some(result));
    outcome
}

fn sent(outcome: &Outcome) -> u64 {
    match outcome.borrow_mut().take() {
        Some(Ok(sent)) => sent,
        other => panic!("{other:?}"),
    }
}

fn failure(outcome: &Outcome) -> FileSendError {
    match outcome.borrow_mut().take() {
        Some(Err(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 31 / 7) as u8).collect()
}

#[test]
fn a_file_arrives_whole_and_the_result_is_its_length() {
    let path = std::env::temp_dir().join(format!("ropewalk-file-sender-{}", std::process::id()));
    let contents = pattern(200_001);
    std::fs::File::create(&path).unwrap().write_all(&contents).unwrap();
    let mut probe = Probe::new(Discard);
    let outcome = send(std::fs::File::open(&path).unwrap(), probe.transport());
    std::fs::remove_file(&path).unwrap();
    probe.settle();
    assert!(probe.written() == contents);
    assert_eq!(sent(&outcome), 200_001);
    assert!(!probe.is_closing());
}

#[test]
fn an_empty_file_is_zero_bytes() {
    let mut probe = Probe::new(Discard);
    let outcome = send(io::empty(), probe.transport());
    probe.settle();
    assert_eq!(sent(&outcome), 0);
    assert_eq!(probe.written(), b"");
}

#[test]
fn s71_closing_directly_after_send_waits_for_the_end_of_the_file() {
    for length in [0, 1, 65_536, 300_000] {
        let contents = pattern(length);
        let mut probe = Probe::new(Discard);
        probe.transport().write("before");
        let outcome = send(io::Cursor::new(contents.clone()), probe.transport());
        probe.transport().lose_connection();
        probe.settle();
        probe.deliver_eof();
        assert!(probe.is_closed());
        assert_eq!(sent(&outcome), length as u64);
        assert!(probe.written() == [b"before".as_slice(), &contents].concat(), "{length} bytes");
    }
}

/// Gives a few bytes at a time, and interrupts in between.
struct Hesitant {
    contents: Vec<u8>,
    given: usize,
    reads: usize,
}

impl Read for Hesitant {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads % 2 == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = (self.contents.len() - self.given).min(1 + self.reads % 1_000).min(buffer.len());
        buffer[..count].copy_from_slice(&self.contents[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

#[test]
fn short_and_interrupted_reads_change_nothing() {
    let contents = pattern(150_000);
    let mut probe = Probe::new(Discard);
    let outcome = send(Hesitant { contents: contents.clone(), given: 0, reads: 0 }, probe.transport());
    probe.settle();
    assert!(probe.written() == contents);
    assert_eq!(sent(&outcome), 150_000);
}

/// Gives zeros for ever, and counts them.
struct Endless(Rc<Cell<usize>>);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(0);
        self.0.set(self.0.get() + buffer.len());
        Ok(buffer.len())
    }
}

#[test]
fn no_more_is_read_than_the_peer_takes() {
    let read = Rc::new(Cell::new(0));
    let mut probe = Probe::new(Discard);
    probe.set_window(Some(0));
    let _outcome = send(Endless(Rc::clone(&read)), probe.transport());
    probe.settle();
    let mut taken = 0;
    for _ in 0..200 {
        probe.set_window(Some(50_000));
        taken += probe.written().len();
        let accepted = taken + probe.peer().arrived();
        assert!(read.get() <= accepted + 64 * 1024, "{} bytes were read for {accepted}", read.get());
    }
    assert!(taken >= 200 * 50_000);
}

#[test]
fn a_lost_connection_ends_the_sending() {
    let read = Rc::new(Cell::new(0));
    let mut probe = Probe::new(Discard);
    probe.set_window(Some(100_000));
    let outcome = send(Endless(Rc::clone(&read)), probe.transport());
    probe.settle();
    assert!(outcome.borrow().is_none());
    probe.reset();
    let FileSendError::Interrupted { sent } = failure(&outcome) else {
        panic!("not interrupted");
    };
    assert_eq!(sent, read.get() as u64);
    assert_eq!(Rc::strong_count(&read), 1, "the reader is dropped");
}

#[test]
fn sending_to_a_connection_that_is_closing_or_lost_is_interrupted() {
    let mut probe = Probe::new(Discard);
    probe.transport().lose_connection();
    let outcome = send(io::Cursor::new("late"), probe.transport());
    probe.settle();
    assert!(matches!(failure(&outcome), FileSendError::Interrupted { sent: 0 }));
    probe.deliver_eof();
    assert!(probe.is_closed());
    let outcome = send(io::Cursor::new("later"), probe.transport());
    probe.settle();
    assert!(matches!(failure(&outcome), FileSendError::Interrupted { sent: 0 }));
}

#[test]
fn one_file_at_a_time() {
    let mut probe = Probe::new(Discard);
    let first = send(io::Cursor::new("first"), probe.transport());
    let second = send(io::Cursor::new("second"), probe.transport());
    probe.settle();
    assert_eq!(sent(&first), 5);
    assert!(matches!(failure(&second), FileSendError::Busy));
    let third = send(io::Cursor::new("third"), probe.transport());
    probe.settle();
    assert_eq!(sent(&third), 5);
    assert_eq!(probe.written(), b"firstthird");
}

#[test]
fn whoever_unregisters_the_producer_interrupts_it() {
    let mut probe = Probe::new(Discard);
    probe.set_window(Some(10));
    let outcome = send(Endless(Rc::default()), probe.transport());
    probe.settle();
    probe.transport().unregister_producer();
    probe.settle();
    assert!(matches!(failure(&outcome), FileSendError::Interrupted { sent: 65_536 }));
}

#[test]
fn a_read_error_is_reported_after_what_was_read_and_the_connection_lives() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
    let mut probe = Probe::new(Discard);
    let outcome = send(io::Cursor::new(pattern(70_000)).chain(Failing), probe.transport());
    probe.settle();
    let FileSendError::Read { sent, error } = failure(&outcome) else {
        panic!("no read error");
    };
    assert_eq!((sent, error.kind()), (70_000, io::ErrorKind::InvalidData));
    assert!(probe.written() == pattern(70_000));
    assert!(!probe.is_closing());
}

#[test]
fn a_small_output_limit_does_not_end_the_connection() {
    let mut probe = Probe::new(Discard);
    let mut limits = Limits::DEFAULT;
    limits.output = 100;
    probe.transport().set_limits(limits);
    let outcome = send(io::Cursor::new(pattern(1_000)), probe.transport());
    probe.settle();
    assert_eq!(sent(&outcome), 1_000);
    assert!(probe.written() == pattern(1_000));
}

#[test]
fn a_file_asked_for_is_the_same_however_the_request_is_cut() {
    /// Sends its file at the first dot.
    struct Asked;
    impl Protocol for Asked {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) -> ropewalk_reactor::Result {
            if data.contains(&b'.') {
                send(io::Cursor::new(pattern(100_000)), transport);
                transport.lose_connection();
            }
            Ok(())
        }
    }
    assert!(check_protocol(|_| Asked, "please.now.").written == pattern(100_000));
}
