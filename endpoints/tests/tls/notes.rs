//! Protocols that note what they hear.

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk_endpoints::TlsTransport;
use ropewalk_reactor::{Address, Factory, Protocol, Reason, Result, Transport};

/// What the protocols of a factory have heard, and the factory itself.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    notes: Rc<RefCell<Vec<String>>>,
    transports: Rc<RefCell<Vec<Transport>>>,
}

impl Notes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn note(&self, note: impl Into<String>) {
        self.notes.borrow_mut().push(note.into());
    }

    /// All notes. Data that came in several pieces is one note.
    pub(crate) fn all(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for note in &*self.notes.borrow() {
            match (all.last_mut(), note.strip_prefix("data: ")) {
                (Some(last), Some(data)) if last.starts_with("data: ") => last.push_str(data),
                _ => all.push(note.clone()),
            }
        }
        all
    }

    pub(crate) fn has(&self, prefix: &str) -> bool {
        self.notes.borrow().iter().any(|note| note.starts_with(prefix))
    }

    /// The latest connection.
    pub(crate) fn transport(&self) -> Transport {
        self.transports.borrow().last().unwrap().clone()
    }

    pub(crate) fn received(&self) -> usize {
        self.notes.borrow().iter().filter_map(|note| note.strip_prefix("data: ")).map(str::len).sum()
    }
}

impl Factory for Notes {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        Some(Box::new(self.clone()))
    }

    fn connection_failed(&self, _: &Address, reason: &Reason) {
        self.note(format!("failed: {reason}"));
    }
}

impl Protocol for Notes {
    fn connection_made(&mut self, transport: &Transport) {
        let version = transport.tls().map_or_else(|| "plain".to_owned(), |tls| tls.version.to_string());
        self.note(format!("made: {version}"));
        self.transports.borrow_mut().push(transport.clone());
    }

    fn layer_opened(&mut self, transport: &Transport) {
        self.note(format!("opened: {}", transport.tls().unwrap().version));
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.note(format!("data: {}", String::from_utf8_lossy(data)));
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.note("end");
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.note(format!("lost: {reason}"));
    }
}
