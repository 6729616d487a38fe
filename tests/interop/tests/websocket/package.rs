//! The foreign package, installed once for all runs.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use ropewalk_interop::{Running, python};

/// What the scripts were written for.
const PACKAGE: &str = "websockets==15.0.1";

/// Python to run `script` with the package, which the first call installs.
pub(crate) fn python_with_websockets(script: &str) -> Command {
    static INSTALLED: OnceLock<String> = OnceLock::new();
    let directory = INSTALLED.get_or_init(install);
    let mut command = python(script);
    command.env("PYTHONPATH", directory).env("PYTHONUNBUFFERED", "1");
    command
}

fn install() -> String {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE);
    let directory = directory.to_str().unwrap().to_owned();
    if !Path::new(&directory).join("websockets").exists() {
        let mut pip =
            python("import runpy, sys; sys.argv[0] = 'pip'; runpy.run_module('pip', run_name='__main__')");
        let finished = Running::start(pip.args(["install", "--target", &directory, PACKAGE])).finish();
        assert!(finished.status.success(), "is pip there (apt-get install python3-pip)? {finished:?}");
    }
    directory
}
