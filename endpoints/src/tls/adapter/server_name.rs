//! The name that a client asks for. rustls shows it to what chooses the certificate, and to nobody else.

use std::cell::RefCell;

thread_local! {
    static ASKED: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
}

/// Calls `call`, and returns the name that was [`note`]d in it.
pub(super) fn noting<R>(call: impl FnOnce() -> R) -> (R, Option<Box<str>>) {
    ASKED.take();
    let result = call();
    (result, ASKED.take())
}

pub(super) fn note(name: Option<&str>) {
    ASKED.set(name.map(Into::into));
}
