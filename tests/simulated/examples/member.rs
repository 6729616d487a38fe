//! Somebody in a chat.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{
    LineProtocol, LineReceiver, LineTransport, Protocol, Reason, Result, SendLine, TimerKey, Transport,
};

/// What somebody in a chat has heard, as the test sees it.
#[derive(Clone, Default)]
pub(crate) struct Member(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    transport: Option<Transport>,
    is_welcome: bool,
    was_refused: bool,
    is_lost: bool,
    lines: Vec<String>,
}

impl Member {
    /// A protocol that takes part under this name. One that is slow rests after each line.
    pub(crate) fn protocol(&self, name: &str, is_slow: bool) -> impl Protocol + use<> {
        LineReceiver::new(Client { name: name.to_owned(), member: self.clone(), is_slow })
    }

    pub(crate) fn is_welcome(&self) -> bool {
        self.0.borrow().is_welcome
    }

    /// Whether somebody else had its name.
    pub(crate) fn was_refused(&self) -> bool {
        self.0.borrow().was_refused
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.0.borrow().is_lost
    }

    pub(crate) fn say(&self, line: &str) {
        self.transport().send_line(line);
    }

    pub(crate) fn leave(&self) {
        self.transport().lose_connection();
    }

    pub(crate) fn transport(&self) -> Transport {
        self.0.borrow().transport.clone().expect("a member has a connection")
    }

    /// The names of the others who are in the room, as far as this one was told.
    pub(crate) fn company(&self) -> BTreeSet<String> {
        self.0.borrow().company()
    }

    /// The lines of this speaker, in the order in which they came.
    pub(crate) fn heard_from(&self, speaker: &str) -> Vec<String> {
        let prefix = format!("<{speaker}> ");
        self.0
            .borrow()
            .lines
            .iter()
            .filter_map(|line| line.strip_prefix(&prefix))
            .map(str::to_owned)
            .collect()
    }
}

impl State {
    /// The names of the others, as what was announced tells.
    fn company(&self) -> BTreeSet<String> {
        let mut company = BTreeSet::new();
        for line in &self.lines {
            if let Some(name) = line.strip_suffix(" is here.").or_else(|| line.strip_suffix(" has joined.")) {
                assert!(company.insert(name.to_owned()), "{name} comes twice: {:?}", self.lines);
            } else if let Some(name) = line.strip_suffix(" has left.") {
                assert!(company.remove(name), "{name} leaves without having come: {:?}", self.lines);
            }
        }
        company
    }
}

struct Client {
    name: String,
    member: Member,
    is_slow: bool,
}

impl LineProtocol for Client {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        self.member.0.borrow_mut().transport = Some((*transport).clone());
    }

    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        let line = std::str::from_utf8(line)?;
        let mut state = self.member.0.borrow_mut();
        if line == "What's your name?" {
            transport.send_line(&self.name);
        } else if line.starts_with("Welcome, ") {
            state.is_welcome = true;
        } else if line.starts_with("Name taken") {
            state.was_refused = true;
        } else {
            state.lines.push(line.to_owned());
        }
        if self.is_slow {
            transport.pause_reading();
            let _ = transport.set_timer(Duration::from_millis(500));
        }
        Ok(())
    }

    fn timer_expired(&mut self, transport: &mut LineTransport<'_>, _: TimerKey) {
        transport.resume_reading();
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.member.0.borrow_mut().is_lost = true;
    }
}
