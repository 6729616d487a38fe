//! The programs under test.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where the example of this name is, built as it is now. The first call builds all examples.
pub fn example_path(name: &str) -> PathBuf {
    static PATHS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let paths = PATHS.get_or_init(build_examples);
    paths.get(name).unwrap_or_else(|| panic!("there is no example {name}, only {paths:?}")).clone()
}

/// Cargo itself says where it has put them, so that target directories and profiles need no guessing.
fn build_examples() -> BTreeMap<String, PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "ropewalk", "--examples", "--features", "deflate"]);
    command.args(["--message-format", "json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    // The build script of ring would take for a change what Cargo tells a test of its package, and with ring all that depends
    // on it would be built again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "building the examples failed");
    let messages = String::from_utf8(output.stdout).unwrap();
    messages.lines().filter_map(executable).map(|path| (file_name(&path), path)).collect()
}

/// The path in one of Cargo's messages: `"executable":"/path/to/echo"`.
fn executable(message: &str) -> Option<PathBuf> {
    let (_, rest) = message.split_once(r#""executable":""#)?;
    rest.split_once('"').map(|(path, _)| path.into())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
