//! Routers: which handler gets what, and work in threads whose results come back in order.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod events;
mod groups;
mod matching;
#[cfg(feature = "regex")]
mod regexes;
mod results;
mod threads;

#[path = "../support/mod.rs"]
mod support;
#[path = "../world/mod.rs"]
mod world;

use ropewalk::testing::Probe;
use ropewalk::{Address, Factory, Protocol, Result, Router, RouterContext};

type Context<'a, S> = RouterContext<'a, S>;

/// A protocol of the router.
fn protocol<S: 'static>(router: &Router<S>) -> Box<dyn Protocol> {
    router.build_protocol(&Address::Stdio).unwrap()
}

fn probe<S: 'static>(router: &Router<S>) -> Probe {
    Probe::new(protocol(router))
}

/// A handler that answers with its name and what it was given.
fn named<S: 'static>(name: &'static str) -> impl Fn(&mut Context<'_, S>, &[u8]) -> Result + 'static {
    move |context, data| {
        context.write_vectored(&[name.as_bytes(), b"(", data, b")"]);
        Ok(())
    }
}

/// What is written in answer, as text with escapes.
fn answer(probe: &mut Probe, data: impl AsRef<[u8]>) -> String {
    probe.deliver(data);
    probe.written().escape_ascii().to_string()
}
