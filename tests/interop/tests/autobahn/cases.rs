//! Which cases are run.

use std::env;

/// As many as the suite has.
const ALL: usize = 517;

/// The groups of cases with compression, each of which has the same eighteen sizes of messages.
const COMPRESSED: [&str; 12] =
    ["12.1", "12.2", "12.3", "12.4", "12.5", "13.1", "13.2", "13.3", "13.4", "13.5", "13.6", "13.7"];

/// Those of a group in which a thousand messages of 64 or 128 KiB are sent back. All of them take three quarters of the time of
/// the suite.
const BIG: [u8; 7] = [9, 10, 14, 15, 16, 17, 18];

/// What is left out: of the big cases of each group all but one, which is another from group to group. With EVERY_CASE=1 it is
/// nothing.
pub(crate) fn left_out() -> Vec<String> {
    if env::var_os("EVERY_CASE").is_some() {
        return Vec::new();
    }
    let groups = COMPRESSED.iter().enumerate();
    let cases = groups.flat_map(|(place, group)| {
        let others = BIG.iter().enumerate().filter(move |(index, _)| *index != place % BIG.len());
        others.map(move |(_, case)| format!("{group}.{case}"))
    });
    cases.collect()
}

/// How many are run.
pub(crate) fn count() -> usize {
    ALL - left_out().len()
}
