//! However a SOCKS proxy's answers are cut, the same is made of them; no more is left than one answer has at most.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use ropewalk::{Layer, LayerState, Socks5Credentials, Socks5Layer, Socks5Options};
use ropewalk_fuzz::{Choices, cuts};

/// A reply with the longest name: four bytes, the name after its length, and the port.
const REPLY_MAX: usize = 4 + 1 + 255 + 2;

/// What came of some answers.
#[derive(PartialEq, Eq, Debug)]
struct Outcome {
    said: Vec<u8>,
    /// What is not the proxy's but the target's, or the error.
    rest: Result<Vec<u8>, String>,
    state: LayerState,
    addresses: Option<(String, String)>,
}

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let target = choices.one_of(&["example.com:80", "192.0.2.1:80", "[2001:db8::1]:443"]);
    let (with_credentials, size) = (choices.yes(), choices.byte());
    let answers = choices.rest();
    let [whole, others @ ..] = cuts(answers, size).map(|parts| run(target, with_credentials, &parts));
    for other in others {
        assert_eq!(other, whole);
    }
    let is_open = whole.state == LayerState::Transparent;
    assert_eq!(whole.addresses.is_some(), is_open && !target.starts_with("example"));
    if let Ok(rest) = whole.rest {
        assert!(answers.ends_with(&rest) && (is_open || rest.len() < REPLY_MAX));
    }
});

fn run(target: &str, with_credentials: bool, parts: &[&[u8]]) -> Outcome {
    let mut options = Socks5Options::default();
    let credentials = Socks5Credentials::new("alice", "secret").expect("they are short");
    options.credentials = with_credentials.then_some(credentials);
    let target = target.parse().expect("it is an address");
    let mut layer = Socks5Layer::new(Rc::new(target), Rc::new(options));
    let mut said = Vec::new();
    let rest = negotiate(&mut layer, parts, &mut said).map_err(|error| error.to_string());
    let addresses = layer.addresses().map(|(peer, host)| (peer.to_string(), host.to_string()));
    Outcome { said, rest, state: layer.state(), addresses }
}

fn negotiate(layer: &mut Socks5Layer, parts: &[&[u8]], said: &mut Vec<u8>) -> ropewalk::Result<Vec<u8>> {
    let (mut held, mut up) = (Vec::new(), Vec::new());
    layer.begin(said)?;
    for part in parts {
        held.extend_from_slice(part);
        if layer.state() == LayerState::Opening {
            let used = layer.received(&mut held, &mut up, said)?;
            held.drain(..used);
        }
    }
    assert!(up.is_empty(), "such a layer passes nothing up");
    Ok(held)
}
