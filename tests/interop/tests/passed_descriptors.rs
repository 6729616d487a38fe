//! A peer that passes descriptors over a UNIX socket, which nobody here takes.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::cell::RefCell;
use std::io::{IoSlice, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use ropewalk::{Protocol, Reactor, Result, Transport, for_protocol};
use ropewalk_interop::PATIENCE;

struct Noting(Rc<RefCell<Vec<u8>>>);

impl Protocol for Noting {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.borrow_mut().extend_from_slice(data);
        Ok(())
    }
}

#[test]
fn what_follows_a_passed_descriptor_is_read() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let passed = [far.as_raw_fd()];
    // A read ends after the first three bytes, and no event will announce the others.
    let rights = [ControlMessage::ScmRights(&passed)];
    sendmsg::<()>(far.as_raw_fd(), &[IoSlice::new(b"one")], &rights, MsgFlags::empty(), None).unwrap();
    far.write_all(b"two").unwrap();
    let mut reactor = Reactor::new().unwrap();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let notes = Rc::clone(&heard);
    let noting = for_protocol(move || Noting(Rc::clone(&notes)));
    reactor.adopt_connection(near.into(), noting).unwrap().then(|result| drop(result.unwrap()));
    let deadline = Instant::now() + PATIENCE;
    while *heard.borrow() != b"onetwo" {
        assert!(Instant::now() < deadline, "only {:?} was heard", heard.borrow());
        let _ = reactor.run_once(Some(Duration::from_millis(10))).unwrap();
    }
}
