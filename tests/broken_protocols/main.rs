//! The catalogue of broken protocols: each has a bug that real protocols have had, and the harness catches it. Beside each
//! is a twin without the bug, which passes.
//!
//! What catches what is a table in the documentation of `testing`; a test here compares it with what is found.
//! `ROPEWALK_WRITE_TABLE=1 cargo test --test broken_protocols` writes it anew.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test")]

mod catalogue;
mod closing;
mod delimiters;
mod escapes;
mod flow;
mod lengths;
mod losses;
mod memory;
mod messages;
mod modes;
mod repetition;
mod table;
mod tasks;
mod timers;

use catalogue::{Entry, Twin};

/// All entries, in the order of the table.
fn entries() -> impl Iterator<Item = &'static Entry> {
    let files = [
        delimiters::ENTRIES,
        messages::ENTRIES,
        lengths::ENTRIES,
        escapes::ENTRIES,
        modes::ENTRIES,
        flow::ENTRIES,
        memory::ENTRIES,
        closing::ENTRIES,
        timers::ENTRIES,
        tasks::ENTRIES,
        losses::ENTRIES,
        repetition::ENTRIES,
    ];
    files.into_iter().flatten()
}

#[test]
fn every_broken_protocol_is_caught_as_the_table_says() {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for entry in entries() {
        match (entry.check)(Twin::Broken) {
            Err(failure) if failure.law == entry.law => found.push((entry, failure.law)),
            Err(failure) => {
                wrong.push(format!("caught by another law than {:?}: {}\n{failure}", entry.law, entry.bug))
            }
            Ok(outcome) => wrong.push(format!("not caught: {}\n{outcome:?}", entry.bug)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    table::assert_documented(&table::table(found));
}

#[test]
fn every_corrected_protocol_passes() {
    let wrong: Vec<_> = entries()
        .filter_map(|entry| Some(format!("{}\n{}", entry.bug, (entry.check)(Twin::Corrected).err()?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
