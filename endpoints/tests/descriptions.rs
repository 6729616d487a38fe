//! How descriptions are read and written.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_endpoints::{
    ClientEndpoint, DescriptionError, DescriptionProblem, EndpointRegistry, ServerEndpoint,
    TcpServerEndpoint, client_endpoint, quote_argument, server_endpoint,
};

type Read = (Vec<Option<String>>, Vec<Option<String>>);

/// What a kind with the parameters `first`, `second` and `third`, and the keys `d` and `e`, reads of `text`, and the
/// canonical form.
fn read(text: &str) -> Result<(Read, String), DescriptionError> {
    let mut registry = EndpointRegistry::standard();
    let heard = Rc::new(RefCell::new(Read::default()));
    let hears = Rc::clone(&heard);
    registry.register_server("a", move |arguments| {
        let (ordered, keyed) = arguments.parameters(["first", "second", "third"], ["d", "e"])?;
        let ordered: Result<_, _> = ordered.iter().map(|parameter| parameter.optional()).collect();
        let keyed: Result<_, _> = keyed.iter().map(|parameter| parameter.optional()).collect();
        *hears.borrow_mut() = (ordered?, keyed?);
        Ok(anywhere())
    });
    let endpoint = registry.server(text)?;
    Ok((heard.take(), endpoint.to_string()))
}

fn anywhere() -> Box<dyn ServerEndpoint> {
    Box::new("127.0.0.1:0".parse::<TcpServerEndpoint>().unwrap())
}

/// The values of the ordered parameters and of the keys; "-" where there is none.
#[track_caller]
fn reads(text: &str, ordered: [&str; 3], keyed: [&str; 2]) {
    let ((heard_ordered, heard_keyed), canonical) = read(text).unwrap();
    let shown = |values: Vec<Option<String>>| -> Vec<String> {
        values.into_iter().map(|value| value.unwrap_or_else(|| "-".to_owned())).collect()
    };
    assert_eq!(shown(heard_ordered), ordered, "{text}");
    assert_eq!(shown(heard_keyed), keyed, "{text}");
    assert_eq!(read(&canonical).unwrap(), read(text).unwrap(), "{text} is written as {canonical}");
}

#[test]
fn s101_colons_separate_arguments_and_the_first_equals_sign_makes_a_key() {
    reads("a:b:d=1:c", ["b", "c", "-"], ["1", "-"]);
    reads("a:b::c", ["b", "", "c"], ["-", "-"]);
    reads("a::", ["", "", "-"], ["-", "-"]);
    reads("a:d=", ["-", "-", "-"], ["", "-"]);
    reads("a:d=x=y=z", ["-", "-", "-"], ["x=y=z", "-"]);
    reads("a:x:third=z:e=5", ["x", "-", "z"], ["-", "5"]);
    reads("a:é:日本", ["é", "日本", "-"], ["-", "-"]);
}

#[test]
fn a_kind_alone_has_no_arguments() {
    reads("a", ["-", "-", "-"], ["-", "-"]);
    reads("a:", ["-", "-", "-"], ["-", "-"]);
    assert_eq!(read("a").unwrap().1, "a:");
}

#[test]
fn s101_an_argument_that_is_given_twice_is_an_error_unlike_in_twisted() {
    for text in ["a:d=1:d=2", "a:D=1:_d=2", "a:x:first=y", "a:first=x:y"] {
        let error = read(text).unwrap_err();
        assert!(matches!(error.problem(), DescriptionProblem::Repeated { .. }), "{error}");
    }
}

#[test]
fn s102_a_backslash_takes_the_next_character_as_it_is() {
    reads(r"a:\::\\:\=", [":", "\\", "="], ["-", "-"]);
    reads(r"a:d\=1:\b\é", ["d=1", "bé", "-"], ["-", "-"]);
    reads(r"a:\d=\:", ["-", "-", "-"], [":", "-"]);
    reads(r"\a:x", ["x", "-", "-"], ["-", "-"]);
}

#[test]
fn s102_quoting_escapes_what_would_separate_and_keys() {
    assert_eq!(quote_argument(r"a\b:c=d"), r"a\\b\:c\=d");
    assert_eq!(quote_argument("[::1]:80"), r"[::1]\:80");
    assert_eq!(quote_argument("[x"), r"\[x");
    assert_eq!(quote_argument("x[:]"), r"x[\:]");
    assert_eq!(quote_argument(r"[\]"), r"[\\]");
    for text in ["", ":", "d=1", "\\", "[", "]", "[]", "[[]]", "[:=\\]:=\\[", "[]]:", "\\]", "é:", "\\["] {
        reads(
            &format!("a:{}:d={}", quote_argument(text), quote_argument(text)),
            [text, "-", "-"],
            [text, "-"],
        );
    }
}

#[test]
fn s102_a_backslash_at_the_end_is_an_error() {
    for (text, position) in [("a:\\", 2), ("a:b\\\\\\", 5), ("a\\", 1), ("a:é=\\", 5)] {
        let error = read(text).unwrap_err();
        assert_eq!(
            (error.problem(), error.position()),
            (&DescriptionProblem::LoneBackslash, position),
            "{error}"
        );
    }
}

#[test]
fn brackets_at_the_beginning_of_an_argument_or_a_value_protect_what_is_in_them() {
    reads("a:[::1]:80", ["[::1]", "80", "-"], ["-", "-"]);
    reads("a:d=[::1]:80", ["80", "-", "-"], ["[::1]", "-"]);
    reads("a:[d=1]", ["[d=1]", "-", "-"], ["-", "-"]);
    reads(r"a:[::1]\:80", ["[::1]:80", "-", "-"], ["-", "-"]);
    reads("a:x[:]", ["x[", "]", "-"], ["-", "-"]);
    reads(r"a:\[:]", ["[", "]", "-"], ["-", "-"]);
    assert_eq!(read("a:[::1]:80").unwrap().1, "a:[::1]:80");
}

#[test]
fn the_case_of_kinds_does_not_matter_nor_do_case_and_underscores_of_keys() {
    assert_eq!(server_endpoint("TcP:80:REUSEPORT=yes").unwrap().to_string(), "tcp:80:REUSEPORT=yes");
    for key in ["bindAddress", "bind_address", "BINDADDRESS"] {
        client_endpoint(&format!("TCP:127.0.0.1:80:{key}=127.0.0.1")).unwrap();
    }
}

#[test]
fn plain_addresses_are_tcp() {
    for text in ["127.0.0.1:8123", "[::1]:8123", "localhost:8123", "0.0.0.0:0"] {
        assert_eq!(server_endpoint(text).unwrap().to_string(), text);
        assert_eq!(client_endpoint(text).unwrap().to_string(), text);
    }
    assert_eq!(server_endpoint("LocalHost:1").unwrap().to_string(), "localhost:1");
}

#[test]
fn a_kind_that_is_registered_comes_before_an_address() {
    let mut registry = EndpointRegistry::standard();
    registry.register_server("LocalHost", |_| Ok(anywhere()));
    assert_eq!(registry.server("localhost:80").unwrap().to_string(), "localhost:80");
    assert_eq!(registry.server("localhost:x:y").unwrap().to_string(), "localhost:x:y");
}

#[test]
fn an_endpoint_shows_its_description() {
    let endpoint = server_endpoint(r"tcp:\80:backlog=7").unwrap();
    assert_eq!(
        format!("{endpoint} {endpoint:?}"),
        r#"tcp:80:backlog=7 DescribedEndpoint("tcp:80:backlog=7")"#
    );
    assert_eq!(client_endpoint(r"tcp:\:\:1:80").unwrap().to_string(), r"tcp:\:\:1:80");
}

#[test]
fn nested_descriptions_need_no_quoting() {
    let registry = wrapping();
    for text in [
        r"wrap:tcp:80:interface=\:\:1",
        "wrap:tcp:80:interface=[::1]",
        "wrap:127.0.0.1:80",
        "wrap:wrap:tcp:0",
    ] {
        assert_eq!(registry.server(text).unwrap().to_string(), text);
    }
    assert_eq!(registry.client("wrap:TCP:127.0.0.1:1").unwrap().to_string(), "wrap:TCP:127.0.0.1:1");
}

#[test]
fn errors_in_nested_descriptions_count_from_the_beginning() {
    let registry = wrapping();
    let position = |text| registry.server(text).unwrap_err().position();
    assert_eq!(position("wrap:tcp:x"), 9);
    assert_eq!(position("wrap:wrap:tpc:80"), 10);
    assert_eq!(position("wrap:"), 5);
    assert_eq!(position("wrap:127.0.0.1"), 5);
    assert_eq!(registry.client("wrap:tcp:127.0.0.1").unwrap_err().position(), 18);
}

#[test]
fn nesting_has_an_end() {
    let registry = wrapping();
    assert!(registry.server(&format!("{}tcp:80", "wrap:".repeat(7))).is_ok());
    for depth in [8, 100_000] {
        let text = format!("{}tcp:80", "wrap:".repeat(depth));
        for error in [registry.server(&text).unwrap_err(), registry.client(&text).unwrap_err()] {
            assert_eq!((error.problem(), error.position()), (&DescriptionProblem::NestedTooDeeply, 40));
        }
    }
}

/// A registry with the kind `wrap`, which does nothing but nest.
fn wrapping() -> EndpointRegistry {
    let mut registry = EndpointRegistry::standard();
    registry.register_server("wrap", |arguments| Ok(Box::new(arguments.nested_server()?)));
    registry.register_client("wrap", |arguments| Ok(Box::new(arguments.nested_client()?)));
    registry
}

#[test]
fn kinds_of_ones_own_are_read_like_the_others() {
    let mut registry = EndpointRegistry::standard();
    registry.register_client("Slow", |arguments| {
        let ([port], [after]) = arguments.parameters(["port"], ["after"])?;
        let after: Duration = after.required()?;
        if after.is_zero() {
            return Err(port.error("it is of no use at once"));
        }
        let endpoint: Box<dyn ClientEndpoint> =
            Box::new(client_endpoint(&format!("127.0.0.1:{}", port.required::<u16>()?))?);
        Ok(endpoint)
    });
    assert_eq!(registry.client("SLOW:80:after=1.5").unwrap().to_string(), "slow:80:after=1.5");
    let error = registry.client("slow:80:after=0").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"the endpoint "slow:80:after=0" has a bad port "80" at column 6: it is of no use at once"#
    );
    let error = registry.client("slwo:80").unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("known are slow, socks5, ssl, tcp, tcp6, tls, unix, ws, wss; did you mean slow?"),
        "{error}"
    );
    assert!(registry.server("slow:80").is_err(), "it is none to listen on");
    assert!(
        format!("{registry:?}")
            .contains(r#"clients: ["slow", "socks5", "ssl", "tcp", "tcp6", "tls", "unix", "ws", "wss"]"#),
        "{registry:?}"
    );
}

#[test]
fn a_standard_kind_can_be_replaced() {
    let mut registry = EndpointRegistry::standard();
    registry.register_server("tcp", |_| Ok(anywhere()));
    registry.server("tcp:whatever").unwrap();
}
