//! How connections end, and what happens to their keys before.

use ropewalk_interop::{Running, Signal};

use crate::client::{VERSIONS, World};

#[test]
fn a_servers_close_is_heard() {
    let world = World::new();
    for (version, _) in VERSIONS {
        // It says "closed" if there was a close_notify, and complains if not.
        let mut client = Running::start(&mut world.client(&[version, "-msg"]));
        world.server.made();
        client.say("quit\n");
        let finished = client.finish();
        assert!(finished.status.success(), "{finished:?}");
        let heard = finished.output.split("<<< ").last().unwrap();
        assert!(heard.contains("close_notify") && heard.contains("\nclosed\n"), "{heard}");
        assert_eq!(world.server.lost(), "the connection was closed cleanly");
    }
}

#[test]
fn a_client_that_is_killed_was_cut_off() {
    let world = World::new();
    for (version, _) in VERSIONS {
        let mut client = Running::start(world.client(&[version]).arg("-quiet"));
        world.server.made();
        client.say("a word\n");
        client.until("a word\n");
        client.signal(Signal::SIGKILL);
        let lost = "the peer closed the connection without saying that its input was over";
        assert_eq!(world.server.lost(), lost);
        world.assert_serves();
    }
}

/// As often as a client likes, as long as it says something in between.
#[test]
fn keys_are_updated() {
    let world = World::new();
    let mut client = Running::start(&mut world.client(&["-tls1_3", "-msg"]));
    world.server.made();
    for number in 0..100 {
        // Small: keys of its own; large: of the server's too.
        client.say(if number % 2 == 0 { "K\n" } else { "k\n" });
        client.until_error("KEYUPDATE\n");
        let word = format!("word {number} end\n");
        client.say(&word);
        client.until(&word);
    }
    client.say("Q\n");
    assert!(client.finish().status.success());
    world.server.ended();
    assert_eq!(world.server.lost(), "the connection was closed cleanly");
}

#[test]
fn renegotiation_is_refused_without_harm() {
    let world = World::new();
    let mut client = Running::start(&mut world.client(&["-tls1_2"]));
    world.server.made();
    client.say("R\n");
    let finished = client.finish();
    assert!(finished.errors.contains("no renegotiation"), "{finished:?}");
    // OpenSSL gives up then.
    let lost = "the peer found nothing that both sides can do: handshake failure";
    assert_eq!(world.server.lost(), lost);
    world.assert_serves();
}
