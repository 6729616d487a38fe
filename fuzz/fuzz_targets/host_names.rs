//! A name is good exactly if it is made of labels of 1 to 63 allowed characters, 253 in all, the last one no number.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::check_host_name;

fuzz_target!(|name: &str| {
    let checked = check_host_name(name);
    assert_eq!(checked.is_ok(), is_good(name), "{checked:?}");
    if let Err(problem) = checked {
        assert!(!problem.to_string().contains(['\n', '\r']), "{problem}");
    }
});

fn is_good(name: &str) -> bool {
    let labels: Vec<&str> = name.strip_suffix('.').unwrap_or(name).split('.').collect();
    let length = labels.iter().map(|label| label.len() + 1).sum::<usize>() - 1;
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let label_is_good = |label: &&str| (1..=63).contains(&label.len()) && label.chars().all(is_allowed);
    length <= 253 && labels.iter().all(label_is_good) && labels.last().is_some_and(|last| !is_number(last))
}

/// Whether something that reads old forms of addresses might take it for a number.
fn is_number(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    match label.strip_prefix("0x") {
        Some(digits) => digits.chars().all(|digit| digit.is_ascii_hexdigit()),
        None => label.chars().all(|digit| digit.is_ascii_digit()),
    }
}
