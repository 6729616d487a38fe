//! Programs that run beside the tests.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::PATIENCE;

/// What a program left when it ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed and nobody took before.
    pub output: String,
    /// What it complained about.
    pub errors: String,
}

/// A program that runs, and is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    output: Receiver<Vec<u8>>,
    errors: Receiver<Vec<u8>>,
    /// What was printed and not taken.
    buffer: Vec<u8>,
    /// What it complained about and was looked at.
    complaints: Vec<u8>,
}

impl Running {
    /// Starts a program that will read `input` and then its end.
    pub fn with_input(command: &mut Command, input: impl Into<Vec<u8>>) -> Self {
        let (mut running, input) = (Self::start(command), input.into());
        let mut standard_input = running.child.stdin.take().unwrap();
        // The program may end before it has read everything.
        thread::spawn(move || standard_input.write_all(&input));
        running
    }

    /// Starts a program whose input stays open and empty.
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("starting {name}: {error}"));
        let output = read_in_thread(child.stdout.take().unwrap());
        let errors = read_in_thread(child.stderr.take().unwrap());
        Self { name, child, output, errors, buffer: Vec::new(), complaints: Vec::new() }
    }

    /// Waits for a line of its output and returns it without its end.
    #[track_caller]
    pub fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return String::from_utf8_lossy(&line).trim_end().to_owned();
            }
            match self.output.recv_timeout(PATIENCE) {
                Ok(more) => self.buffer.extend(more),
                Err(error) => {
                    let complaints = self.complaints();
                    panic!("no line from {}: {error}; it said {complaints:?}", self.name);
                }
            }
        }
    }

    /// Gives it input.
    #[track_caller]
    pub fn say(&mut self, input: impl AsRef<[u8]>) {
        self.child.stdin.as_mut().expect("its input is over").write_all(input.as_ref()).unwrap();
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        self.child.stdin = None;
    }

    /// Waits for so many bytes of its output and returns them.
    #[track_caller]
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            match self.output.recv_timeout(PATIENCE) {
                Ok(more) => self.buffer.extend(more),
                Err(error) => {
                    let (complaints, came) = (self.complaints(), self.buffer.len());
                    panic!("{came} bytes of {count} from {}: {error}; it said {complaints:?}", self.name);
                }
            }
        }
        self.buffer.drain(..count).collect()
    }

    /// Waits until its output contains `text`, and takes all up to the end of that.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        take_until(&mut self.buffer, &self.output, text).unwrap_or_else(|so_far| {
            let complaints = self.complaints();
            panic!("no {text:?} from {}, but {so_far:?} and {complaints:?}", self.name)
        })
    }

    /// Waits until it complains with `text`, and takes all up to the end of that.
    #[track_caller]
    pub fn until_error(&mut self, text: &str) -> String {
        let taken = take_until(&mut self.complaints, &self.errors, text);
        taken.unwrap_or_else(|so_far| panic!("no complaint {text:?} from {}, but {so_far:?}", self.name))
    }

    /// What it has complained about so far.
    fn complaints(&mut self) -> String {
        self.complaints.extend(self.errors.try_iter().flatten());
        text(&self.complaints)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// How much of its memory is resident, in bytes.
    #[cfg(target_os = "linux")]
    pub fn resident_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        1024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    }

    /// Ends its input, and gives it time to end by itself.
    pub fn leave_in_peace(&mut self) {
        self.end_input();
        while self.output.recv_timeout(PATIENCE).is_ok() {}
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub fn finish(self) -> Finished {
        self.finish_within(PATIENCE)
    }

    /// The same, where it may say nothing for so long.
    #[track_caller]
    pub fn finish_within(mut self, silence: Duration) -> Finished {
        let mut output = std::mem::take(&mut self.buffer);
        output.extend(rest_of(&self.output, silence, &self.name));
        let mut errors = std::mem::take(&mut self.complaints);
        errors.extend(rest_of(&self.errors, silence, &self.name));
        // It has closed its output, so it is ending.
        let status = self.child.wait().unwrap();
        Finished { status, output: text(&output), errors: text(&errors) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The pieces that come from a pipe; the channel closes with it.
fn read_in_thread(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Waits until `buffer` contains `text`, and takes all up to the end of that. What there is instead is the error.
fn take_until(buffer: &mut Vec<u8>, pieces: &Receiver<Vec<u8>>, wanted: &str) -> Result<String, String> {
    loop {
        if let Some(start) = buffer.windows(wanted.len()).position(|window| window == wanted.as_bytes()) {
            return Ok(text(&buffer.drain(..start + wanted.len()).collect::<Vec<_>>()));
        }
        match pieces.recv_timeout(PATIENCE) {
            Ok(piece) => buffer.extend(piece),
            Err(_) => return Err(text(buffer)),
        }
    }
}

#[track_caller]
fn rest_of(pieces: &Receiver<Vec<u8>>, silence: Duration, name: &str) -> Vec<u8> {
    use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
    let mut all = Vec::new();
    loop {
        match pieces.recv_timeout(silence) {
            Ok(piece) => all.extend(piece),
            Err(Disconnected) => return all,
            Err(Timeout) => panic!("{name} does not end; so far it printed {:?}", text(&all)),
        }
    }
}
