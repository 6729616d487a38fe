//! Handlers chosen by prefix and by regular expression, and work in threads, as with ButterflyNet.
//!
//! ```text
//! cargo run --example butterfly
//! telnet 127.0.0.1 8001
//! ```
//!
//! Say `ECHO something`, `ADD 1 2`, `PRIMES 10000000` or `QUIT`. While primes are counted, others are answered.
mod common;

use std::process::ExitCode;
use std::time::Duration;

use ropewalk::{Delimiter, Router, SendLine, regex};

const USAGE: &str = "\
Usage: butterfly [ENDPOINT]

Answers on ENDPOINT (default 127.0.0.1:8001) what begins with ECHO, ADD, PRIMES
or QUIT.";

pub(crate) fn router() -> Result<Router, regex::Error> {
    let router = Router::new()
        .per_line(Delimiter::LfOrCrLf)
        .prefix("ECHO ", |context, line| {
            context.send_line(&line[5..]);
            Ok(())
        })
        .regex(r"^ADD (\d{1,9}) (\d{1,9})$", |context, _, groups| {
            context.send_line((number(&groups[1])? + number(&groups[2])?).to_string());
            Ok(())
        })?
        .regex(r"^PRIMES (\d{1,8})$", |context, _, groups| {
            let limit = number(&groups[1])?;
            context.run_in_thread_within(
                Duration::from_secs(10),
                move || primes(limit),
                |context, result| {
                    match result {
                        Ok(count) => context.send_line(format!("{count} primes")),
                        Err(error) => context.send_line(error.to_string()),
                    }
                    Ok(())
                },
            );
            Ok(())
        })?
        .prefix("QUIT", |context, _| {
            context.lose_connection();
            Ok(())
        })
        .otherwise(|context, _| {
            context.send_line("ECHO, ADD, PRIMES or QUIT?");
            Ok(())
        });
    Ok(router)
}

fn number(digits: &[u8]) -> ropewalk::Result<u64> {
    Ok(std::str::from_utf8(digits)?.parse()?)
}

/// How many primes are below `limit`.
fn primes(limit: u64) -> usize {
    let is_prime = |number: &u64| {
        (2..).take_while(|factor| factor * factor <= *number).all(|factor| number % factor != 0)
    };
    (2..limit).filter(is_prime).count()
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8001")?;
        arguments.finish()?;
        common::serve(&endpoint, router()?)
    })
}
