//! Descriptions by the thousand.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk_endpoints::{
    DescriptionProblem, EndpointRegistry, client_endpoint, quote_argument, server_endpoint,
};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    fn text(&mut self, pieces: &[&str], length_max: usize) -> String {
        (0..self.below(length_max + 1)).map(|_| pieces[self.below(pieces.len())]).collect()
    }
}

const SEED: u64 = 20;

const CHARACTERS: [&str; 12] = [":", "=", "\\", "[", "]", "a", "k", "0", "é", "🦀", " ", "_"];

const WORDS: [&str; 20] = [
    ":",
    ":",
    ":",
    "=",
    "\\",
    "[",
    "]",
    "[::1]",
    "tcp",
    "tcp6",
    "localhost",
    "127.0.0.1",
    "80",
    "65536",
    "interface=",
    "backlog=",
    "timeout=",
    "bind_address=",
    "port",
    "é",
];

#[test]
fn whatever_is_described_there_is_an_endpoint_or_an_error_in_the_text() {
    let mut random = Random(SEED);
    let mut endpoints = 0;
    for _ in 0..20_000 {
        let beginning = ["", "tcp:80:", "tcp6:80", "tcp:127.0.0.1:"][random.below(4)];
        let text = format!("{beginning}{}", random.text(&WORDS, 6));
        let results = [
            server_endpoint(&text).map(|endpoint| endpoint.to_string()),
            client_endpoint(&text).map(|endpoint| endpoint.to_string()),
        ];
        for result in results {
            match result {
                Ok(_) => endpoints += 1,
                Err(error) => {
                    assert!(text.is_char_boundary(error.position()), "{error:?}");
                    assert!(!error.to_string().contains('\n'), "{error}");
                }
            }
        }
    }
    assert!(endpoints > 500, "only {endpoints} were right, so little was tried");
}

#[test]
fn the_canonical_form_is_read_as_itself() {
    let mut registry = EndpointRegistry::standard();
    registry.register_server("k", |_| Ok(Box::new(server_endpoint("tcp:0")?)));
    let mut random = Random(SEED);
    let mut right = 0;
    for _ in 0..20_000 {
        let text = format!("k:{}", random.text(&CHARACTERS, 12));
        match registry.server(&text) {
            Ok(endpoint) => {
                right += 1;
                let canonical = endpoint.to_string();
                assert_eq!(registry.server(&canonical).unwrap().to_string(), canonical, "{text:?}");
            }
            Err(error) => assert!(
                matches!(
                    error.problem(),
                    DescriptionProblem::LoneBackslash | DescriptionProblem::UnclosedBracket
                ),
                "{error}"
            ),
        }
    }
    assert!(right > 5_000, "only {right} were right");
}

#[test]
fn quoted_values_arrive_and_so_do_those_of_the_canonical_form() {
    let mut registry = EndpointRegistry::standard();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let hears = Rc::clone(&heard);
    registry.register_server("k", move |arguments| {
        let ([first, second], [key]) = arguments.parameters(["first", "second"], ["key"])?;
        *hears.borrow_mut() = vec![first.required::<String>()?, second.required()?, key.required()?];
        Ok(Box::new(server_endpoint("tcp:0")?))
    });
    let mut random = Random(SEED);
    for _ in 0..10_000 {
        let values: Vec<String> = (0..3).map(|_| random.text(&CHARACTERS, 6)).collect();
        let [first, second, key] = [0, 1, 2].map(|index| quote_argument(&values[index]));
        let endpoint = registry.server(&format!("k:{first}:key={key}:{second}")).unwrap();
        assert_eq!(heard.take(), values);
        registry.server(&endpoint.to_string()).unwrap();
        assert_eq!(heard.take(), values, "{endpoint}");
    }
}
