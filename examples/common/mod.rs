//! What the examples share: their arguments, and the few lines that run a server.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use ropewalk::{Factory, Reactor, ServerEndpoint, TcpServerEndpoint};

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

/// Runs `program`. An error is one line on standard error and exit code 1; `--help` prints `usage`.
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
        return say(usage);
    }
    program(Arguments(arguments))
}

/// Serves what `factory` makes on `address` until SIGINT (Ctrl-C) or SIGTERM.
#[allow(dead_code, reason = "the clients are no servers")]
pub(crate) fn serve(address: &str, factory: impl Factory + 'static) -> Outcome {
    let endpoint: TcpServerEndpoint = address.parse()?;
    let mut reactor = Reactor::new()?;
    let port = endpoint.listen(&reactor, factory)?;
    reactor.stop_on_signals()?;
    say(&format!("listening on {}", port.address()))?;
    reactor.run()?;
    Ok(())
}

/// Prints a line that somebody may be waiting for, even at the other end of a pipe.
fn say(line: &str) -> Outcome {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()?;
    Ok(())
}
