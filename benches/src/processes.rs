//! Servers and loads in processes of their own, on cores of their own.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::load::{Load, LoadResult};
use crate::servers::{Kind, Service};

const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// A server process; dropping it ends it.
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    pub(crate) fn start(kind: Kind, service: Service) -> Result<Self, Box<dyn Error>> {
        let mut command = pinned(SERVER_CORE)?;
        let mut child =
            command.args(["server", kind.name(), service.name()]).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }

    /// Puts load on the server for a while.
    pub(crate) fn load(&self, load: Load, time: Duration) -> Result<LoadResult, Box<dyn Error>> {
        let output = self.load_command(load, time)?.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(format!("the load failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        LoadResult::parse(&String::from_utf8(output.stdout)?)
    }

    fn load_command(&self, load: Load, time: Duration) -> Result<Command, Box<dyn Error>> {
        let mut command = pinned(LOAD_CORE)?;
        command.args(["load", &self.address]).args(load.arguments()).arg(time.as_millis().to_string());
        Ok(command)
    }

    /// The time that the server's one thread has spent on a core, to the nanosecond.
    pub(crate) fn cpu_time(&self) -> Result<Duration, Box<dyn Error>> {
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", self.child.id()))?;
        let nanoseconds = text.split_whitespace().next().ok_or("schedstat is empty")?;
        Ok(Duration::from_nanos(nanoseconds.parse()?))
    }

    /// The server's anonymous memory that is in use, in bytes.
    pub(crate) fn memory(&self) -> Result<u64, Box<dyn Error>> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line =
            text.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("there is no RssAnon")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
    }

    /// The same, while a load stands that waits to be ended.
    pub(crate) fn memory_under(&self, load: Load) -> Result<u64, Box<dyn Error>> {
        let mut command = self.load_command(load, Duration::ZERO)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("the load has no output")?;
        BufReader::new(output).read_line(&mut String::new())?;
        let memory = self.memory();
        if let Some(mut input) = child.stdin.take() {
            input.write_all(b"\n")?;
        }
        child.wait()?;
        memory
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program again, on one core.
fn pinned(core: &str) -> Result<Command, Box<dyn Error>> {
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(std::env::current_exe()?);
    Ok(command)
}
