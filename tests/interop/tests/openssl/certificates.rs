//! Certificates of clients.

use ropewalk_interop::{Authority, Identity, Running};

use crate::client::{VERSIONS, World};

fn certificate(identity: &Identity) -> [String; 2] {
    ["-cert".to_owned(), identity.path().to_str().unwrap().to_owned()]
}

/// Sees that a client is served. Returns whether it has shown a certificate.
#[track_caller]
fn served(world: &World, arguments: &[&str]) -> bool {
    let mut client = Running::start(world.client(arguments).arg("-quiet"));
    client.say("quit\n");
    assert_eq!(client.finish().output, "quit\n");
    let info = world.server.made();
    assert_eq!(world.server.lost(), "the connection was closed cleanly");
    !info.peer_certificates.is_empty()
}

#[test]
fn required_certificates_are_required() {
    let world = World::with(|builder, authority| builder.require_client_certificates(authority.roots()));
    let good = certificate(&world.authority.client());
    let for_servers = certificate(&world.authority.server("client.example"));
    let stranger = Authority::new();
    let stranger = (certificate(&stranger.client()), stranger);
    for (version, _) in VERSIONS {
        assert!(served(&world, &[version, &good[0], &good[1]]));
        let refusals: [(&[String], &str, &str); 3] = [
            (&[], "certificate required|handshake failure", "the peer's certificate is missing"),
            (
                &stranger.0,
                "unknown ca",
                "the peer's certificate is not signed by an authority that this side trusts: unknown issuer, or it is \
                 self-signed",
            ),
            (
                &for_servers,
                "unsupported certificate|bad certificate",
                "the peer's certificate is not meant for this use",
            ),
        ];
        for (shown, alerts, reason) in refusals {
            let shown = shown.iter().map(String::as_str);
            let said = world.refused(&[version].into_iter().chain(shown).collect::<Vec<_>>());
            assert!(alerts.split('|').any(|alert| said.contains(&format!("alert {alert}"))), "{said}");
            assert_eq!(world.server.failed(), reason);
        }
    }
}

#[test]
fn optional_certificates_are_verified_if_shown() {
    let world = World::with(|builder, authority| builder.accept_client_certificates(authority.roots()));
    let good = certificate(&world.authority.client());
    let stranger = Authority::new();
    let bad = certificate(&stranger.client());
    for (version, _) in VERSIONS {
        assert!(!served(&world, &[version]));
        assert!(served(&world, &[version, &good[0], &good[1]]));
        let said = world.refused(&[version, &bad[0], &bad[1]]);
        assert!(said.contains("alert unknown ca"), "{said}");
        assert!(world.server.failed().contains("unknown issuer"));
    }
}

/// The client does not like the server's, and says why.
#[test]
fn a_server_hears_why_it_is_not_believed() {
    let world = World::new();
    let stranger = Authority::new();
    for (version, _) in VERSIONS {
        let said = world.refused(&[version, "-CAfile", stranger.path().to_str().unwrap()]);
        assert!(said.contains("certificate verify failed"), "{said}");
        assert_eq!(world.server.failed(), "the peer rejected our certificate: unknown CA");
        let said = world.refused(&[version, "-verify_hostname", "other.example"]);
        assert!(said.contains("certificate verify failed"), "{said}");
        let reason = "the peer rejected our certificate: bad certificate, perhaps for another name";
        assert_eq!(world.server.failed(), reason);
    }
    world.assert_serves();
}
