//! Sending frames on connections of any kind.

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk_protocols::{Discard, LineProtocol, LineReceiver, LineTransport, SendLine, SendString};
use ropewalk_reactor::testing::{Memory, Probe};
use ropewalk_reactor::{Limits, ListenOptions, Result, Transport, for_protocol};

#[test]
fn a_connection_without_a_receiver_can_be_sent_frames() {
    let mut probe = Probe::new(Discard);
    probe.transport().send_line("hello");
    probe.transport().send_netstring("hello");
    probe.transport().send_string8("hello").unwrap();
    probe.transport().send_string16("hello").unwrap();
    probe.transport().send_string32("hello").unwrap();
    probe.settle();
    assert_eq!(probe.written(), b"hello\r\n5:hello,\x05hello\0\x05hello\0\0\0\x05hello");
}

#[test]
fn a_frame_that_does_not_fit_the_output_limit_is_not_sent_in_part() {
    let mut probe = Probe::new(Discard);
    let mut limits = Limits::DEFAULT;
    limits.output = 8;
    probe.transport().set_limits(limits);
    probe.transport().send_line("12345678");
    probe.settle();
    assert_eq!(probe.written(), b"");
    assert!(probe.is_closed());
}

#[test]
fn nothing_is_sent_after_closing() {
    let mut probe = Probe::new(Discard);
    probe.transport().send_line("last");
    probe.transport().lose_connection();
    probe.transport().send_line("later");
    assert_eq!(probe.transport().send_string8("later"), Ok(()));
    probe.settle();
    assert_eq!(probe.written(), b"last\r\n");
}

/// Tells every line to everybody while the list of them is borrowed.
struct Member(Rc<RefCell<Vec<Transport>>>);

impl LineProtocol for Member {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        self.0.borrow_mut().push(Transport::clone(transport));
    }

    fn line_received(&mut self, _: &mut LineTransport<'_>, line: &[u8]) -> Result {
        for member in self.0.borrow_mut().iter() {
            member.send_line(line);
        }
        Ok(())
    }
}

#[test]
fn a_line_goes_to_everybody_from_within_one_callback() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let members = Rc::new(RefCell::new(Vec::new()));
    let room = Rc::clone(&members);
    let factory = for_protocol(move || LineReceiver::new(Member(Rc::clone(&room))));
    let address = "127.0.0.1:1025".parse().unwrap();
    reactor.listen(address, ListenOptions::default(), factory).unwrap();
    memory.settle(&mut reactor);
    let peers: Vec<_> = (0..3).map(|_| memory.connect(address).unwrap()).collect();
    memory.settle(&mut reactor);
    peers[0].send("hello\r\nwor");
    peers[1].send("hi\r\n");
    peers[0].send("ld\r\n");
    memory.settle(&mut reactor);
    for peer in peers {
        assert_eq!(peer.received(), b"hello\r\nworld\r\nhi\r\n");
    }
    members.borrow_mut().clear();
}
