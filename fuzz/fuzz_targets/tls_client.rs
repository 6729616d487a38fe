//! Whatever a peer answers to a TLS client, however it is cut, the connection ends in the same way and holds little.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::{TlsClientEndpoint, TlsVersion};
use ropewalk_fuzz::{Choices, NAME, cuts, hear_as_client, with_friends};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let version = choices.one_of(&[TlsVersion::Tls13, TlsVersion::Tls12]);
    let size = choices.byte();
    with_friends(version, |friends| {
        let [whole, others @ ..] = cuts(choices.rest(), size).map(|parts| {
            hear_as_client(&parts, |tcp| {
                TlsClientEndpoint::new(tcp, NAME, friends.client.clone()).expect("it is a good name")
            })
        });
        for other in others {
            assert_eq!(other, whole);
        }
    });
});
