//! Packages of Python, each in an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Python in an environment that has this version of a package, which the first call makes in `directory`. The module
/// of the package has the package's name.
#[track_caller]
pub fn python_with_package(directory: &str, package: &str, version: &str) -> Command {
    let wanted = format!("{package}=={version}");
    python_with(directory, package, version, &["-m", "pip", "install", "--quiet", &wanted])
}

/// The same, where `recipe` are arguments of Python that have it install the package. A changed one makes the environment
/// anew.
#[track_caller]
pub fn python_with(directory: &str, package: &str, version: &str, recipe: &[&str]) -> Command {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock();
    let environment = Path::new(directory).join(format!("{package}-{version}"));
    let (made_by, recipe_text) = (environment.join("recipe"), recipe.join("\n"));
    let is_made = fs::read_to_string(&made_by).is_ok_and(|made_by| made_by == recipe_text);
    let import = format!("import {package}");
    if !is_made || run(Command::new(interpreter(&environment)).args(["-c", &import])).is_err() {
        let venv = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
        venv.unwrap_or_else(|error| {
            panic!("python3 makes no environment (apt-get install python3 python3-venv): {error}")
        });
        let installed = run(Command::new(interpreter(&environment)).args(recipe));
        installed.unwrap_or_else(|error| panic!("{package} {version} cannot be installed: {error}"));
        fs::write(made_by, recipe_text).unwrap();
    }
    Command::new(interpreter(&environment))
}

fn interpreter(environment: &Path) -> PathBuf {
    environment.join("bin/python")
}

/// What it complained about is the error.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
