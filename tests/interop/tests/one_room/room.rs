//! The server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use ropewalk_interop::{Authority, Running, Signal, example_path};
use tempfile::TempDir;

/// A chat that is open to everybody.
pub(crate) struct Room {
    pub(crate) telnet: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) unix: PathBuf,
    /// The URLs of the page.
    pub(crate) page: String,
    pub(crate) secure_page: String,
    pub(crate) authority: Authority,
    running: Running,
    _directory: TempDir,
}

impl Room {
    #[track_caller]
    pub(crate) fn open() -> Self {
        Self::open_with_page_at(0)
    }

    /// One whose page is at a certain port.
    #[track_caller]
    pub(crate) fn open_with_page_at(port: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let unix = directory.path().join("chat");
        let identity = authority.server("localhost").path().display().to_string();
        let mut running = Running::start(Command::new(example_path("chat")).args([
            "127.0.0.1:0".to_owned(),
            format!("tls:0:interface=127.0.0.1:cert={identity}"),
            format!("unix:{}", unix.display()),
            format!("ws:{port}:interface=127.0.0.1"),
            format!("wss:0:interface=127.0.0.1:cert={identity}"),
        ]));
        let mut next = || running.line().strip_prefix("listening on ").unwrap().to_owned();
        let (telnet, tls) = (next().parse().unwrap(), next().parse().unwrap());
        assert_eq!(next(), unix.to_str().unwrap());
        let (page, secure_page) = (format!("http://{}/", next()), format!("https://{}/", next()));
        Self { telnet, tls, unix, page, secure_page, authority, running, _directory: directory }
    }

    /// Ends the server as a person or a system does.
    #[track_caller]
    pub(crate) fn close(self) {
        self.running.signal(Signal::SIGTERM);
        assert!(self.running.finish().status.success());
    }
}
