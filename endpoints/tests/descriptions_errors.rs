//! S103: what is said about descriptions that are wrong.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::io;

use ropewalk_endpoints::{
    DescriptionError, DescriptionProblem, EndpointRegistry, client_endpoint, quote_argument, server_endpoint,
};

fn server_error(text: &str) -> DescriptionError {
    let error = server_endpoint(text).map(|endpoint| endpoint.to_string()).unwrap_err();
    assert_eq!(error.description(), text);
    error
}

fn client_error(text: &str) -> DescriptionError {
    client_endpoint(text).map(|endpoint| endpoint.to_string()).unwrap_err()
}

#[test]
fn every_error_says_what_is_wrong_where_and_what_would_be_right() {
    let cases = [
        ("", r#"the endpoint "" has no kind at column 1: begin with one, as in tcp:8123"#),
        (
            r"tcp:80\",
            r#"the endpoint "tcp:80\\" ends in a backslash at column 7: write \\ for the character itself"#,
        ),
        (
            "tcp:80:interface=[::1",
            r#"the endpoint "tcp:80:interface=[::1" has a bracket at column 18 that is not closed: close it, as in [::1], or write \["#,
        ),
        (
            "tpc:80",
            r#"the endpoint "tpc:80" is of an unknown kind "tpc" at column 1: known are haproxy, proxy, ssl, stdio, systemd, tcp, tcp6, tls, unix, ws, wss; did you mean tcp?"#,
        ),
        (
            "example:80",
            r#"the endpoint "example:80" is of an unknown kind "example" at column 1: known are haproxy, proxy, ssl, stdio, systemd, tcp, tcp6, tls, unix, ws, wss; an address is written as in 127.0.0.1:8123"#,
        ),
        (
            "tcp:80:intrefaec=x",
            r#"the endpoint "tcp:80:intrefaec=x" has an unknown key "intrefaec" at column 8: known are port, interface, backlog, reuse_port; did you mean interface?"#,
        ),
        (
            "tcp:80:a=b",
            r#"the endpoint "tcp:80:a=b" has an unknown key "a" at column 8: known are port, interface, backlog, reuse_port; a = in a value is written \="#,
        ),
        ("tcp:", r#"the endpoint "tcp:" has no port: add port=… at column 5"#),
        (
            "tcp:80:::1",
            r#"the endpoint "tcp:80:::1" has an argument too many at column 10: without a key there are only port, interface, backlog; a : in a value is written \:"#,
        ),
        ("tcp:80:port=80", r#"the endpoint "tcp:80:port=80" has port again at column 8: write it once"#),
        (
            "tcp:é:backlog=1",
            r#"the endpoint "tcp:é:backlog=1" has a bad port "é" at column 5: it must be a number from 0 to 65535"#,
        ),
        (
            "tcp:backlog=é:port=x",
            r#"the endpoint "tcp:backlog=é:port=x" has a bad port "x" at column 15: it must be a number from 0 to 65535"#,
        ),
        (
            "tcp:127.0.0.1:80",
            r#"the endpoint "tcp:127.0.0.1:80" has a bad port "127.0.0.1" at column 5: it must be a number from 0 to 65535; the address to listen on comes behind it, as in 8123:interface=127.0.0.1"#,
        ),
        (
            "tcp::=",
            r#"the endpoint "tcp::=" has an unknown key "" at column 6: known are port, interface, backlog, reuse_port; a = in a value is written \="#,
        ),
        (
            "tcp6:é=",
            r#"the endpoint "tcp6:é=" has an unknown key "é" at column 6: known are port, backlog, interface, reuse_port, dual_stack; a = in a value is written \="#,
        ),
        (
            "tcp:80:é:backlog=x",
            r#"the endpoint "tcp:80:é:backlog=x" has a bad interface "é" at column 8: it must be an IP address or localhost"#,
        ),
        (
            "tcp:80::backlog=-1",
            r#"the endpoint "tcp:80::backlog=-1" has a bad backlog "-1" at column 9: it must be a number from 0 to 4294967295"#,
        ),
        (
            "tcp:80:reuse_port=maybe",
            r#"the endpoint "tcp:80:reuse_port=maybe" has a bad reuse_port "maybe" at column 8: it must be yes or no"#,
        ),
        (
            "tcp6:80:interface=127.0.0.1",
            r#"the endpoint "tcp6:80:interface=127.0.0.1" has a bad interface "127.0.0.1" at column 9: it must be an IPv6 address, as in [::1], or localhost"#,
        ),
        (
            "127.0.0.1",
            r#"the address "127.0.0.1" has no port: write it after the host, as in 127.0.0.1:8123"#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(server_error(text).to_string(), expected);
    }
}

#[test]
fn errors_of_clients_are_as_good() {
    let cases = [
        ("tcp:127.0.0.1", r#"the endpoint "tcp:127.0.0.1" has no port: add port=… at column 14"#),
        (
            "tcp:256.0.0.1:80",
            r#"the endpoint "tcp:256.0.0.1:80" has a bad host "256.0.0.1" at column 5: the address "256.0.0.1:80" has a bad IPv4 address: it must be four numbers from 0 to 255, as in 127.0.0.1:8123"#,
        ),
        (
            "tcp6:example.org:80",
            r#"the endpoint "tcp6:example.org:80" has a bad host "example.org" at column 6: it must be an IPv6 address, as in [::1], or localhost; a name is for tcp, which looks up its addresses of IPv6 and IPv4"#,
        ),
        (
            "tcp6:127.0.0.1:80",
            r#"the endpoint "tcp6:127.0.0.1:80" has a bad host "127.0.0.1" at column 6: it must be an IPv6 address, as in [::1], or localhost"#,
        ),
        (
            "tcp6:[fe80::1%eth0]:80",
            r#"the endpoint "tcp6:[fe80::1%eth0]:80" has a bad host "[fe80::1%eth0]" at column 6: it must be an IPv6 address, as in [::1], or localhost; an interface is told by its number, as in fe80::1%2"#,
        ),
        (
            "tcp:127.0.0.1:80:5",
            r#"the endpoint "tcp:127.0.0.1:80:5" has an argument too many at column 18: without a key there are only host, port; a : in a value is written \:"#,
        ),
        (
            "tcp:127.0.0.1:80:timeout=soon",
            r#"the endpoint "tcp:127.0.0.1:80:timeout=soon" has a bad timeout "soon" at column 18: it must be a number of seconds, as in 5 or 0.5"#,
        ),
        (
            "tcp:127.0.0.1:80:bind_address=x",
            r#"the endpoint "tcp:127.0.0.1:80:bind_address=x" has a bad bind_address "x" at column 18: it must be an IP address, as in 127.0.0.1 or 127.0.0.1\:4000"#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(client_error(text).to_string(), expected);
    }
}

#[test]
fn a_kind_without_parameters_takes_none() {
    let mut registry = EndpointRegistry::standard();
    registry.register_server("none", |arguments| {
        let ([], []) = arguments.parameters([], [])?;
        Ok(Box::new(server_endpoint("tcp:0")?))
    });
    registry.server("none").unwrap();
    registry.server("none:").unwrap();
    let said = |text| registry.server(text).unwrap_err().to_string();
    assert_eq!(
        said("none:x"),
        r#"the endpoint "none:x" has an argument too many at column 6: without a key there is none"#
    );
    assert_eq!(
        said("none:x=y"),
        r#"the endpoint "none:x=y" has an unknown key "x" at column 6: none is known; a = in a value is written \="#
    );
}

#[test]
fn nesting_too_deeply_is_said() {
    let mut registry = EndpointRegistry::standard();
    registry.register_server("w", |arguments| Ok(Box::new(arguments.nested_server()?)));
    assert_eq!(
        registry.server("w:w:w:w:w:w:w:w:tcp:80").unwrap_err().to_string(),
        r#"the endpoint "w:w:w:w:w:w:w:w:tcp:80" is nested too deeply at column 17: 8 descriptions may be in one another"#
    );
}

#[test]
fn nesting_in_a_parameter_counts_as_well() {
    let mut registry = EndpointRegistry::standard();
    registry.register_server("via", |arguments| {
        let ([], [endpoint]) = arguments.parameters([], ["endpoint"])?;
        Ok(Box::new(endpoint.nested_server()?.unwrap()))
    });
    registry.register_client("via", |arguments| {
        let ([], [endpoint]) = arguments.parameters([], ["endpoint"])?;
        Ok(Box::new(endpoint.nested_client()?.unwrap()))
    });
    let nested = |depth| {
        (1..depth).fold("tcp:127.0.0.1:80".to_owned(), |inner, _| {
            format!("via:endpoint={}", quote_argument(&inner))
        })
    };
    registry.client(&nested(8)).unwrap();
    assert!(registry.client(&nested(9)).unwrap_err().to_string().contains("is nested too deeply"));
    let server = |depth| nested(depth).replace("127.0.0.1", "").replace("tcp", "stdio");
    assert!(!registry.server(&server(8)).unwrap_err().to_string().contains("is nested too deeply"));
    assert!(registry.server(&server(9)).unwrap_err().to_string().contains("is nested too deeply"));
}

#[test]
fn what_is_not_secret_is_shown_as_it_is() {
    let said = server_error("socket=web:80").to_string();
    assert!(said.contains(r#"of an unknown kind "socket=web""#), "{said}");
    assert_eq!(server_error(r"tcp:80:note=a\:b\=c").description(), r"tcp:80:note=a\:b\=c");
}

#[test]
fn ports_are_digits_from_0_to_65535() {
    for port in [
        "65536",
        "-1",
        "+80",
        "8_0",
        " 80",
        "80 ",
        "0x50",
        "\u{ff18}\u{ff10}",
        "",
        "8e1",
        "99999999999999999999",
    ] {
        for error in [
            server_error(&format!("tcp:{port}:backlog=1")),
            client_error(&format!("tcp6:[::1]:{port}:timeout=1")),
        ] {
            let DescriptionProblem::BadValue { name, value, .. } = error.problem() else { panic!("{error}") };
            assert_eq!((name.as_str(), value.as_str()), ("port", port));
        }
    }
    for port in ["0", "65535", "00080"] {
        server_endpoint(&format!("tcp:{port}")).unwrap();
    }
}

#[test]
fn timeouts_are_seconds_with_fractions() {
    let client = |timeout| client_endpoint(&format!("tcp:127.0.0.1:80:timeout={timeout}"));
    for timeout in ["", "-1", "+1", "1e3", "inf", "nan", "1.2.3", ".", "5s", "999999999999999999999999999999"]
    {
        let error = client(timeout).unwrap_err();
        assert!(
            matches!(error.problem(), DescriptionProblem::BadValue { name, .. } if name == "timeout"),
            "{error}"
        );
    }
    for timeout in ["0", "5", "0.5", ".5", "5.", "9999999999999"] {
        client(timeout).unwrap();
    }
}

#[test]
fn what_is_meant_as_an_address_is_judged_as_one() {
    for text in
        ["8123", "1:80", "localhost", "localhost:x", "[::1]", "[::1", "1.2.3:80", "a.b", "127.0.0.1: 80"]
    {
        for error in [server_error(text), client_error(text)] {
            let DescriptionProblem::Address(address) = error.problem() else { panic!("{error}") };
            assert_eq!((address.address(), error.position()), (text, 0));
            assert_eq!(error.to_string(), address.to_string());
        }
    }
    for text in ["/run/x.sock", "./x", r"a\.b:80", "tcp", "tcp.80/x"] {
        let error = server_error(text);
        assert!(!matches!(error.problem(), DescriptionProblem::Address(_)), "{error}");
    }
}

#[test]
fn a_client_with_a_port_alone_is_asked_for_the_host() {
    for (text, column) in [("tcp:8123", 5), ("ws:8123", 4)] {
        let said = client_error(text).to_string();
        let complaint = format!(
            "has a bad host \"8123\" at column {column}: it is a port: write the host before it, as in localhost:8123"
        );
        assert!(said.ends_with(&complaint), "{said}");
    }
    assert!(client_error("tcp:localhost").to_string().contains("has no port"));
}

#[test]
fn only_a_likely_slip_gets_a_suggestion() {
    for (text, meant) in [
        ("tpc:", "tcp"),
        ("TPC:", "tcp"),
        ("tc:", "tcp"),
        ("tcp5:", "tcp"),
        ("tcpp6:", "tcp6"),
        ("tsl:", "tls"),
        ("sls:", "ssl"),
    ] {
        let said = server_error(text).to_string();
        assert!(said.ends_with(&format!("did you mean {meant}?")), "{said}");
    }
    for text in ["udp:", "tcpxy:", "xytcp:", "t:", "whatever:", "\u{1f980}:", "telnet:"] {
        let said = server_error(text).to_string();
        assert!(!said.contains("did you mean"), "{said}");
    }
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let said = server_error("tcp:\x1b[2J:a\n=b").to_string();
    assert!(!said.contains(char::is_control), "{said:?}");
    let mut registry = EndpointRegistry::standard();
    registry.register_server("file", |arguments| {
        let ([name], []) = arguments.parameters(["name"], [])?;
        Err(name.error(format!("it's no \"file\": {}", name.required::<String>()?)))
    });
    let said = registry.server("file:a\nb\x1b").unwrap_err().to_string();
    assert!(said.ends_with(r#"at column 6: it's no "file": a\nb\u{1b}"#), "{said:?}");
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_kind_that_needs_a_feature_says_so() {
    let text = "tls:8443:cert=x";
    let expected = r#"the endpoint "tls:8443:cert=x" is of the kind tls, which needs the feature tls of ropewalk: the program is built without"#;
    assert_eq!(server_error(text).to_string(), expected);
    for text in ["ssl:8443", "tls:localhost:80", "tls:"] {
        assert!(client_error(text).to_string().contains("needs the feature tls of ropewalk"));
    }
}

#[test]
fn the_error_becomes_one_of_input() {
    let error = io::Error::from(server_error("tcp:x"));
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("has a bad port"), "{error}");
}
