//! Servers of lines and bytes.

#[path = "../../examples/answer.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod answer;
#[cfg(feature = "regex")]
#[path = "../../examples/butterfly.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod butterfly;
#[path = "../../examples/echo.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod echo;
#[path = "../../examples/logfile.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod logfile;
#[path = "../../examples/login.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod login;
#[path = "../../examples/qotd.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod qotd;

use ropewalk::for_protocol;

use crate::{check, said};

#[test]
fn echo() {
    assert_eq!(said(|| for_protocol(|| echo::Echo), "hello, hello"), "hello, hello");
}

#[test]
fn quote_of_the_day() {
    assert_eq!(said(|| qotd::quotes("To be or not to be"), "what?"), "To be or not to be\r\n");
}

#[test]
fn answers() {
    let asked = "How are you?\r\nWhy?\nAre we al";
    assert_eq!(said(answer::answers, asked), "Fine\r\nI don't know what you mean\r\n");
    // Telnet, which wants to show its window's size, and speaks of IAC itself.
    check(answer::answers).run(b"\xff\xfb\x1fa\r\n\xff\xfa\x1f\0\x50\0\x18\xff\xf0b\xff\xffc\r\0\r\n\xff");
}

#[test]
fn the_log_of_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path: &'static std::path::Path = folder.path().join("log").leak();
    let check = check(move || logfile::LogFactory::new(path.to_owned()).unwrap());
    assert_eq!(check.run("one\r\ntwo\n\x1b[2Jthree").written, b"");
    let log = std::fs::read_to_string(path).unwrap();
    assert!(log.lines().any(|line| line.ends_with(" two")), "{log}");
}

#[test]
fn the_login() {
    let make = || login::login("hemp".into());
    let wrong = said(make, "bob\r\nno\r\nbob\r\nno\r\nbob\r\nno\r\nmore\r\n");
    assert_eq!(wrong.matches("That is not the password.\r\n").count(), 3, "{wrong}");
    let right = said(make, "\nbob\nhemp\nhello\n");
    assert!(right.ends_with("Welcome, bob!\r\nbob: hello\r\n"), "{right}");
    // Telnet agrees to hide what is typed, and interrupts.
    check(make).run(b"bob\r\n\xff\xfd\x01hemp\r\n\xff\xfe\x01a\r\n\xff\xf4b\r\n");
}

#[cfg(feature = "regex")]
#[test]
fn butterfly() {
    let make = || butterfly::router().unwrap();
    let asked = "ECHO hi\r\nADD 1 2\nNONSENSE\nQUIT\nECHO late\n";
    assert_eq!(said(make, asked), "hi\r\n3\r\nECHO, ADD, PRIMES or QUIT?\r\n");
}
