//! A text is an endpoint, whose canonical form is read as itself, or an error that names the place, in one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::{DescriptionError, DescriptionProblem, client_endpoint, server_endpoint};

/// Stands for a password in all that is shown.
const HIDDEN: &str = "***";

fuzz_target!(|text: &str| {
    // Descriptions of TLS name files, which are read. Without slashes they are none that never end.
    if text.contains('/') {
        return;
    }
    check(text, |text| server_endpoint(text).map(|endpoint| endpoint.to_string()));
    check(text, |text| client_endpoint(text).map(|endpoint| endpoint.to_string()));
});

fn check(text: &str, describe: impl Fn(&str) -> Result<String, DescriptionError>) {
    match describe(text) {
        Ok(canonical) if canonical.contains(HIDDEN) => {}
        Ok(canonical) => assert_eq!(describe(&canonical), Ok(canonical)),
        Err(error) => check_error(text, &error),
    }
}

fn check_error(text: &str, error: &DescriptionError) {
    let message = error.to_string();
    assert!(!message.contains(['\n', '\r']), "{message:?}");
    assert!(error.description() == text || error.description().contains(HIDDEN), "{message}");
    let before = error.description().get(..error.position()).expect("the place is in the text");
    let column = format!("column {}", before.chars().count() + 1);
    let is_address = matches!(error.problem(), DescriptionProblem::Address(_));
    assert!(is_address || message.contains(&column), "{message:?} does not name {column}");
}
