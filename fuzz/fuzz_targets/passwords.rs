//! Whatever stands around it, the value of a key that begins with `passw` is never shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::{DescriptionError, client_endpoint, quote_argument, server_endpoint};
use ropewalk_fuzz::Choices;

const SECRET: &str = "correct horse";

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let key = choices.one_of(&["password", "PassWord", "pass_word", "passwd"]);
    let quotes = choices.below(3);
    let before = choices.text();
    let after = String::from_utf8_lossy(choices.rest());
    // A backslash before the colon, or brackets around it, make it no key.
    if before.ends_with('\\') || (before.contains('[') && after.contains(']')) {
        return;
    }
    let mut text = format!("{before}:{key}={SECRET}{after}");
    for _ in 0..quotes {
        text = format!("tls:443:endpoint={}", quote_argument(&text));
    }
    // Descriptions of TLS name files, which are read. Without slashes they are none that never end.
    if text.contains('/') {
        return;
    }
    check(server_endpoint(&text).map(|endpoint| format!("{endpoint} {endpoint:?}")));
    check(client_endpoint(&text).map(|endpoint| format!("{endpoint} {endpoint:?}")));
});

fn check(described: Result<String, DescriptionError>) {
    let shown = described.unwrap_or_else(|error| format!("{error} {error:?}"));
    assert!(!shown.contains(SECRET), "{shown}");
}
