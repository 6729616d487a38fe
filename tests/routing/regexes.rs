//! Regular expressions, on bytes.

use ropewalk::Router;

use super::{answer, named, probe};

#[test]
fn expressions_match_anywhere_in_order_and_give_their_groups() {
    let router = Router::new()
        .regex(r"^(?i)get (?<path>\S+)", |context, data, groups| {
            context.write_vectored(&[&groups["path"], b" of ", data]);
            Ok(())
        })
        .unwrap()
        .regex(r"\d+", |context, _, groups| {
            context.write_vectored(&[b"number ", &groups[0]]);
            Ok(())
        })
        .unwrap()
        .prefix("GET", named("never with a path"));
    let mut probe = probe(&router);
    assert_eq!(answer(&mut probe, "gEt /a b"), "/a of gEt /a b");
    assert_eq!(answer(&mut probe, "x GET 12"), "number 12");
    assert_eq!(answer(&mut probe, "GET"), "never with a path(GET)");
}

#[test]
fn bytes_that_are_not_text_are_just_bytes() {
    let router = Router::new()
        .regex(r"^\xff(.)\w", |context, _, groups| {
            context.write(&groups[1]);
            Ok(())
        })
        .unwrap()
        .regex("^\u{e4}+$", |context, _, _| {
            context.write("umlaut");
            Ok(())
        })
        .unwrap()
        .otherwise(named("none"));
    let mut probe = probe(&router);
    assert_eq!(answer(&mut probe, b"\xff\xfea"), "\\xfe");
    assert_eq!(answer(&mut probe, b"\xff\0_"), "\\x00");
    assert_eq!(answer(&mut probe, b"\xff\nx"), "none(\\xff\\nx)");
    assert_eq!(answer(&mut probe, b"\xff\xfe\xe4"), "none(\\xff\\xfe\\xe4)", "a word is of ASCII");
    assert_eq!(answer(&mut probe, "\u{e4}"), "umlaut");
}

#[test]
fn a_bad_or_huge_pattern_is_an_error() {
    let refused = |pattern: &str| Router::new().regex(pattern, |_, _, _| Ok(())).unwrap_err().to_string();
    assert!(refused("(").contains("unclosed group"));
    assert!(refused("(x{1000}){1000}").contains("size limit"));
}

#[test]
fn a_nasty_pattern_takes_no_time() {
    let router = Router::new().regex("^(a|a)*(a|a)*$", |_, _, _| panic!("it does not match")).unwrap();
    let mut probe = probe(&router);
    probe.deliver("a".repeat(60_000) + "b");
    assert!(!probe.is_closing());
}
