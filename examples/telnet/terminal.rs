//! What the terminal does with what is typed.

use std::io::{self, IsTerminal};
use std::process::{Command, Stdio};

use terminal_size::{Height, Width, terminal_size};

/// The terminal that standard input is, if it is one. It is put back as it was in the end.
#[derive(Default)]
pub(crate) struct Terminal {
    /// How it was, in `stty`'s words, once something was changed.
    before: Option<String>,
}

impl Terminal {
    /// Has the terminal show what is typed, and edit lines, or not.
    pub(crate) fn set(&mut self, shows: bool, edits: bool) {
        if self.before.is_none() {
            self.before = stty(&["-g"]);
        }
        if self.before.is_some() {
            stty(&[if shows { "echo" } else { "-echo" }, if edits { "icanon" } else { "-icanon" }]);
        }
    }
}

/// The columns and rows of the window, if there is one.
pub(crate) fn window_size() -> Option<(u16, u16)> {
    terminal_size().map(|(Width(columns), Height(rows))| (columns, rows))
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            stty(&[before]);
        }
    }
}

/// Runs the program that sets terminals. None if there is no terminal or no such program.
fn stty(arguments: &[&str]) -> Option<String> {
    if !io::stdin().is_terminal() {
        return None;
    }
    let output = Command::new("stty").args(arguments).stdin(Stdio::inherit()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
