//! Packages of Python, each in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Python in an environment that has this version of a package, which the first call makes in `directory`. The module
/// of the package has the package's name.
#[track_caller]
pub fn python_with_package(directory: &str, package: &str, version: &str) -> Command {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock();
    let path = Path::new(directory).join(format!("{package}-{version}"));
    let import = format!("import {package}");
    if !succeeds(Command::new(interpreter(&path)).args(["-c", &import])) {
        make(&path, &format!("{package}=={version}"));
    }
    Command::new(interpreter(&path))
}

fn interpreter(environment: &Path) -> PathBuf {
    environment.join("bin/python")
}

#[track_caller]
fn make(environment: &Path, package: &str) {
    let made = succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(environment));
    assert!(made, "python3 cannot make environments: apt-get install python3-venv");
    let mut install = Command::new(environment.join("bin/pip"));
    assert!(succeeds(install.args(["install", "--quiet", package])), "{package} cannot be installed");
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
