//! Programs that run beside the tests.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::PATIENCE;

/// Netcat, in OpenBSD's version, to be run with `arguments` and then the address of a server.
pub fn netcat(arguments: &[&str], server: SocketAddr) -> Command {
    let mut command = foreign("nc", "netcat-openbsd", &["-h"]);
    command.args(arguments).args([server.ip().to_string(), server.port().to_string()]);
    command
}

/// Netcat, in OpenBSD's version, to be run with the path of a UNIX socket. It half-closes at the end of its input.
pub fn netcat_unix(path: &Path) -> Command {
    let mut command = foreign("nc", "netcat-openbsd", &["-h"]);
    command.args(["-N", "-U"]).arg(path);
    command
}

/// Socat, between its standard input and output and `address`.
pub fn socat(address: &str) -> Command {
    let mut command = foreign("socat", "socat", &["-V"]);
    command.args(["-", address]);
    command
}

/// OpenSSL as a client that verifies `server` with the certificates in a file and prints no more than it must.
pub fn openssl_client(server: SocketAddr, authorities: &Path) -> Command {
    let mut command = foreign("openssl", "openssl", &["version"]);
    command.args(["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost"]);
    command.arg("-CAfile").arg(authorities).args(["-connect", &server.to_string()]);
    command
}

/// Telnet, to be run with the address of a server.
pub fn telnet(server: SocketAddr) -> Command {
    let mut command = foreign("telnet", "telnet", &["--version"]);
    command.args([server.ip().to_string(), server.port().to_string()]);
    command
}

/// The program that passes sockets as systemd does, to be run with its arguments.
pub fn socket_activate() -> Command {
    foreign("systemd-socket-activate", "systemd", &["--version"])
}

/// HAProxy, to be run with a configuration.
pub fn haproxy(configuration: &Path) -> Command {
    // Where users that are not root do not look.
    let mut command = foreign("/usr/sbin/haproxy", "haproxy", &["-v"]);
    command.arg("-f").arg(configuration);
    command
}

/// A SOCKS proxy on a port of 127.0.0.1, to be run with `arguments`.
pub fn microsocks(port: u16, arguments: &[&str]) -> Command {
    let mut command = foreign("microsocks", "microsocks", &["-h"]);
    command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(arguments);
    command
}

/// A program that is not ours and has to be there.
fn foreign(name: &str, package: &str, harmless: &[&str]) -> Command {
    let probe = Command::new(name).args(harmless).stdin(Stdio::null()).output();
    assert!(probe.is_ok(), "{name} is missing: apt-get install {package}");
    Command::new(name)
}

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
        Self { name, child, output, errors, buffer: Vec::new() }
    }

    /// Waits for a line of its output and returns it without its end.
    #[track_caller]
    pub fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return String::from_utf8_lossy(&line).trim_end().to_owned();
            }
            let more = self.output.recv_timeout(PATIENCE);
            self.buffer.extend(more.unwrap_or_else(|error| panic!("no line from {}: {error}", self.name)));
        }
    }

    /// Gives it more input, which stays open.
    #[track_caller]
    pub fn send(&mut self, input: &str) {
        self.child.stdin.as_mut().unwrap().write_all(input.as_bytes()).unwrap();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        let mut output = std::mem::take(&mut self.buffer);
        output.extend(rest_of(&self.output, &self.name));
        let errors = rest_of(&self.errors, &self.name);
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

#[track_caller]
fn rest_of(pieces: &Receiver<Vec<u8>>, name: &str) -> Vec<u8> {
    use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
    let mut all = Vec::new();
    loop {
        match pieces.recv_timeout(PATIENCE) {
            Ok(piece) => all.extend(piece),
            Err(Disconnected) => return all,
            Err(Timeout) => panic!("{name} does not end; so far it printed {:?}", text(&all)),
        }
    }
}
