//! The kinds that are not TCP alone: `unix`, `systemd`, `stdio`, `proxy`, `socks5`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod common;

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::greeter;
use ropewalk_endpoints::{
    ClientEndpoint, DescriptionProblem, ServerEndpoint, client_endpoint, quote_argument, server_endpoint,
};
use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};

#[track_caller]
fn server_error(text: &str) -> String {
    server_endpoint(text).unwrap_err().to_string()
}

#[track_caller]
fn client_error(text: &str) -> String {
    client_endpoint(text).unwrap_err().to_string()
}

/// What the endpoint says to a greeter, once it has said `greeting`.
#[track_caller]
fn hears(reactor: &mut Reactor, endpoint: &str, greeting: &str) {
    let (factory, heard) = greeter("hello");
    drop(client_endpoint(endpoint).unwrap().connect(reactor, factory));
    common::run_until(reactor, || *heard.borrow() == greeting.as_bytes());
}

#[test]
fn unix_servers_and_clients_meet() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a=b:c.sock");
    let quoted = quote_argument(path.to_str().unwrap());
    let mut reactor = Reactor::new().unwrap();
    let server = server_endpoint(&format!("unix:{quoted}:mode=640:backlog=5:lockfile=1")).unwrap();
    let (factory, heard) = greeter("welcome");
    let port = server.listen(&reactor, factory).unwrap();
    assert_eq!(port.address().to_string(), path.to_str().unwrap());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    hears(&mut reactor, &format!("unix:{quoted}:timeout=5:checkPID=1:lockfile=yes"), "welcome");
    common::run_until(&mut reactor, || *heard.borrow() == b"hello");
}

#[cfg(target_os = "linux")]
#[test]
fn unix_takes_abstract_names() {
    let name = format!("@ropewalk-{}", std::process::id());
    let mut reactor = Reactor::new().unwrap();
    let server = server_endpoint(&format!("unix:{name}")).unwrap();
    let port = server.listen(&reactor, greeter("welcome").0).unwrap();
    assert_eq!(port.address().to_string(), name);
    hears(&mut reactor, &format!("unix:{name}"), "welcome");
}

#[test]
fn twisted_order_of_unix_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let reactor = Reactor::new().unwrap();
    let server = server_endpoint(&format!("unix:{}:600:50:0", path.display())).unwrap();
    let _port = server.listen(&reactor, greeter("").0).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    UnixStream::connect(path).unwrap();
}

#[test]
fn what_is_wrong_with_unix_sockets_is_told() {
    assert_eq!(server_error("unix:"), r#"the endpoint "unix:" has no path: add path=… at column 6"#);
    for mode in ["", "8", "0x1ff", "-1", "1777", "00777", "rw"] {
        let complaint = format!(
            r#"the endpoint "unix:x:mode={mode}" has a bad mode "{mode}" at column 8: it must be an octal number from 0 to 777, as in 660"#
        );
        assert_eq!(server_error(&format!("unix:x:mode={mode}")), complaint);
    }
    let complaint = server_error("unix:@x:mode=660");
    assert!(complaint.ends_with("an abstract name has no permissions: everybody may connect"), "{complaint}");
    for text in ["unix:@", "unix::"] {
        assert!(server_error(text).contains("has no path: write one, as in /run/chat.sock"), "{text}");
        assert!(client_error(text).contains("has no path: write one, as in /run/chat.sock"), "{text}");
    }
    assert!(server_error("unix:x:lockfile=maybe").ends_with("it must be yes or no"));
}

#[test]
fn systemd_sockets_are_named_by_one_of_two() {
    for text in ["systemd:index=0", "systemd:name=web", "systemd:domain=INET:index=0", "systemd:UNIX:name=a"]
    {
        assert_eq!(server_endpoint(text).unwrap().to_string(), text);
    }
    assert_eq!(
        server_error("systemd:"),
        r#"the endpoint "systemd:" has no index and no name: add one of them at column 9"#
    );
    assert_eq!(
        server_error("systemd:index=0:name=web"),
        r#"the endpoint "systemd:index=0:name=web" has a bad name "web" at column 17: there is an index too: leave one of them out"#
    );
    let complaint = server_error("systemd:web");
    assert!(complaint.ends_with("be left out; sockets are named by index= or name="), "{complaint}");
    let error = server_endpoint("systemd:name=web").unwrap();
    let error = error.listen(&Reactor::new().unwrap(), greeter("").0).unwrap_err().to_string();
    assert!(error.starts_with("listening on systemd:web: no sockets were passed"), "{error}");
}

#[test]
fn stdio_has_no_arguments() {
    for text in ["stdio", "stdio:", "STDIO:"] {
        assert_eq!(server_endpoint(text).unwrap().to_string(), "stdio:");
    }
    assert!(server_error("stdio:x").contains("has an argument too many at column 7"));
    assert!(client_error("stdio:").contains("is of an unknown kind"));
}

/// Says whom it sees.
struct WhoAmI;

impl Protocol for WhoAmI {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(transport.peer().to_string());
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

/// What a peer on 127.0.0.1 is told that begins with a PROXY header.
#[track_caller]
fn told_behind_header(endpoint: &str) -> io::Result<String> {
    let mut reactor = Reactor::new().unwrap();
    let port = server_endpoint(endpoint).unwrap().listen(&reactor, for_protocol(|| WhoAmI)).unwrap();
    let address = port.address().socket().unwrap();
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 80\r\n")?;
        let mut said = String::new();
        stream.read_to_string(&mut said).map(|_| said)
    });
    common::run_until(&mut reactor, || client.is_finished());
    client.join().unwrap()
}

#[test]
fn proxy_believes_the_header_over_whatever_it_wraps() {
    for text in ["proxy:tcp:0:interface=127.0.0.1", "HAPROXY:127.0.0.1:0"] {
        assert_eq!(told_behind_header(text).unwrap(), "192.0.2.1:4000");
    }
    assert!(server_error("proxy:tcp:x").contains("has a bad port \"x\" at column 11"));
    assert!(server_error("proxy:").contains("has no kind at column 7"));
}

#[test]
fn proxy_believes_the_networks_alone_that_it_is_told_to_trust() {
    for networks in ["127.0.0.0/8", "[::1,127.0.0.1]", r"fd00\:\:/8, 127.0.0.1"] {
        let text = format!("proxy:trusted={networks}:127.0.0.1:0");
        assert_eq!(told_behind_header(&text).unwrap(), "192.0.2.1:4000");
        assert_eq!(server_endpoint(&text).unwrap().to_string(), text);
    }
    // Who is refused may hear of a reset, as nobody has read what it sent.
    let told = told_behind_header("proxy:Trusted=10.0.0.0/8,192.0.2.1:tcp:0:interface=127.0.0.1");
    assert!(told.as_deref().unwrap_or_default().is_empty(), "{told:?}");
}

#[test]
fn what_is_wrong_with_trusted_networks_is_told() {
    let complaint =
        "it must be networks with commas between them, as in 10.0.0.0/8,192.0.2.1 or [fd00::/8,::1]";
    for (written, value) in [
        ("", ""),
        ("10.0.0.0/33", "10.0.0.0/33"),
        ("::1/128", ""),
        ("10.0.0.1,", "10.0.0.1,"),
        ("proxy", "proxy"),
    ] {
        let said = server_error(&format!("proxy:trusted={written}:tcp:0"));
        assert!(said.ends_with(&format!("has a bad trusted {value:?} at column 7: {complaint}")), "{said}");
    }
    let said = server_error("proxy:trusted=10.0.0.0/8");
    assert!(said.contains("has no kind at column 25: begin with one, as in tcp:8123"), "{said}");
    let said = server_error("proxy:tcp:8123:trusted=10.0.0.0/8");
    assert!(
        said.ends_with(
            "has a bad trusted \"10.0.0.0/8\" at column 16: write it before what is described, as in proxy:trusted=10.0.0.0/8:tcp:8123"
        ),
        "{said}"
    );
    let said = server_error("proxy:trusted=10.0.0.0/8:tcp:8123:trust=10.0.0.0/8");
    assert!(said.contains("has an unknown key \"trust\" at column 35"), "{said}");
}

/// A SOCKS proxy that wants these credentials and then speaks as the target.
fn socks_proxy(credentials: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut expect = |bytes: &[u8], answer: &[u8]| {
            let mut received = vec![0; bytes.len()];
            stream.read_exact(&mut received).unwrap();
            assert_eq!(received, bytes);
            stream.write_all(answer).unwrap();
        };
        expect(b"\x05\x02\x00\x02", b"\x05\x02");
        expect(credentials, b"\x01\x00");
        expect(b"\x05\x01\x00\x03\x0bexample.org\x00\x50", b"\x05\x00\x00\x01\0\0\0\0\0\0the target");
    });
    port
}

#[test]
fn socks5_goes_through_the_proxy_with_credentials() {
    let port = socks_proxy(b"\x01\x05alice\x03a:b");
    let text = format!(r"socks5:127.0.0.1:{port}:example.org:80:username=alice:password=a\:b");
    hears(&mut Reactor::new().unwrap(), &text, "the target");
}

#[test]
fn what_is_wrong_with_socks5_is_told() {
    assert_eq!(
        client_error("socks5:127.0.0.1:1080:example.org"),
        r#"the endpoint "socks5:127.0.0.1:1080:example.org" has no port: add port=… at column 34"#
    );
    let lone = client_error("socks5:127.0.0.1:1080:example.org:80:username=alice");
    assert!(lone.contains("has no password: add password=…"), "{lone}");
    let lone = client_error("socks5:127.0.0.1:1080:example.org:80:password=x");
    assert!(lone.contains("has no username: add username=…"), "{lone}");
    let empty = client_error("socks5:127.0.0.1:1080:example.org:80:username=:password=x");
    assert!(empty.contains("the user name for the SOCKS proxy has 0 bytes"), "{empty}");
    let host = client_error("socks5:127.0.0.1:1080:a b:80");
    assert!(host.contains("has a bad host \"a b\" at column 23"), "{host}");
}

#[test]
fn an_unix_server_that_is_gone_is_an_error() {
    let mut reactor = Reactor::new().unwrap();
    let result = Rc::new(RefCell::new(None));
    let for_result = Rc::clone(&result);
    let endpoint = client_endpoint("unix:/nonexistent/socket").unwrap();
    endpoint.connect(&reactor, greeter("").0).then(move |value| *for_result.borrow_mut() = Some(value));
    common::run_until(&mut reactor, || result.borrow().is_some());
    let error = result.take().unwrap().unwrap_err().to_string();
    assert!(error.starts_with("connecting to /nonexistent/socket: No such file"), "{error}");
}

#[test]
fn passwords_are_not_shown() {
    let proxy = "socks5:127.0.0.1:1080:a:80:username=u";
    for (written, shown) in [
        ("password=secret", "password=***"),
        (r"password=se\:secret\=", "password=***"),
        ("pass_word=[se:secret]", "pass_word=***"),
        ("PASSWORD=secret:timeout=5", "PASSWORD=***:timeout=5"),
        ("password=", "password=***"),
    ] {
        let written = format!("{proxy}:{written}");
        if let Ok(endpoint) = client_endpoint(&written) {
            assert_eq!(endpoint.to_string(), format!("{proxy}:{shown}"));
            assert_eq!(format!("{endpoint:?}"), format!("DescribedEndpoint(\"{proxy}:{shown}\")"));
        }
        let error = client_endpoint(&format!("{written}:bind_address=x")).unwrap_err();
        assert_eq!(error.description(), format!("{proxy}:{shown}:bind_address=x"));
        assert_eq!(&error.description()[error.position()..], "bind_address=x");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn passwords_are_not_shown_however_broken_the_description_is() {
    for text in [
        r"socks5:password=secret\",
        r"socks5:password=a\:secret:\",
        "socks5:password=[secret",
        "socks5:passwrod=secret:x",
        "sokcs5:password=secret",
        "tcp:80:password=secret",
        "socks5:password=secret:password=secret",
        r"tls:x:endpoint=socks5\:password\=secret\\\:secret\:x\:y",
        r"tls:x:endpoint=tls\:endpoint\=socks5\\\:password\\\=secret",
        "127.0.0.1:443:password=secret",
        "localhost:password=secret:",
        "[::1]:pass_word=secret",
        r"tls:x:endpoint=localhost\:443\:password\=secret",
        "socks5:[::1:1080:password=secret",
        "[::1:1080:PassWord=secret",
        "socks5:username=[:password=secret:x",
        r"tls:x:endpoint=[socks5\:::1\:password\=secret",
        "password=secret",
        r"PassWord=a\:secret:socks5",
        "socks5:localhost:1080:example.org:80:alice:secret",
        "socks5:localhost:1080:example.org:80:secret:timeout=5",
        "socks5:localhost:1080:example.org:80:timout=5:secret",
        r"ws:example.org:80:endpoint=socks5\:localhost\:1080\:example.org\:80\:alice\:secret",
        r"ws:x:endpoint=ws\:x\:endpoint\=socks5\\\:localhost\\\:1080\\\:x\\\:80\\\:secret",
        "socks5://alice:secret@localhost:1080",
        "socks5://alice:se:cret:secret@localhost:1080:example.org:80",
        "sokcs5://alice:secret@localhost:1080",
        "ws://alice:secret@example.org/chat",
        r"ws:x:endpoint=socks5\://alice\:secret@localhost\:1080",
    ] {
        let error = client_endpoint(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert!(error.to_string().contains("***"), "{error}");
        assert!(error.description().is_char_boundary(error.position()), "{error:?}");
    }
    let error = client_endpoint("socks5:localhost:1080:example.org:80:alice:secret").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"the endpoint "socks5:localhost:1080:example.org:80:***" has an argument too many at column 38: without a key there are only proxy_host, proxy_port, host, port; a : in a value is written \:"#
    );
    let error = client_endpoint("socks5://alice:secret@localhost:1080").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"the endpoint "socks5://alice:***@localhost:1080" has a bad URL "socks5://alice:***@localhost:1080" at column 8: it takes no URL: write it as in socks5:localhost:1080:example.org:80:username=alice:password=…"#
    );
    let error = client_endpoint(r"socks5:password=é\").unwrap_err();
    assert_eq!((error.problem(), error.position()), (&DescriptionProblem::LoneBackslash, 16));
}

#[test]
fn passwords_are_not_shown_of_a_description_in_any_argument() {
    for written in [r"wrap:via=socks5\:password\=secret\:x", r"wrap:socks5\:password\=secret\:x"] {
        let error = client_endpoint(written).unwrap_err();
        assert_eq!(error.description(), written.replace("secret", "***"));
    }
    let surplus =
        client_endpoint(r"ws:example.org:80:endpoint=socks5\:[\:\:1]\:1080\:a\:80\:b\:c").unwrap_err();
    assert_eq!(surplus.description(), r"ws:example.org:80:endpoint=socks5\:[\:\:1]\:1080\:a\:80\:***");
    let error = client_endpoint(r"wrap:via=socks5\:password\=secret\").unwrap_err();
    assert_eq!(error.description(), r"wrap:via=socks5\:password\=***");
}

#[test]
fn an_error_is_told_however_deep_the_description_pretends_to_be() {
    let deep = format!("tcp:{}", "endpoint=".repeat(20_000));
    assert_eq!(client_endpoint(&deep).unwrap_err().description(), deep);
    let error = client_endpoint(&format!("{deep}password=secret")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}
