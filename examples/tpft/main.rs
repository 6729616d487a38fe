//! Files over tinyproto, as the program tpft of its authors sends them.
//!
//! ```text
//! mkdir /tmp/shared
//! cargo run --example tpft serve --uploads /tmp/shared
//! cargo run --example tpft put 127.0.0.1:8088 Cargo.toml /Cargo.toml
//! cargo run --example tpft get 127.0.0.1:8088 /Cargo.toml copy.toml
//! ```
mod client;
#[path = "../common/mod.rs"]
mod common;
mod letter;
mod server;
mod transfer;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::{Arguments, Outcome};
use ropewalk::client_endpoint;
use server::Store;

const USAGE: &str = "\
Usage: tpft serve [--uploads] DIRECTORY [ENDPOINT...]
       tpft get ENDPOINT PATH [LOCAL]
       tpft put ENDPOINT LOCAL PATH

serve lets everybody fetch the files in DIRECTORY who connects to an ENDPOINT
(default 127.0.0.1:8088) and, with --uploads, put more there. Nobody gets out of the
directory, and nothing is overwritten. get fetches a file to LOCAL (default its name, here),
put sends one. Both exit with 0 when the whole file is there, with 130 after Ctrl-C, and
with 1 otherwise.";

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| match arguments.next_or("")?.as_str() {
        "serve" => serve(arguments),
        "get" => get(arguments),
        "put" => put(arguments),
        _ => Err("serve, get or put? See --help".into()),
    })
}

/// The next argument, which has to be there.
fn need(arguments: &mut Arguments, what: &str) -> Result<String, String> {
    match arguments.next_or("")? {
        argument if argument.is_empty() => Err(format!("{what} is missing: see --help")),
        argument => Ok(argument),
    }
}

fn serve(mut arguments: Arguments) -> Outcome {
    let takes_uploads = arguments.has("--uploads");
    let directory = need(&mut arguments, "the directory")?;
    let store =
        Store::new(directory.as_ref(), takes_uploads).map_err(|error| format!("{directory}: {error}"))?;
    common::serve_all(&arguments.all_or("127.0.0.1:8088")?, server::serve(store))
}

fn get(mut arguments: Arguments) -> Outcome {
    let endpoint = client_endpoint(&need(&mut arguments, "the endpoint")?)?;
    let path = need(&mut arguments, "the path of the file there")?;
    let name = Path::new(&path).file_name().and_then(|name| name.to_str()).unwrap_or("");
    let local = PathBuf::from(arguments.next_or(name)?);
    arguments.finish()?;
    client::converse(endpoint, |messages| client::get(messages, path, local))
}

fn put(mut arguments: Arguments) -> Outcome {
    let endpoint = client_endpoint(&need(&mut arguments, "the endpoint")?)?;
    let local = PathBuf::from(need(&mut arguments, "the local file")?);
    let path = need(&mut arguments, "the path of the file there")?;
    arguments.finish()?;
    client::converse(endpoint, |messages| client::put(messages, local, path))
}
