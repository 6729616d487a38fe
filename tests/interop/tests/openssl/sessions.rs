//! Sessions that go on in another connection.

use ropewalk::TlsServerConfigBuilder;
use ropewalk_interop::Running;

use crate::client::World;

/// Whether a second connection resumes what the first has left.
#[track_caller]
fn resumes(world: &World, arguments: &[&str]) -> bool {
    let file = world.authority.file("session");
    let path = file.to_str().unwrap();
    assert!(!talk(world, arguments, ["-sess_out", path], "New, "));
    let resumed = talk(world, arguments, ["-sess_in", path], "");
    std::fs::remove_file(file).unwrap();
    resumed
}

/// Whether a session went on.
#[track_caller]
fn talk(world: &World, arguments: &[&str], session: [&str; 2], expected: &str) -> bool {
    let mut client = Running::start(world.client(arguments).args(session));
    client.say("a word\n");
    let said = client.until("\na word\n");
    let info = world.server.made();
    // Tickets of TLS 1.3 come after the handshake.
    assert!(said.contains(expected), "{said}");
    assert_eq!(said.contains("Reused, "), info.resumed, "{said}");
    client.say("Q\n");
    assert!(client.finish().status.success());
    world.server.ended();
    world.server.lost();
    info.resumed
}

fn without_tickets(builder: TlsServerConfigBuilder) -> TlsServerConfigBuilder {
    builder.session_tickets(false)
}

fn without_cache(builder: TlsServerConfigBuilder) -> TlsServerConfigBuilder {
    builder.session_cache(0)
}

#[test]
fn sessions_are_resumed_by_ticket_and_by_memory() {
    for change in [|builder| builder, without_tickets, without_cache] {
        let world = World::with(move |builder, _| change(builder));
        for version in ["-tls1_2", "-tls1_3"] {
            assert!(resumes(&world, &[version]), "{version}");
        }
    }
}

#[test]
fn a_client_that_takes_no_tickets_is_remembered() {
    let world = World::new();
    assert!(resumes(&world, &["-tls1_2", "-no_ticket"]));
}

#[test]
fn resumption_can_be_switched_off() {
    let world = World::with(|builder, _| without_tickets(without_cache(builder)));
    // OpenSSL keeps a session if it got something to resume it with.
    for version in ["-tls1_2", "-tls1_3"] {
        let file = world.authority.file("session");
        talk(&world, &[version], ["-sess_out", file.to_str().unwrap()], "New, ");
        assert!(!file.exists());
    }
}

/// A session of one server is nothing to another.
#[test]
fn a_foreign_session_is_not_resumed() {
    for version in ["-tls1_2", "-tls1_3"] {
        let (first, second) = (World::new(), World::new());
        let file = first.authority.file("session");
        let path = file.to_str().unwrap();
        talk(&first, &[version], ["-sess_out", path], "New, ");
        assert!(!talk(&second, &[version], ["-sess_in", path], "New, "));
    }
}
