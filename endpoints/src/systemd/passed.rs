//! The sockets that were passed to this process. They are taken from the environment once.

use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::process;
use std::sync::{Mutex, OnceLock, PoisonError};

use listenfd::ListenFd;

use super::Which;

/// What was passed, and what is left of it.
struct Passed {
    sockets: ListenFd,
    names: Vec<String>,
    /// Whether each was taken.
    taken: Vec<bool>,
}

/// What the environment says, or why it says nothing to this process.
static PASSED: OnceLock<Result<Mutex<Passed>, String>> = OnceLock::new();

/// Takes a socket.
pub(super) fn take(which: &Which) -> io::Result<OwnedFd> {
    let passed = PASSED.get_or_init(|| read_environment().map(Mutex::new));
    let passed = passed.as_ref().map_err(|text| not_found(text.clone()))?;
    let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
    let index = passed.find(which)?;
    passed.take(index)
}

fn read_environment() -> Result<Passed, String> {
    let none = "no sockets were passed to this process";
    if env::var_os("LISTEN_FDS").is_none() {
        return Err(format!("{none}: LISTEN_FDS is not set; is it started by a socket unit?"));
    }
    let names = env::var("LISTEN_FDNAMES");
    let meant_for = env::var("LISTEN_PID").unwrap_or_default();
    let sockets = ListenFd::from_env();
    let (count, me) = (sockets.len(), process::id());
    if count > 0 {
        let names = names.map_or_else(|_| Vec::new(), |names| names.split(':').map(str::to_owned).collect());
        Ok(Passed { sockets, names, taken: vec![false; count] })
    } else if meant_for.is_empty() || meant_for == me.to_string() {
        Err(format!("{none}: LISTEN_FDS is not a number above zero"))
    } else {
        Err(format!("{none}, which is {me}: LISTEN_PID says that they are for {meant_for}"))
    }
}

impl Passed {
    fn find(&self, which: &Which) -> io::Result<usize> {
        let count = self.sockets.len();
        match which {
            Which::Index(index) if *index >= count => {
                Err(not_found(format!("there is no socket of this index: {}", counted(count))))
            }
            Which::Index(index) => self.untaken([*index]),
            Which::Name(name) => {
                self.untaken((0..count).filter(|index| self.names.get(*index) == Some(name)))
            }
        }
    }

    /// The first of some sockets that nobody has taken.
    fn untaken(&self, indices: impl IntoIterator<Item = usize>) -> io::Result<usize> {
        let mut indices = indices.into_iter().peekable();
        if indices.peek().is_none() {
            return Err(not_found(match &self.names[..] {
                [] => "the sockets that were passed have no names: LISTEN_FDNAMES is not set".to_owned(),
                names => format!("there is no socket of this name, only {}", names.join(", ")),
            }));
        }
        let used = || io::Error::new(io::ErrorKind::AddrInUse, "it was listened on already");
        indices.find(|index| !self.taken[*index]).ok_or_else(used)
    }

    fn take(&mut self, index: usize) -> io::Result<OwnedFd> {
        let socket = match self.sockets.take_tcp_listener(index) {
            Ok(socket) => socket.map(OwnedFd::from),
            Err(_) => self.sockets.take_unix_listener(index).map_err(neither)?.map(OwnedFd::from),
        };
        self.taken[index] = true;
        socket.ok_or_else(|| not_found("there is no such socket".to_owned()))
    }
}

/// What is said of the family that was tried last holds of both.
fn neither(_: io::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is no socket of TCP or of UNIX streams")
}

fn counted(count: usize) -> String {
    match count {
        1 => "one was passed, of index 0".to_owned(),
        _ => format!("{count} were passed, of index 0 to {}", count - 1),
    }
}

fn not_found(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, text)
}
