//! What compression costs a connection in memory.

use allocation_counter::measure;
use ropewalk_protocols::{CloseCode, DeflateOptions, Delivery, WebSocketReceiver};
use ropewalk_reactor::testing::{Dice, Probe};

use super::{deflated, negotiated, request};
use crate::world::{Forgets, Listens, act, masked};

/// A server's end, and how much memory it has.
fn opened(takeover: bool, offer: &str) -> (Probe, u64) {
    let mut probe = None;
    let options = DeflateOptions::new().context_takeover(takeover).threshold(0);
    let held = measure(|| probe = Some(negotiated(options, offer, Listens::new).0));
    (probe.unwrap(), held.bytes_current as u64)
}

/// How much memory it takes for ever to receive a message and to send one.
fn costs(probe: &mut Probe) -> [i64; 2] {
    let message = masked(0xc1, deflated("some message or other"));
    let received = measure(|| probe.deliver(&message)).bytes_current;
    let sent = measure(|| {
        act(probe, |socket| socket.send("some message or other, or other, or other"));
        assert_eq!(probe.written()[0], 0xc1);
    });
    [received, sent.bytes_current]
}

#[test]
fn agreeing_on_it_costs_next_to_nothing() {
    let (_kept, plain) = opened(true, "");
    let (_also_kept, compressing) = opened(true, "permessage-deflate");
    assert!(compressing < plain + 300, "{compressing} bytes instead of {plain}");
}

#[test]
fn without_context_takeover_it_costs_a_connection_nothing_between_messages() {
    let mut first = opened(false, "permessage-deflate").0;
    // What a thread keeps for all.
    let [inflater, deflater] = costs(&mut first);
    assert!(inflater < 100_000 && deflater < 400_000, "{inflater} and {deflater} bytes");
    for _ in 0..3 {
        let mut next = opened(false, "permessage-deflate").0;
        costs(&mut next);
        let [received, sent] = costs(&mut next);
        assert!(received < 200 && sent < 200, "{received} and {sent} bytes");
    }
}

#[test]
fn with_context_takeover_it_costs_what_is_documented_once_it_is_used() {
    let mut probe = opened(true, "permessage-deflate").0;
    let [received, sent] = costs(&mut probe);
    assert!((40_000..100_000).contains(&received), "{received} bytes");
    assert!((200_000..400_000).contains(&sent), "{sent} bytes");
    let [received, sent] = costs(&mut probe);
    assert!(received < 200 && sent < 200, "{received} and {sent} bytes");
}

/// The end of a server that keeps nothing of what it hears. What brings it that many bytes has its memory already.
fn forgetful(takeover: bool, bytes: usize) -> Probe {
    let options = DeflateOptions::new().context_takeover(takeover);
    let mut probe = Probe::new(WebSocketReceiver::server(Forgets(Delivery::Whole)).deflate(options));
    probe.deliver(request("permessage-deflate"));
    probe.deliver(masked(0x82, vec![7; bytes]));
    probe
}

/// The peer goes on after this side has closed, as it may until it has heard of that.
#[test]
fn what_comes_after_closing_within_a_compressed_message_is_not_kept() {
    for takeover in [false, true] {
        let rest = [masked(0x80, ""), masked(0x81, "").repeat(10_000)].concat();
        let mut probe = forgetful(takeover, rest.len());
        probe.deliver(masked(0x41, ""));
        act(&mut probe, |socket| socket.close(CloseCode::NORMAL, ""));
        let kept = measure(|| probe.deliver(&rest)).bytes_current;
        assert!(kept < 1_000, "{kept} bytes");
    }
}

#[test]
fn a_long_message_leaves_nothing_of_its_length_with_the_connection() {
    let long = masked(0xc2, deflated(Dice::new(1).bytes(60_000)));
    // What a thread keeps for all.
    (0..5).for_each(|_| forgetful(true, long.len()).deliver(&long));
    let mut probe = forgetful(true, long.len());
    probe.deliver(masked(0xc1, deflated("short")));
    let kept = measure(|| probe.deliver(&long)).bytes_current;
    assert!(kept < 1_000, "{kept} bytes");
}
