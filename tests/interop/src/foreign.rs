//! The programs that are not ours.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

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

/// One of OpenSSL's commands, to be run with its arguments.
pub fn openssl(subcommand: &str) -> Command {
    let mut command = foreign("openssl", "openssl", &["version"]);
    command.arg(subcommand);
    command
}

/// OpenSSL as a client that verifies `server` with the certificates in a file and prints no more than it must.
pub fn openssl_client(server: SocketAddr, authorities: &Path) -> Command {
    let mut command = openssl("s_client");
    command.args(["-quiet", "-verify_return_error", "-verify_hostname", "localhost"]);
    command.arg("-CAfile").arg(authorities).args(["-connect", &server.to_string()]);
    command
}

/// Python, to run `script`, which finds its arguments in `sys.argv[1:]`.
pub fn python(script: &str) -> Command {
    let mut command = foreign("python3", "python3", &["--version"]);
    command.args(["-c", script]);
    command
}

/// Node.js, to run `script`, which finds its arguments in `process.argv.slice(1)`.
pub fn node(script: &str) -> Command {
    let mut command = foreign("node", "nodejs", &["--version"]);
    command.args(["-e", script, "--"]);
    command
}

/// The package manager of Node.js, to be run with its arguments.
pub fn npm() -> Command {
    foreign("npm", "npm", &["--version"])
}

/// socat, to be run with two addresses.
pub fn socat() -> Command {
    foreign("socat", "socat", &["-V"])
}

/// Python, to drive Chromium by the commands that it reads.
pub(crate) fn browser() -> Command {
    foreign("chromium", "chromium", &["--version"]);
    foreign("chromedriver", "chromium-driver", &["--version"]);
    python(include_str!("browser.py"))
}

/// A program that is not ours and has to be there.
fn foreign(name: &str, package: &str, harmless: &[&str]) -> Command {
    let probe = Command::new(name).args(harmless).stdin(Stdio::null()).output();
    assert!(probe.is_ok(), "{name} is missing: apt-get install {package}");
    Command::new(name)
}
