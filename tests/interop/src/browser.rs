//! A browser without a window: Chromium, driven by ChromeDriver.

use std::fmt::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::{PATIENCE, Running, foreign};

/// A browser with one page, and nothing remembered from others. It ends when it is dropped, and if the test dies.
#[derive(Debug)]
pub struct Browser {
    program: Running,
    _turn: MutexGuard<'static, ()>,
}

/// One at a time is as much as two processors can take.
static TURN: Mutex<()> = Mutex::new(());

impl Browser {
    /// Starts it. It verifies no certificates.
    pub fn start() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Self { program: Running::start(&mut foreign::browser()), _turn: turn }
    }

    /// Goes to a page, and waits until that is loaded.
    #[track_caller]
    pub fn open(&mut self, url: &str) {
        self.command(&["open", url]);
    }

    /// Runs JavaScript in the page. What that returns is returned as JSON.
    #[track_caller]
    pub fn run(&mut self, script: &str) -> String {
        self.command(&["run", script])
    }

    /// Waits until an expression of JavaScript is true.
    #[track_caller]
    pub fn wait_until(&mut self, condition: &str) {
        let begin = Instant::now();
        while self.run(&format!("return Boolean({condition})")) != "true" {
            if begin.elapsed() > PATIENCE {
                panic!("not {condition}, but {}", self.run("return document.body.innerText"));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses keys with the focus on an element. `\u{e007}` is Enter.
    #[track_caller]
    pub fn type_into(&mut self, selector: &str, keys: &str) {
        self.command(&["type", selector, keys]);
    }

    /// Gives the page the screen of a phone, so many CSS pixels wide and high.
    #[track_caller]
    pub fn be_a_phone(&mut self, width: u32, height: u32) {
        let screen = format!(r#"{{"width":{width},"height":{height},"deviceScaleFactor":2,"mobile":true}}"#);
        self.command(&["devtools", "Emulation.setDeviceMetricsOverride", &screen]);
    }

    /// Takes a picture of the page, as PNG.
    #[track_caller]
    pub fn screenshot(&mut self, file: &Path) {
        self.command(&["screenshot", file.to_str().unwrap()]);
    }

    #[track_caller]
    fn command(&mut self, words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| json(word)).collect();
        self.program.say(format!("[{}]\n", words.join(",")));
        let answer = self.program.line();
        let result = answer.strip_prefix("ok ");
        result.unwrap_or_else(|| panic!("the browser cannot {}: {answer}", words.join(" "))).to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends Chromium before it ends.
        self.program.leave_in_peace();
    }
}

/// A string of JSON.
fn json(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..='\x1f' => write!(quoted, "\\u{:04x}", u32::from(character)).unwrap(),
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}
