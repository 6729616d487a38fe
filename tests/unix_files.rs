//! The names of UNIX sockets and the files that go with them: the same for streams and for datagrams.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod packets;
mod support;

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use ropewalk::{
    DatagramOptions, DatagramTransport, ListenOptions, ListeningPort, Reactor, UnixAddress, factory_fn,
};
use socket2::{Domain, SockAddr, Socket, Type};
use support::{alone, settle};
use tempfile::TempDir;

/// What sort of socket is tried.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Streams,
    Datagrams,
}

const KINDS: [Kind; 2] = [Kind::Streams, Kind::Datagrams];

/// A socket of the reactor's.
enum Listening {
    Port(ListeningPort),
    Socket(DatagramTransport),
}

impl Kind {
    fn listen(self, reactor: &Reactor, address: UnixAddress, mode: Option<u32>) -> io::Result<Listening> {
        match self {
            Self::Streams => {
                let mut options = ListenOptions::default();
                options.mode = mode;
                reactor.listen(address, options, factory_fn(|_| None)).map(Listening::Port)
            }
            Self::Datagrams => {
                let mut options = DatagramOptions::default();
                options.mode = mode;
                let probe = packets::Probe::new(&packets::Log::default());
                reactor.listen_datagrams(address, options, probe).map(Listening::Socket)
            }
        }
    }

    #[track_caller]
    fn listen_at(self, reactor: &Reactor, path: impl AsRef<Path>) -> Listening {
        self.listen(reactor, UnixAddress::path(path.as_ref()), None).unwrap()
    }

    /// Why it is impossible to listen.
    #[track_caller]
    fn refusal(self, address: UnixAddress, mode: Option<u32>) -> (ErrorKind, String) {
        let reactor = Reactor::new().unwrap();
        let Err(error) = self.listen(&reactor, address, mode) else { panic!("{self:?} are listened for") };
        (error.kind(), error.to_string())
    }

    /// A socket of the peer's, which leaves its file behind.
    #[track_caller]
    fn bind(self, path: &Path) -> Box<dyn std::any::Any> {
        match self {
            Self::Streams => Box::new(UnixListener::bind(path).unwrap()),
            Self::Datagrams => Box::new(UnixDatagram::bind(path).unwrap()),
        }
    }
}

impl Listening {
    fn stop(&self, reactor: &mut Reactor) {
        match self {
            Self::Port(port) => drop(port.stop()),
            Self::Socket(socket) => socket.stop(),
        }
        settle(reactor);
    }
}

/// A path in a directory of its own.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    (directory, path)
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Asserts that whatever is at `path` is neither replaced nor removed, and that the error says so in `words`.
#[track_caller]
fn assert_left_alone(kind: Kind, path: &Path, words: &str) {
    let (error, text) = kind.refusal(UnixAddress::path(path), None);
    assert_eq!(error, ErrorKind::AddrInUse, "{text}");
    assert!(text.starts_with(&format!("listening on {}: there is ", path.display())), "{text}");
    assert!(text.contains(words), "{text}");
    assert!(fs::symlink_metadata(path).is_ok(), "{} was removed", path.display());
}

#[test]
fn the_mode_is_as_demanded_whatever_the_umask() {
    let (directory, _) = place();
    let reactor = Reactor::new().unwrap();
    for kind in KINDS {
        for mode in [0o600, 0o660, 0o666, 0o777] {
            let path = directory.path().join(format!("{kind:?} {mode:o}"));
            kind.listen(&reactor, UnixAddress::path(&path), Some(mode)).unwrap();
            assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        }
        let path = directory.path().join("bad");
        let (error, text) = kind.refusal(UnixAddress::path(&path), Some(0o1777));
        assert_eq!(error, ErrorKind::InvalidInput);
        assert!(text.ends_with("0o1777 is not a mode of a socket: it may be 0o777 at the most"), "{text}");
        assert!(!path.exists());
    }
}

/// Anybody may reach it, and a mode would be a promise that cannot be kept.
#[test]
#[cfg(target_os = "linux")]
fn an_abstract_name_can_have_no_mode() {
    for kind in KINDS {
        let (error, text) = kind.refusal(UnixAddress::abstract_name(*b"ropewalk mode"), Some(0o600));
        assert_eq!((error, text.contains("no mode")), (ErrorKind::InvalidInput, true), "{text}");
    }
}

#[test]
fn a_socket_that_was_left_behind_is_replaced() {
    for kind in KINDS {
        for earlier in KINDS {
            let (_directory, path) = place();
            drop(earlier.bind(&path));
            assert!(is_socket(&path));
            let mut reactor = Reactor::new().unwrap();
            let listening = kind.listen_at(&reactor, &path);
            assert_left_alone(kind, &path, "in use");
            listening.stop(&mut reactor);
            assert!(!path.exists());
        }
    }
}

#[test]
fn a_socket_that_somebody_has_open_is_left_alone_and_not_disturbed() {
    for kind in KINDS {
        let (directory, path) = place();
        let server = UnixListener::bind(&path).unwrap();
        server.set_nonblocking(true).unwrap();
        assert_left_alone(kind, &path, "a socket already, which is in use");
        assert_eq!(server.accept().unwrap_err().kind(), ErrorKind::WouldBlock);

        let path = directory.path().join("datagrams");
        let receiver = UnixDatagram::bind(&path).unwrap();
        assert_left_alone(kind, &path, "a socket already, which is in use");
        receiver.connect(&path).unwrap();
        assert_left_alone(kind, &path, "a socket already, which may be in use: ");

        // A server that will listen in the next moment.
        let path = directory.path().join("beginning");
        let beginning = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        beginning.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        assert_left_alone(kind, &path, "a socket already, which is in use");
    }
}

#[test]
fn what_is_no_socket_is_left_alone() {
    for kind in KINDS {
        let (directory, file) = place();
        fs::write(&file, "precious").unwrap();
        let dangling = directory.path().join("dangling");
        std::os::unix::fs::symlink(directory.path().join("nowhere"), &dangling).unwrap();
        for path in [&file, &dangling] {
            assert_left_alone(kind, path, "something else than a socket");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    }
}

#[test]
fn the_file_goes_with_the_socket() {
    for kind in KINDS {
        let (_directory, path) = place();
        let mut reactor = Reactor::new().unwrap();
        let listening = kind.listen_at(&reactor, &path);
        settle(&mut reactor);
        assert!(is_socket(&path));
        listening.stop(&mut reactor);
        assert!(!path.exists(), "a stop leaves the file");

        kind.listen_at(&reactor, &path);
        reactor.call_when_running(|reactor| reactor.stop());
        reactor.run().unwrap();
        assert!(!path.exists(), "the reactor's stop leaves the file");

        let reactor = Reactor::new().unwrap();
        let listening = kind.listen_at(&reactor, &path);
        drop(reactor);
        drop(listening);
        assert!(!path.exists(), "a reactor that never ran leaves the file");
    }
}

#[test]
fn the_file_goes_although_the_process_is_in_another_directory() {
    alone("the_file_goes_although_the_process_is_in_another_directory", 64, || {
        for kind in KINDS {
            let (directory, path) = place();
            std::env::set_current_dir(&directory).unwrap();
            let mut reactor = Reactor::new().unwrap();
            let listening = kind.listen_at(&reactor, "socket");
            assert!(is_socket(&path));
            std::env::set_current_dir("/").unwrap();
            listening.stop(&mut reactor);
            assert!(!path.exists());
        }
    });
}

#[test]
fn a_file_that_has_taken_the_place_stays() {
    for kind in KINDS {
        let (_directory, path) = place();
        let mut reactor = Reactor::new().unwrap();
        let listening = kind.listen_at(&reactor, &path);
        // As a second server would that is told to take the place.
        fs::remove_file(&path).unwrap();
        let other = kind.bind(&path);
        listening.stop(&mut reactor);
        assert!(is_socket(&path), "the other's socket was removed");
        drop(other);
    }
}

#[test]
fn names_that_are_none_are_errors() {
    let long = "x".repeat(200);
    for (address, words) in [
        (UnixAddress::path(&long), "the path is too long: it has 200 bytes, a UNIX socket's may have 1"),
        (UnixAddress::path(""), "the path is empty"),
        (UnixAddress::path("a\0b"), "the path contains a zero byte"),
        (UnixAddress::path("\0b"), "the path contains a zero byte"),
        (UnixAddress::unnamed(), "a socket without a name is no place"),
        #[cfg(target_os = "linux")]
        (UnixAddress::abstract_name(""), "the abstract name is empty"),
        #[cfg(target_os = "linux")]
        (UnixAddress::abstract_name(long.as_bytes()), "the abstract name is too long: it has 200 bytes"),
    ] {
        for kind in KINDS {
            let (error, text) = kind.refusal(address.clone(), None);
            assert_eq!(error, ErrorKind::InvalidInput);
            assert!(text.starts_with(&format!("listening on {address}: {words}")), "{text}");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_may_be_as_long_as_the_system_lets_it() {
    for kind in KINDS {
        let (directory, _) = place();
        let room = 107 - directory.path().as_os_str().len() - 1;
        let reactor = Reactor::new().unwrap();
        kind.listen_at(&reactor, directory.path().join("x".repeat(room)));
        let path = directory.path().join("x".repeat(room + 1));
        let (_, text) = kind.refusal(UnixAddress::path(path), None);
        assert!(text.ends_with("it has 108 bytes, a UNIX socket's may have 107"), "{text}");
        let name = format!("{kind:?} {}", std::process::id());
        let name = UnixAddress::abstract_name(format!("{name:x>107}"));
        kind.listen(&reactor, name, None).unwrap();
    }
}
