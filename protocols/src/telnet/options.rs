//! What is agreed on about all options of both ends.

use super::agreement::{Agreement, Saying};
use super::codes::{DO, DONT, TelnetOption, WILL, WONT};
use super::parser::Verb;

/// What this side agrees to if the peer begins.
#[derive(Debug)]
pub(super) struct Consent {
    pub(super) own: &'static [TelnetOption],
    pub(super) peer: &'static [TelnetOption],
}

/// The options of this side and of the peer.
#[derive(Debug)]
pub(super) struct Options {
    consent: &'static Consent,
    own: [Agreement; TelnetOption::ALL.len()],
    peer: [Agreement; TelnetOption::ALL.len()],
}

/// What to say to the peer: a verb and an option.
pub(super) type Command = [u8; 2];

/// What came of something that the peer has said about an option.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Heard {
    pub(super) answer: Option<Command>,
    /// The option, if it is known, was turned on or off: that of this side, or of the peer.
    pub(super) changed: Option<(Side, TelnetOption, bool)>,
}

/// Whose option it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Own,
    Peer,
}

impl Options {
    pub(super) fn new(consent: &'static Consent) -> Self {
        Self { consent, own: Default::default(), peer: Default::default() }
    }

    /// From now on this is agreed to.
    pub(super) fn consent_to(&mut self, consent: &'static Consent) {
        self.consent = consent;
    }

    pub(super) fn of(&self, side: Side, option: TelnetOption) -> Agreement {
        match side {
            Side::Own => self.own[option.index()],
            Side::Peer => self.peer[option.index()],
        }
    }

    fn agreement(&mut self, side: Side, option: TelnetOption) -> &mut Agreement {
        match side {
            Side::Own => &mut self.own[option.index()],
            Side::Peer => &mut self.peer[option.index()],
        }
    }

    /// This side wants an option on or off. Returns what to say, if anything.
    pub(super) fn ask(&mut self, side: Side, option: TelnetOption, on: bool) -> Option<Command> {
        command(side, option.code(), self.agreement(side, option).ask(on))
    }

    /// The peer has said something about an option.
    pub(super) fn hear(&mut self, verb: Verb, code: u8) -> Heard {
        let (side, on) = match verb {
            Verb::Will => (Side::Peer, true),
            Verb::Wont => (Side::Peer, false),
            Verb::Do => (Side::Own, true),
            Verb::Dont => (Side::Own, false),
        };
        let Some(option) = TelnetOption::from_code(code) else {
            // What is not known is off, and stays so.
            return Heard { answer: command(side, code, on.then_some(false)), changed: None };
        };
        let agrees = match side {
            Side::Own => self.consent.own.contains(&option),
            Side::Peer => self.consent.peer.contains(&option),
        };
        let agreement = self.agreement(side, option);
        let before = agreement.is_on();
        let answer = command(side, code, agreement.hear(on, agrees));
        let after = self.of(side, option).is_on();
        Heard { answer, changed: (before != after).then_some((side, option, after)) }
    }
}

fn command(side: Side, code: u8, saying: Saying) -> Option<Command> {
    let verb = match (side, saying?) {
        (Side::Own, true) => WILL,
        (Side::Own, false) => WONT,
        (Side::Peer, true) => DO,
        (Side::Peer, false) => DONT,
    };
    Some([verb, code])
}
