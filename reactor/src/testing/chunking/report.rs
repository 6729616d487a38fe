//! What a failing check says.

use std::fmt::Write;

use super::case::{Case, EXHAUSTIVE_MAX, SEED};
use super::run::{Difference, run};
use super::{Make, Outcome};

/// How many events are shown at most, from the first that differs.
const EVENTS_MAX: usize = 8;

/// How many bytes are shown of a part or of the output, at most.
const BYTES_MAX: usize = 120;

/// A callback has panicked on the uncut input.
pub(super) fn panicked(input: &[u8], outcome: &Outcome) -> String {
    let (input, connection) = (bytes(input), &outcome.connection);
    format!(
        "a callback of the protocol panicked on the input in one read\n  input: {input}\n  end: {connection}"
    )
}

/// A case breaks the law, and was shortened from an input of `length` bytes.
pub(super) fn broken(make: Make<'_>, case: &Case, length: usize) -> String {
    let reference = run(make, &Case::whole(&case.input));
    let Some(difference) = run(make, case).difference(&reference) else {
        return "the protocol did not do the same when it was given the same again: the chunking law cannot hold".into();
    };
    let parts: Vec<_> = case.parts().map(bytes).collect();
    let mut report =
        String::from("the chunking law is broken: the outcome depends on how the input is cut into reads\n");
    line(&mut report, "input", &bytes(&case.input));
    let cut = if parts.len() > 1 { parts.join(" ") } else { "nowhere".into() };
    line(&mut report, "cut", &cut);
    if let Some(difficulty) = case.difficulty.description() {
        line(&mut report, "while", difficulty);
    }
    describe(&mut report, &difference);
    report.push_str(&reproduction(case, parts.len(), length));
    report
}

fn describe(report: &mut String, difference: &Difference) {
    let Difference { moment, outcome, reference } = difference;
    line(report, "differing", moment);
    let mut compare = |what, reference: String, outcome: String| {
        line(report, what, &format!("{reference} in one read"));
        line(report, "", &format!("{outcome} in this case"));
    };
    if outcome.events != reference.events {
        let alike = alike(&outcome.events, &reference.events);
        compare("events", events(&reference.events, alike), events(&outcome.events, alike));
    }
    if outcome.written != reference.written {
        let alike = alike(&outcome.written, &reference.written);
        compare("written", output(&reference.written, alike), output(&outcome.written, alike));
    }
    if outcome.connection != reference.connection {
        compare("connection", reference.connection.clone(), outcome.connection.clone());
    }
}

fn reproduction(case: &Case, parts: usize, length: usize) -> String {
    let shortened = match length - case.input.len() {
        0 => String::new(),
        _ => format!("shortened from {length} bytes; "),
    };
    // Such cases are tried for every input.
    let by_itself = case.input.len() <= EXHAUSTIVE_MAX && (parts <= 2 || parts == case.input.len());
    if by_itself {
        format!("  ({shortened}check_chunking with this input alone fails too, and in every run)")
    } else {
        format!("  ({shortened}the same check fails in every run: random splits have the fixed seed {SEED})")
    }
}

fn line(report: &mut String, what: &str, text: &str) {
    let what = if what.is_empty() { String::new() } else { format!("{what}:") };
    // Writing to a string cannot fail.
    let _ = writeln!(report, "  {what:<12}{text}");
}

/// How many items two lists begin with in common.
fn alike<T: PartialEq>(one: &[T], other: &[T]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

fn events(events: &[String], alike: usize) -> String {
    if events.len() <= EVENTS_MAX {
        return format!("{events:?}");
    }
    let end = events.len().min(alike + EVENTS_MAX);
    let after = events.len() - end;
    format!("{alike} the same, then {:?}, then {after} more,", &events[alike..end])
}

fn output(output: &[u8], alike: usize) -> String {
    if output.len() <= BYTES_MAX {
        return bytes(output);
    }
    format!("{alike} bytes the same, then {}", bytes(&output[alike..]))
}

fn bytes(bytes: &[u8]) -> String {
    match bytes.split_at_checked(BYTES_MAX) {
        Some((start, rest)) if !rest.is_empty() => {
            format!("b\"{}\" and {} more bytes", start.escape_ascii(), rest.len())
        }
        _ => format!("b\"{}\"", bytes.escape_ascii()),
    }
}
