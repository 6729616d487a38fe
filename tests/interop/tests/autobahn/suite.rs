//! The suite as a program.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ropewalk_interop::Running;

const PACKAGE: &str = "autobahntestsuite==25.10.1";

/// All cases there are.
const CASES: &str = r#""cases": ["*"]"#;

/// Runs the suite out of the directory that it is installed in.
const RUN: &str = "import site, sys; site.addsitedir(sys.argv.pop(1)); \
    from autobahntestsuite.wstest import run; run()";

/// Prints what the suite has written as a table of case, behavior, and behavior in closing.
const TABLE: &str = "import json, sys\n\
    for case, result in json.load(open(sys.argv[1]))['ropewalk'].items():\n\
    \x20   sys.stdout.write('%s\\t%s\\t%s\\n' % (case, result['behavior'], result['behaviorClose']))";

/// A run of the suite.
pub(crate) struct Suite {
    directory: PathBuf,
}

impl Suite {
    /// A run whose files have this name.
    pub(crate) fn new(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("autobahn").join(name);
        // There may be none from before.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        Self { directory }
    }

    /// Starts the suite in one of its modes, with that mode's part of the specification.
    pub(crate) fn start(&self, mode: &str, specification: &str) -> Running {
        let file = self.directory.join("specification.json");
        let reports = self.directory.display();
        let more = r#""exclude-cases": [], "exclude-agent-cases": {}"#;
        fs::write(&file, format!(r#"{{"outdir": "{reports}", {specification}, {CASES}, {more}}}"#)).unwrap();
        let mut command = python();
        command.args(["-u", "-c", RUN]).arg(installed()).args(["-m", mode, "-u", "0", "-s"]).arg(file);
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

fn python() -> Command {
    Command::new(env::var_os("PYTHON2").unwrap_or_else(|| "python2.7".into()))
}

/// Where the suite is; the first call installs it.
fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE);
        if !directory.join("autobahntestsuite").exists() {
            let mut pip = python();
            let output = pip.args(["-m", "pip", "install", "--target"]).arg(&directory).arg(PACKAGE).output();
            let output = output.unwrap_or_else(|error| panic!("Python 2.7 (see PYTHON2): {error}"));
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        directory
    })
}
