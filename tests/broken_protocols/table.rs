//! The table of what caught what, in the documentation.

use std::fmt::Write;

use ropewalk::testing::Law;

use crate::catalogue::Entry;

/// The file that the documentation of `testing` includes.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/reactor/src/testing/broken_protocols.md");

/// Has the file written anew.
const WRITE: &str = "ROPEWALK_WRITE_TABLE";

/// The table of the bugs that were found, each with the law that caught it.
pub fn table<'a>(found: impl IntoIterator<Item = (&'a Entry, Law)>) -> String {
    let mut table = String::from("| bug | modelled on | caught by |\n|---|---|---|\n");
    for (entry, law) in found {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {} | {} | [`{law:?}`](Law::{law:?}) |", entry.bug, entry.modelled_on);
    }
    table
}

/// Compares a table with the file, or writes it there if that is asked for.
pub fn assert_documented(table: &str) {
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(FILE, table).unwrap();
    }
    let documented = std::fs::read_to_string(FILE).unwrap();
    assert!(documented == table, "{FILE} is not what was found; {WRITE}=1 writes it anew:\n{table}");
}
