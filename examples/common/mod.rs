//! What the examples share: their arguments, and the few lines that run a server or a client.

#[allow(dead_code, reason = "only a client has a user who types")]
pub(crate) mod keyboard;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;

use ropewalk::{
    Address, ClientEndpoint, DescribedEndpoint, Factory, Policy, Protocol, Reactor, ReactorHandle,
    ServerEndpoint, TaskError, client_endpoint, prepared, server_endpoint,
};

/// The last lines of every `--help` that speaks of endpoints.
const ENDPOINTS: &str = "
An ENDPOINT is an address such as 127.0.0.1:8123, [::1]:8123 or localhost:8123, or
a description. To listen on:
  tcp:8123                      TCP on all interfaces; tcp6: over IPv6
  unix:/tmp/socket:mode=660     a UNIX socket; unix:@name is an abstract one
  tls:8443:cert=FILE:key=FILE   TLS; files of PEM
  ws:8080:path=/chat            WebSockets, also from browsers; text=yes sends strings
  wss:8443:cert=FILE:key=FILE   WebSockets over TLS
  proxy:tcp:8123                behind a proxy that sends PROXY headers
  systemd:name=web              a socket from systemd
  stdio:                        standard input and output
To connect to:
  tcp:example.org:80:timeout=5
  unix:/tmp/socket
  tls:example.org:443           TLS; ca=FILE trusts the authorities in FILE alone
  ws://example.org/chat         a WebSocket; wss:// for one over TLS, or with more to
                                say wss:example.org:443:path=/chat:ca=FILE
  socks5:localhost:1080:example.org:80
A : or a = within a value is written \\: or \\=.";

/// As shells have it: 128, and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// How an example ends.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// The arguments on the command line that were not taken yet.
pub(crate) struct Arguments(Vec<String>);

#[allow(dead_code, reason = "each example takes its own arguments")]
impl Arguments {
    /// The next argument, or what stands for it if there are no more.
    pub(crate) fn next_or(&mut self, default: &str) -> Result<String, String> {
        if self.0.is_empty() { Ok(default.to_owned()) } else { no_option(self.0.remove(0)) }
    }

    /// Takes an option if it is there.
    pub(crate) fn has(&mut self, option: &str) -> bool {
        let place = self.0.iter().position(|argument| argument == option);
        place.map(|place| self.0.remove(place)).is_some()
    }

    /// Takes an option and its value if it is there.
    pub(crate) fn value_of(&mut self, option: &str) -> Result<Option<String>, String> {
        let Some(place) = self.0.iter().position(|argument| argument == option) else { return Ok(None) };
        if place + 1 == self.0.len() {
            return Err(format!("{option} has no value: see --help"));
        }
        Ok(self.0.drain(place..place + 2).nth(1))
    }

    /// All that are left.
    pub(crate) fn all(self) -> Result<Vec<String>, String> {
        self.0.into_iter().map(no_option).collect()
    }

    /// All that are left, or what stands for them if there are none.
    pub(crate) fn all_or(self, default: &str) -> Result<Vec<String>, String> {
        if self.0.is_empty() { Ok(vec![default.to_owned()]) } else { self.all() }
    }

    /// Complains about arguments that nobody took.
    pub(crate) fn finish(self) -> Outcome {
        match self.all()?.first() {
            Some(argument) => Err(format!("unexpected argument {argument:?}: see --help").into()),
            None => Ok(()),
        }
    }
}

/// `argument`, unless it is an option: the example would have taken it if it had it.
fn no_option(argument: String) -> Result<String, String> {
    if argument.starts_with("--") {
        return Err(format!("unexpected option {argument:?}: see --help"));
    }
    Ok(argument)
}

/// Runs `program`. An error is one line on standard error and exit code 1, to be interrupted is exit code 130; `--help`
/// prints `usage` and, if that speaks of one, what an endpoint is.
pub(crate) fn run(usage: &str, program: impl FnOnce(Arguments) -> Outcome) -> ExitCode {
    // RUST_LOG=info shows more than warnings.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    match run_or_help(usage, program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.downcast_ref() == Some(&TaskError::Cancelled) => ExitCode::from(INTERRUPTED),
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

/// Runs a server whose only argument is its endpoint, which is `default` if there is none.
#[allow(dead_code, reason = "others take more arguments")]
pub(crate) fn run_server<F: Factory + 'static>(
    usage: &str,
    default: &str,
    factory: impl FnOnce() -> F,
) -> ExitCode {
    run_at(usage, default, |endpoint| serve(endpoint, factory()))
}

/// The same for a server that makes the WebSockets of its endpoint itself, to hear messages.
#[allow(dead_code, reason = "the others serve streams")]
pub(crate) fn run_websocket_server<F: Factory + 'static>(
    usage: &str,
    default: &str,
    factory: impl FnOnce() -> F,
) -> ExitCode {
    run_at(usage, default, |endpoint| {
        serve_at(&[Box::new(below_websockets(endpoint)?)], factory(), where_it_listens)
    })
}

/// Runs `serve` with the only argument, an endpoint, which is `default` if there is none.
fn run_at(usage: &str, default: &str, serve: impl FnOnce(&str) -> Outcome) -> ExitCode {
    run(usage, |mut arguments| {
        let endpoint = arguments.next_or(default)?;
        arguments.finish()?;
        serve(&endpoint)
    })
}

/// Runs a client whose only argument is its endpoint, which is `default` if there is none.
#[allow(dead_code, reason = "others take more arguments")]
pub(crate) fn run_client<F: Future<Output = Outcome> + 'static>(
    usage: &str,
    default: &str,
    client: impl FnOnce(ReactorHandle, DescribedEndpoint<dyn ClientEndpoint>) -> F,
) -> ExitCode {
    run(usage, |mut arguments| {
        let endpoint = client_endpoint(&arguments.next_or(default)?)?;
        arguments.finish()?;
        run_errand(|reactor| client(reactor, endpoint))
    })
}

/// Runs what a client has to do. Ctrl-C gives it up.
#[allow(dead_code, reason = "servers have no end")]
pub(crate) fn run_errand<F: Future<Output = Outcome> + 'static>(
    errand: impl FnOnce(ReactorHandle) -> F,
) -> Outcome {
    let mut reactor = Reactor::new()?;
    reactor.stop_on_signals()?;
    let errand = errand(reactor.handle());
    reactor.block_on(errand)??
}

/// Serves what `factory` makes on the endpoint that is described until SIGINT (Ctrl-C) or SIGTERM.
#[allow(dead_code, reason = "clients and datagrams are served otherwise")]
pub(crate) fn serve(endpoint: &str, factory: impl Factory + 'static) -> Outcome {
    serve_all(&[endpoint.to_owned()], factory)
}

/// Serves on all the endpoints that are described.
#[allow(dead_code, reason = "the clients are no servers")]
pub(crate) fn serve_all(endpoints: &[String], factory: impl Factory + 'static) -> Outcome {
    let mut described: Vec<Box<dyn ServerEndpoint>> = Vec::new();
    for endpoint in endpoints {
        described.push(Box::new(server_endpoint(endpoint)?));
    }
    serve_at(&described, factory, where_it_listens)
}

/// Serves on endpoints until SIGINT, SIGTERM, or a stop of the reactor. Prints what `greeting` says of the addresses when it
/// listens there.
#[allow(dead_code, reason = "the clients are no servers")]
pub(crate) fn serve_at(
    endpoints: &[Box<dyn ServerEndpoint>],
    factory: impl Factory + 'static,
    greeting: impl FnOnce(&[Address]) -> String,
) -> Outcome {
    let mut reactor = Reactor::new()?;
    let factory: Rc<dyn Factory> = Rc::new(EndWithStdio.around(factory));
    let mut addresses = Vec::new();
    for endpoint in endpoints {
        let port = endpoint.listen_shared(&reactor, Rc::clone(&factory))?;
        addresses.push(port.address().clone());
    }
    reactor.stop_on_signals()?;
    // Standard output is the conversation if that is where it takes place.
    if !addresses.contains(&Address::Stdio) {
        say(&greeting(&addresses))?;
    }
    reactor.run()?;
    Ok(())
}

/// A line for each address.
#[allow(dead_code, reason = "the clients are no servers")]
pub(crate) fn where_it_listens(addresses: &[Address]) -> String {
    let lines: Vec<String> = addresses.iter().map(|address| format!("listening on {address}")).collect();
    lines.join("\n")
}

/// What the WebSockets of an endpoint go over: of the kinds `ws` and `wss`, which make streams of them, that is what is below. Of
/// another kind it is all.
fn below_websockets(endpoint: &str) -> Result<DescribedEndpoint<dyn ServerEndpoint>, Box<dyn Error>> {
    // A mistake is told about what was written.
    let described = server_endpoint(endpoint)?;
    let (kind, arguments) = endpoint.split_once(':').unwrap_or_default();
    let below = match kind.to_ascii_lowercase().as_str() {
        "ws" => "tcp",
        "wss" => "tls",
        _ => return Ok(described),
    };
    server_endpoint(&format!("{below}:{arguments}"))
        .map_err(|_| format!("the endpoint {endpoint:?} may have only the keys of {below} here").into())
}

/// Nobody else can come once a conversation over standard input and output is over.
struct EndWithStdio;

impl Policy for EndWithStdio {
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        let protocol = factory.build_protocol(peer)?;
        if *peer != Address::Stdio {
            return Some(protocol);
        }
        Some(prepared(protocol, |transport| {
            let reactor = transport.reactor().clone();
            transport.when_lost().then(move |_| reactor.stop());
        }))
    }
}

/// Prints a line that somebody may be waiting for, even at the other end of a pipe.
pub(crate) fn say(line: &str) -> Outcome {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()?;
    Ok(())
}
