//! Which handlers get what.

use std::cell::Cell;
use std::ops::Bound;
use std::rc::Rc;

use ropewalk::testing::{Events, check_protocol};
use ropewalk::{Delimiter, Router, SendLine};

use super::{answer, named, probe, protocol};

#[test]
fn the_first_handler_that_matches_gets_the_data() {
    let router = Router::new()
        .prefix("PUT", named("put"))
        .prefix(b"P\xff", named("odd"))
        .prefix("P", named("p"))
        .otherwise(named("none"))
        .prefix("PUTS", named("never"));
    let mut probe = probe(&router);
    assert_eq!(answer(&mut probe, "PUTS x"), "put(PUTS x)");
    assert_eq!(answer(&mut probe, "PU"), "p(PU)");
    assert_eq!(answer(&mut probe, b"P\xff\xfe\0"), "odd(P\\xff\\xfe\\x00)");
    assert_eq!(answer(&mut probe, "put"), "none(put)");
    assert_eq!(answer(&mut probe, b"\xff\xc3"), "none(\\xff\\xc3)");
}

#[test]
fn all_that_match_get_it_in_the_order_of_their_registration() {
    let router = Router::new()
        .any(named("1"))
        .prefix("a", named("2"))
        .prefix("ab", named("3"))
        .otherwise(named("otherwise"))
        .all_matches();
    let mut probe = probe(&router);
    assert_eq!(answer(&mut probe, "abc"), "1(abc)2(abc)3(abc)");
    assert_eq!(answer(&mut probe, "b"), "1(b)");
}

#[test]
fn a_prefix_is_looked_for_in_its_range() {
    let router = Router::new()
        .prefix_at(4..6, "abc", named("too long for its range"))
        .prefix_at(4..=6, "abc", named("4..=6"))
        .prefix_at(2.., "abc", named("2.."))
        .prefix_at((Bound::Excluded(0), Bound::Unbounded), "ab", named("after 0"))
        .prefix_at(..1, "ab", named("too long"))
        .prefix_at((Bound::Included(8), Bound::Excluded(2)), "", named("backwards"))
        .prefix_at(9.., "", named("end"));
    let mut probe = probe(&router);
    assert_eq!(answer(&mut probe, "1234abc"), "4..=6(1234abc)");
    assert_eq!(answer(&mut probe, "12abc"), "2..(12abc)");
    assert_eq!(answer(&mut probe, "1abc"), "after 0(1abc)");
    assert_eq!(answer(&mut probe, "123456789"), "end(123456789)");
    for nothing in ["abc", "1234ab", "12345678", "x"] {
        assert_eq!(answer(&mut probe, nothing), "");
    }
}

#[test]
fn without_a_handler_the_connection_lives_on() {
    let mut probe = probe(&Router::new());
    assert_eq!(answer(&mut probe, b"\xff anything"), "");
    assert!(!probe.is_closing());
    probe.deliver_eof();
    assert!(probe.is_closed());
}

#[test]
fn an_error_ends_the_connection_after_what_was_written() {
    let router = Router::default()
        .prefix("bad", |context, _| {
            context.write("sorry");
            Err("bad request".into())
        })
        .any(named("next"))
        .all_matches();
    let mut probe = probe(&router);
    assert_eq!(answer(&mut probe, "bad"), "sorry");
    assert!(probe.is_closing());
}

#[test]
fn a_handler_that_closes_is_the_last() {
    let router = Router::new()
        .any(|context, _| {
            context.lose_connection();
            Ok(())
        })
        .any(|_, _| panic!("the connection is closed"))
        .all_matches();
    let mut probe = probe(&router);
    probe.deliver("x");
    assert!(probe.is_closing());
    assert_eq!(probe.transport().reactor().stats().panics, 0);
}

#[test]
fn each_connection_has_its_state_and_all_share_what_handlers_capture() {
    let total = Rc::new(Cell::new(0));
    let (counted, lost) = (Rc::clone(&total), Rc::new(Cell::new(0)));
    let told = Rc::clone(&lost);
    let router = Router::with_state(|peer| format!("{peer}:"))
        .connection_made(|context| context.write(context.state.as_bytes()))
        .any(move |context, data| {
            counted.set(counted.get() + data.len());
            context.state.push_str(std::str::from_utf8(data)?);
            context.write(format!("{} of {};", context.state, counted.get()));
            Ok(())
        })
        .connection_lost(move |context, reason| {
            assert!(reason.is_clean());
            told.set(told.get() + context.state.len());
        });
    let (mut one, mut two) = (probe(&router), probe(&router));
    let greeting = one.written();
    assert_eq!(two.written(), greeting);
    let greeting = String::from_utf8(greeting).unwrap();
    assert_eq!(answer(&mut one, "a"), format!("{greeting}a of 1;"));
    assert_eq!(answer(&mut two, "bc"), format!("{greeting}bc of 3;"));
    assert_eq!(answer(&mut one, "d"), format!("{greeting}ad of 4;"));
    one.deliver_eof();
    assert_eq!(lost.get(), greeting.len() + 2);
    drop(one);
    let mut changed = probe(&router.prefix("old", named("old")));
    assert!(answer(&mut changed, "new").ends_with("new of 7;"));
}

#[test]
fn lines_are_cut_whatever_the_reads_are() {
    let make = |events: Events| {
        protocol(
            &Router::new()
                .per_line(Delimiter::LfOrCrLf)
                .max_length(6)
                .prefix("quit", |context, _| {
                    context.lose_connection();
                    Ok(())
                })
                .any(move |context, line| {
                    events.record_bytes("line", line);
                    context.send_line(line);
                    Ok(())
                }),
        )
    };
    let outcome = check_protocol(make, b"one\r\n\xff\xfe\n\nthree");
    assert_eq!(outcome.events, ["line one", "line \\xff\\xfe", "line "]);
    assert_eq!(check_protocol(make, "a\nquit\nb\n").written, b"a\r\n");
    let too_long = check_protocol(make, "123456\n1234567\n");
    assert_eq!(too_long.written, b"123456\r\n");
    assert!(too_long.connection.ends_with("longer than the limit of 6 bytes"), "{}", too_long.connection);
}
