//! Servers and loads in processes of their own, on cores of their own.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::load::{Load, LoadResult};
use crate::servers::Kind;

const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// A server process; dropping it ends it.
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Result<Self, Box<dyn Error>> {
        let mut child = pinned(SERVER_CORE)?.args(["server", kind.name()]).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }

    /// Puts load on the server for a while.
    pub(crate) fn load(&self, load: Load, time: Duration) -> Result<LoadResult, Box<dyn Error>> {
        let numbers = [load.connections, load.message, load.window].map(|number| number.to_string());
        let milliseconds = time.as_millis().to_string();
        let output =
            pinned(LOAD_CORE)?.args(["load", &self.address]).args(numbers).arg(milliseconds).output()?;
        if !output.status.success() {
            return Err(format!("the load failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let numbers: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
        match numbers?[..] {
            [messages, median, slowest_percent] => Ok(LoadResult {
                messages,
                median: Duration::from_nanos(median),
                slowest_percent: Duration::from_nanos(slowest_percent),
            }),
            _ => Err(format!("the load printed {text:?}").into()),
        }
    }

    /// The time that the server's one thread has spent on a core, to the nanosecond.
    pub(crate) fn cpu_time(&self) -> Result<Duration, Box<dyn Error>> {
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", self.child.id()))?;
        let nanoseconds = text.split_whitespace().next().ok_or("schedstat is empty")?;
        Ok(Duration::from_nanos(nanoseconds.parse()?))
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
