//! The kinds `ws` and `wss`.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use common::greeter;
use ropewalk_endpoints::{
    ClientEndpoint, DescriptionProblem, EndpointRegistry, ServerEndpoint, client_endpoint, quote_argument,
    server_endpoint,
};
use ropewalk_protocols::{HttpRequest, HttpResponse, WebSocketServerConfig, WebSocketUrl};
use ropewalk_reactor::Reactor;
use ropewalk_reactor::testing::Memory;

/// What a client hears from a server, where `PORT` is the server's port, or why it is not connected.
fn talk(server: &str, client: &str) -> Result<String, String> {
    talk_in(&EndpointRegistry::standard(), server, client)
}

/// The same with a server of this registry.
fn talk_in(registry: &EndpointRegistry, server: &str, client: &str) -> Result<String, String> {
    let mut reactor = Reactor::new().unwrap();
    let (welcome, heard_there) = greeter("welcome");
    let port = registry.server(server).unwrap().listen(&reactor, welcome).unwrap();
    let number = port.address().port().unwrap_or_default().to_string();
    let (hello, heard) = greeter("hello");
    let end = Rc::new(RefCell::new(None));
    let ended = Rc::clone(&end);
    let client = client_endpoint(&client.replace("PORT", &number)).unwrap();
    client.connect(&reactor, hello).then(move |result| *ended.borrow_mut() = Some(result));
    common::run_until(&mut reactor, || match &*end.borrow() {
        Some(Ok(_)) => *heard.borrow() == b"welcome" && *heard_there.borrow() == b"hello",
        Some(Err(_)) => true,
        None => false,
    });
    let result = end.take().unwrap();
    result.map(|_| String::from_utf8(heard.take()).unwrap()).map_err(|error| error.to_string())
}

#[test]
fn the_endpoint_under_a_url_is_a_description() {
    for (url, expected) in
        [("ws://[::1]:8000/chat", "tcp:[::1]:8000"), ("ws://Example.org/chat", "tcp:Example.org:80")]
    {
        let url: WebSocketUrl = url.parse().unwrap();
        assert_eq!(client_endpoint(&url.endpoint()).unwrap().to_string(), expected);
    }
    for host in ["timeout=5", r"a\b", "[::1%eth0]"] {
        let url: WebSocketUrl = format!("ws://{host}/").parse().unwrap();
        let error = client_endpoint(&url.endpoint()).unwrap_err();
        let DescriptionProblem::BadValue { name, value, .. } = error.problem() else { panic!("{error}") };
        assert_eq!((name.as_str(), value.as_str()), ("host", host));
    }
}

#[test]
fn servers_and_clients_of_all_spellings_get_along() {
    let welcome = Ok("welcome");
    for server in [
        "ws:0",
        "WS:0:127.0.0.1:5:reuse_port=no:text=yes",
        "ws:0:interface=127.0.0.1:path=/:text=no",
        r"ws:endpoint=tcp\:0\:interface\=127.0.0.1:subprotocol=binary,base64",
        r"ws:0:origin=https\://a.example, https\://b.example",
    ] {
        assert_eq!(talk(server, "ws:127.0.0.1:PORT").as_deref(), welcome, "{server}");
    }
    for client in [
        "ws:localhost:PORT:path=/chat?room=1:timeout=5",
        "ws:127.0.0.1:PORT:path=/chat:bind_address=127.0.0.1:text=yes:subprotocol=binary",
        r"ws:127.0.0.1:PORT:path=/chat:origin=https\://a.example",
        r"ws:name.example:path=/chat:endpoint=tcp\:127.0.0.1\:PORT",
        "ws://127.0.0.1:PORT/chat",
        "WS://localhost:PORT/chat?a=b=c:d",
    ] {
        let server = r"ws:0:interface=127.0.0.1:path=/chat:origin=https\://a.example";
        assert_eq!(talk(server, client).as_deref(), welcome, "{client}");
    }
}

/// When a WebSocket of such a server is asked for a sign of life, in seconds.
fn asked_after(server: &str) -> Option<u64> {
    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let (silent, _) = greeter("");
    let port = server_endpoint(server).unwrap().listen(&reactor, silent).unwrap();
    memory.settle(&mut reactor);
    let peer =
        memory.connect(format!("127.0.0.1:{}", port.address().port().unwrap()).parse().unwrap()).unwrap();
    peer.send(REQUEST);
    memory.settle(&mut reactor);
    assert!(peer.received().starts_with(b"HTTP/1.1 101 "));
    (1..=100).find(|_| {
        memory.run_for(&mut reactor, Duration::from_secs(1));
        !peer.received().is_empty()
    })
}

#[test]
fn heartbeats_are_described_in_seconds() {
    for (argument, after) in
        [("", Some(30)), (":heartbeat=5", Some(5)), (":heartbeat=off", None), (":heartbeat=0", None)]
    {
        let server = format!("ws:0:interface=127.0.0.1{argument}");
        assert_eq!(asked_after(&server), after, "{server}");
    }
    assert_eq!(talk("ws:0:heartbeat=5", "ws:127.0.0.1:PORT:heartbeat=0.5").as_deref(), Ok("welcome"));
}

#[test]
fn who_is_not_wanted_is_refused() {
    let server = r"ws:0:interface=127.0.0.1:path=/chat:origin=https\://a.example";
    let path = talk(server, "ws://127.0.0.1:PORT/").unwrap_err();
    assert!(path.contains("the status 404 (Not Found) instead of 101"), "{path}");
    let origin = talk(server, r"ws:127.0.0.1:PORT:path=/chat:origin=https\://b.example").unwrap_err();
    assert!(origin.contains("the status 403 (Forbidden) instead of 101"), "{origin}");
    let plain = talk("tcp:0:interface=127.0.0.1", "ws:127.0.0.1:PORT").unwrap_err();
    assert!(plain.contains("the peer does not speak HTTP/1.1"), "{plain}");
}

#[test]
fn a_registry_may_say_what_all_servers_do() {
    let mut registry = EndpointRegistry::standard();
    let refuse_guests = |request: &HttpRequest<'_>| match request.query() {
        Some("guest") => Err(HttpResponse::new(403)),
        _ => Ok(()),
    };
    registry.set_websocket_config(WebSocketServerConfig::new().path("/chat").accept_if(refuse_guests));
    let here = "ws:0:interface=127.0.0.1";
    let elsewhere = format!("{here}:path=/elsewhere");
    for (server, path, expected) in [
        (here, "/chat", None),
        (here, "/elsewhere", Some("404")),
        (&elsewhere, "/elsewhere", None),
        (&elsewhere, "/chat", Some("404")),
        (&elsewhere, "/elsewhere?guest", Some("403")),
    ] {
        let talked = talk_in(&registry, server, &format!("ws://127.0.0.1:PORT{path}"));
        match expected {
            None => assert_eq!(talked.as_deref(), Ok("welcome"), "{server} {path}"),
            Some(status) => assert!(talked.unwrap_err().contains(status), "{server} {path}"),
        }
    }
}

#[test]
fn what_is_shown_describes_the_same() {
    for text in ["ws:8080:path=/chat", r"ws:8080:origin=https\://a.example", r"ws:8080:path=/a\:b\=c"] {
        let shown = server_endpoint(text).unwrap().to_string();
        assert_eq!(shown, text);
    }
    for url in ["ws://a.example/chat?a=b=c:d", "ws://[::1]:8080/", "ws://a.example", "ws://a:80"] {
        let shown = client_endpoint(url).unwrap().to_string();
        assert_eq!(client_endpoint(&shown).unwrap().to_string(), shown);
        // Also where a URL is the value of a key.
        let nested = format!("ws:a:1:endpoint={}", quote_argument(url));
        let shown = client_endpoint(&nested).unwrap().to_string();
        assert_eq!(client_endpoint(&shown).unwrap().to_string(), shown);
    }
}

#[test]
fn what_is_wrong_is_told() {
    for (text, complaint) in [
        ("ws:", "has no port: add port=…"),
        ("ws:8080:path=chat", r#"has a bad path "chat" at column 9: it must begin with /"#),
        ("ws:8080:path=/ä", "it must begin with / and be of visible ASCII characters"),
        ("ws:8080:origin=a,,b", "it must be one text or more, separated by commas"),
        ("ws:8080:text=maybe", "it must be yes or no"),
        ("ws:8080:heartbeat=often", "it must be a number of seconds, as in 5 or 0.5, or off"),
        (r"ws:8080:endpoint=tcp\:1", "leave it out, as endpoint says what it goes over"),
        (r"ws:endpoint=tpc\:1", r#"the endpoint "tpc:1" is of an unknown kind"#),
        ("ws:8080:paht=/", "did you mean path?"),
        (
            "ws://0.0.0.0:8080/chat",
            r#"has a bad URL "ws://0.0.0.0:8080/chat" at column 4: URLs are for clients: to listen write a port, as in ws:8080:path=/chat"#,
        ),
    ] {
        let error = server_endpoint(text).unwrap_err().to_string();
        assert!(error.contains(complaint), "{text}: {error}");
    }
    for (text, complaint) in [
        ("ws:localhost", "has no port: add port=…"),
        ("ws:localhost:80:path=chat", "it must begin with /"),
        (
            "ws:localhost:80:path=/#here",
            r##"has a bad path "/#here" at column 17: it may not have a fragment"##,
        ),
        ("ws:a/b:80", r#"the endpoint "ws:a/b:80" has a bad host"#),
        ("ws://", r#"has a bad URL "ws://" at column 4: it names no host"#),
        ("ws://localhost:port/", "its port is no number of a port"),
        ("ws://user@localhost/", "it may not have a user"),
        (r"ws:a:80:timeout=5:endpoint=tcp\:b\:1", "leave it out, as endpoint says what it goes over"),
    ] {
        let error = client_endpoint(text).unwrap_err().to_string();
        assert!(error.contains(complaint), "{text}: {error}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_the_feature_there_is_no_wss() {
    let needs = "is of the kind wss, which needs the feature tls of ropewalk: the program is built without";
    assert!(server_endpoint("wss:8443").unwrap_err().to_string().ends_with(needs));
    for text in ["wss:localhost:443", "wss://localhost/"] {
        assert!(client_endpoint(text).unwrap_err().to_string().ends_with(needs));
    }
}
