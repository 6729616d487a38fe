//! The suite as a program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ropewalk_interop::{Running, python_with};

use crate::cases::left_out;

const VERSION: &str = "25.10.1";

/// Prints what the suite has written as a table of case, behavior, and behavior in closing.
const TABLE: &str = "import json, sys\n\
    for case, result in json.load(open(sys.argv[1]))['ropewalk'].items():\n\
    \x20   print(case, result['behavior'], result['behaviorClose'], sep='\\t')";

/// A run of the suite.
pub(crate) struct Suite {
    name: String,
    directory: PathBuf,
}

impl Suite {
    /// A run of this name, with files of its own.
    pub(crate) fn new(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("autobahn").join(name);
        // There may be none from before.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        Self { name: name.to_owned(), directory }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Starts the suite in one of its roles, with that role's part of the specification.
    pub(crate) fn start(&self, role: &str, specification: &str) -> Running {
        let file = self.directory.join("specification.json");
        let reports = self.directory.display();
        let cases =
            format!(r#""cases": ["*"], "exclude-cases": {:?}, "exclude-agent-cases": {{}}"#, left_out());
        fs::write(&file, format!(r#"{{"outdir": "{reports}", {specification}, {cases}}}"#)).unwrap();
        let mut command = python();
        // Its reports are in UTF-8, whatever the locale.
        command.args(["-u", "-X", "utf8", "-c", include_str!("run.py"), role]).arg(file);
        Running::start(&mut command)
    }

    /// What the suite has found.
    pub(crate) fn table(&self) -> String {
        let index = self.directory.join("index.json");
        let finished = Running::start(python().args(["-c", TABLE]).arg(index)).finish();
        assert!(finished.status.success(), "{finished:?}");
        finished.output
    }
}

/// Python with the suite, which the first call installs.
fn python() -> Command {
    let recipe = ["-c", include_str!("install.py"), include_str!("octets.py")];
    python_with(env!("CARGO_TARGET_TMPDIR"), "autobahntestsuite", VERSION, &recipe)
}
