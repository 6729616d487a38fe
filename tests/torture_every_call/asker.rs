//! A client that asks, hears the answer, and tells what it thinks of it.

use std::time::Duration;

use ropewalk::{Protocol, Reason, Result, TimerKey, Transport};

use crate::stage::{DONE, Results};

/// Who says that a conversation is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client finishes its own side at once.
    HalfClose,
    /// The client closes once it has heard everything.
    Close,
    /// The server closes.
    Waits,
    /// As `Close`, but the client hears nothing for a while.
    ClosesLate,
}

/// How long a client hears nothing that begins late.
const DEAFNESS: Duration = Duration::from_millis(300);

pub(crate) struct Asker {
    question: Vec<u8>,
    answer: Vec<u8>,
    ending: Ending,
    heard: Vec<u8>,
    name: String,
    results: Results,
}

impl Asker {
    /// One that expects this answer to this question.
    pub(crate) fn new(question: impl Into<Vec<u8>>, answer: impl Into<Vec<u8>>, ending: Ending) -> Self {
        let (question, answer) = (question.into(), answer.into());
        Self { question, answer, ending, heard: Vec::new(), name: String::new(), results: Results::default() }
    }

    /// One that expects its question back.
    pub(crate) fn echo(length: usize, ending: Ending) -> Self {
        let question: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
        Self::new(question.clone(), question, ending)
    }

    pub(crate) fn question_length(&self) -> usize {
        self.question.len()
    }

    pub(crate) fn telling(self, name: &str, results: &Results) -> Self {
        Self { name: name.to_owned(), results: results.clone(), ..self }
    }
}

impl Protocol for Asker {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_keepalive(Some(Duration::from_secs(600)));
        transport.write(&self.question);
        match self.ending {
            Ending::HalfClose => transport.lose_write_connection(),
            Ending::ClosesLate => {
                transport.pause_reading();
                transport.set_timer(DEAFNESS);
            }
            Ending::Close | Ending::Waits => {}
        }
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.resume_reading();
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.heard.extend_from_slice(data);
        let closes = matches!(self.ending, Ending::Close | Ending::ClosesLate);
        if closes && self.heard.len() >= self.answer.len() {
            transport.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        let result = match (reason.is_clean(), self.heard == self.answer) {
            (true, true) => DONE.to_owned(),
            // G3: what was accepted is sent, or whoever is to hear it knows that something is missing.
            (true, false) => format!("a clean end after {} of {}", self.heard.len(), self.answer.len()),
            (false, _) => reason.to_string(),
        };
        self.results.set(self.name.clone(), result);
    }
}
