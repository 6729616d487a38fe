//! What the examples share: their arguments, and the few lines that run a server.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;

use ropewalk::{Factory, Reactor, ServerEndpoint, server_endpoint};

/// The last lines of every `--help` that speaks of endpoints.
const ENDPOINTS: &str = "
An ENDPOINT is an address such as 127.0.0.1:8123, [::1]:8123 or localhost:8123, or
a description such as tcp:8123 (on all interfaces) or tcp6:8123:interface=[::1] to
listen on, tcp:127.0.0.1:8123:timeout=5 to connect to.";

/// How an example ends.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// The arguments on the command line that were not taken yet.
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    /// The next argument, or what stands for it if there are no more.
    pub(crate) fn next_or(&mut self, default: &str) -> String {
        if self.0.is_empty() { default.to_owned() } else { self.0.remove(0) }
    }

    /// Complains about arguments that nobody took.
    pub(crate) fn finish(self) -> Outcome {
        match self.0.first() {
            Some(argument) => Err(format!("unexpected argument {argument:?}: see --help").into()),
            None => Ok(()),
        }
    }
}

/// Runs `program`. An error is one line on standard error and exit code 1; `--help` prints `usage` and, if that
/// speaks of one, what an endpoint is.
pub(crate) fn run(usage: &str, program: impl FnOnce(Arguments) -> Outcome) -> ExitCode {
    // RUST_LOG=info shows more than warnings.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    match run_or_help(usage, program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_or_help(usage: &str, program: impl FnOnce(Arguments) -> Outcome) -> Outcome {
    let mut arguments = Vec::new();
    for argument in env::args_os().skip(1) {
        arguments.push(argument.into_string().map_err(|argument| format!("{argument:?} is not UTF-8"))?);
    }
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        let endpoints = if usage.contains("ENDPOINT") { ENDPOINTS } else { "" };
        return say(&format!("{usage}\n{endpoints}"));
    }
    program(Arguments(arguments))
}

/// Serves what `factory` makes on the endpoint that is described until SIGINT (Ctrl-C) or SIGTERM.
#[allow(dead_code, reason = "clients and datagrams are served otherwise")]
pub(crate) fn serve(endpoint: &str, factory: impl Factory + 'static) -> Outcome {
    serve_at(&server_endpoint(endpoint)?, factory)
}

/// Serves on an endpoint.
#[allow(dead_code, reason = "the clients are no servers")]
pub(crate) fn serve_at(endpoint: &dyn ServerEndpoint, factory: impl Factory + 'static) -> Outcome {
    let mut reactor = Reactor::new()?;
    let port = endpoint.listen_shared(&reactor, Rc::new(factory))?;
    reactor.stop_on_signals()?;
    say(&format!("listening on {}", port.address()))?;
    reactor.run()?;
    Ok(())
}

/// Prints a line that somebody may be waiting for, even at the other end of a pipe.
pub(crate) fn say(line: &str) -> Outcome {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()?;
    Ok(())
}
