//! What a failing check says.

use std::fmt::Write;

use super::judge::Verdict;
use super::script::{Script, Step};
use super::{Outcome, Subject};

/// How many events are shown at most, from the first that differs.
const EVENTS_MAX: usize = 8;

/// How many bytes of output are shown at most.
const BYTES_MAX: usize = 120;

/// The whole report on a script that breaks a law, and was shortened from `original`.
pub(super) fn report(subject: &Subject<'_>, verdict: &Verdict, script: &Script, original: &Script) -> String {
    let mut report = format!("{}\n", verdict.law().breach());
    line(&mut report, "protocol", subject.name);
    match verdict {
        Verdict::Breach(breach) => line(&mut report, "what", &breach.how),
        Verdict::Different { outcome, reference, other, .. } => {
            if verdict.law().compares() {
                line(&mut report, "plainly", &format!("{:?}", script.plain()));
            }
            describe(&mut report, outcome, reference, other);
        }
    }
    if original.length() > script.length() {
        line(&mut report, "shortened", &format!("from {} bytes of input", original.length()));
    }
    report.push_str("This test shows it:\n\n");
    report.push_str(&test(subject, verdict, script));
    report
}

fn describe(report: &mut String, outcome: &Outcome, reference: &Outcome, other: &str) {
    let mut compare = |what, reference: String, outcome: String| {
        line(report, what, &format!("{reference} {other}"));
        line(report, "", &format!("{outcome} in this test"));
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

fn test(subject: &Subject<'_>, verdict: &Verdict, script: &Script) -> String {
    let mut test = format!("#[test]\nfn {}() {{\n", verdict.law().test_name());
    let _ = writeln!(test, "    // `make` makes a {}, as in the check that failed.", subject.name);
    if script.steps.iter().any(|step| matches!(step, Step::Post(_))) {
        test.push_str("    // `event` makes the event that was posted there.\n");
    }
    if subject.held_max.is_some() {
        test.push_str("    // `held` tells how much the protocol holds.\n");
    }
    let mut check = "ProtocolCheck::new(make)".to_owned();
    if let Some(bound) = subject.held_max {
        let _ = write!(check, ".holds_at_most({bound}, held)");
    }
    if let Some(bound) = subject.output_max {
        let _ = write!(check, ".output_at_most({bound})");
    }
    if let Some(bytes) = subject.reads_max {
        let _ = write!(check, ".peer_reads({bytes})");
    }
    if subject.outlives_input {
        check.push_str(".outlives_input()");
    }
    let _ = write!(test, "    {check}.run_exactly({script:?});\n}}");
    test
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
