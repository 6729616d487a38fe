//! What the suite found, as a table by groups.

use std::collections::BTreeMap;
use std::fmt;

use crate::cases;

/// The behaviors that are no failure. NON-STRICT is one, as there is no case in which ours cannot be strict.
const PASSED: [&str; 2] = ["OK", "INFORMATIONAL"];

/// Case, behavior, and behavior in closing.
pub(crate) struct Report(Vec<[String; 3]>);

impl Report {
    pub(crate) fn read(table: &str) -> Self {
        let read = |line: &str| {
            let mut fields = line.split('\t').map(str::to_owned);
            std::array::from_fn(|_| fields.next().unwrap_or_else(|| panic!("fields are missing in {line:?}")))
        };
        Self(table.lines().map(read).collect())
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.0.len() == cases::count()
    }

    /// The cases that went wrong.
    pub(crate) fn failures(&self) -> Vec<&[String; 3]> {
        let passed = |behavior: &String| PASSED.contains(&behavior.as_str());
        self.0.iter().filter(|[_, behavior, closing]| !passed(behavior) || !passed(closing)).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: BTreeMap<u8, BTreeMap<&str, usize>> = BTreeMap::new();
        for [case, behavior, _] in &self.0 {
            let group = case.split('.').next().and_then(|group| group.parse().ok()).unwrap_or(0);
            *groups.entry(group).or_default().entry(behavior).or_default() += 1;
        }
        for (group, behaviors) in groups {
            writeln!(formatter, "group {group:2}: {behaviors:?}")?;
        }
        Ok(())
    }
}
