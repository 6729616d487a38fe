//! Telling data from commands, byte by byte.

use super::codes::{CR, DO, DONT, IAC, LF, NUL, SB, SE, WILL, WONT};

/// The longest subnegotiation, in bytes; Twisted's.
pub(super) const SUBNEGOTIATION_MAX: usize = 4096;

/// Where the parser is.
#[derive(Default, Debug)]
enum State {
    #[default]
    Data,
    /// After CR.
    Return,
    Command,
    /// After one of the four verbs.
    Option(Verb),
    /// Within a subnegotiation.
    Subnegotiation(Vec<u8>),
    /// After IAC within one.
    SubnegotiationCommand(Vec<u8>),
}

/// What is said about an option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verb {
    Will,
    Wont,
    Do,
    Dont,
}

/// What one more byte has completed.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Token {
    /// Nothing yet.
    None,
    /// A byte of data.
    Data(u8),
    /// CR LF: the end of a line.
    LineEnd,
    /// CR NUL: a carriage return.
    Return,
    /// CR before something else. The byte is not used: it is to be fed again.
    ReturnBefore,
    Command(u8),
    Negotiation(Verb, u8),
    /// The option and its parameters. Never empty.
    Subnegotiation(Vec<u8>),
    /// A subnegotiation is longer than [`SUBNEGOTIATION_MAX`].
    TooLong,
}

/// Tells data from commands.
#[derive(Default, Debug)]
pub(super) struct Parser {
    state: State,
}

impl Parser {
    /// Whether `byte` begins a command, or a byte of data that looks like one.
    pub(super) fn begins_command(&self, byte: u8) -> bool {
        byte == IAC && matches!(self.state, State::Data)
    }

    /// Takes one more byte.
    pub(super) fn feed(&mut self, byte: u8) -> Token {
        let (next, token) = match std::mem::take(&mut self.state) {
            State::Data => Self::data(byte),
            State::Return => Self::after_return(byte),
            State::Command => Self::command(byte),
            State::Option(verb) => (State::Data, Token::Negotiation(verb, byte)),
            State::Subnegotiation(parameters) if byte == IAC => {
                (State::SubnegotiationCommand(parameters), Token::None)
            }
            State::Subnegotiation(parameters) => Self::parameter(parameters, byte),
            State::SubnegotiationCommand(parameters) => Self::command_within(parameters, byte),
        };
        self.state = next;
        token
    }

    fn data(byte: u8) -> (State, Token) {
        match byte {
            IAC => (State::Command, Token::None),
            CR => (State::Return, Token::None),
            byte => (State::Data, Token::Data(byte)),
        }
    }

    fn after_return(byte: u8) -> (State, Token) {
        match byte {
            LF => (State::Data, Token::LineEnd),
            NUL => (State::Data, Token::Return),
            _ => (State::Data, Token::ReturnBefore),
        }
    }

    fn command(byte: u8) -> (State, Token) {
        match byte {
            IAC => (State::Data, Token::Data(IAC)),
            WILL => (State::Option(Verb::Will), Token::None),
            WONT => (State::Option(Verb::Wont), Token::None),
            DO => (State::Option(Verb::Do), Token::None),
            DONT => (State::Option(Verb::Dont), Token::None),
            SB => (State::Subnegotiation(Vec::new()), Token::None),
            byte => (State::Data, Token::Command(byte)),
        }
    }

    fn parameter(mut parameters: Vec<u8>, byte: u8) -> (State, Token) {
        if parameters.len() == SUBNEGOTIATION_MAX {
            return (State::Data, Token::TooLong);
        }
        parameters.push(byte);
        (State::Subnegotiation(parameters), Token::None)
    }

    fn command_within(parameters: Vec<u8>, byte: u8) -> (State, Token) {
        match byte {
            IAC => Self::parameter(parameters, IAC),
            SE if parameters.is_empty() => (State::Data, Token::None),
            SE => (State::Data, Token::Subnegotiation(parameters)),
            // The end was forgotten: what comes is a command.
            byte => Self::command(byte),
        }
    }
}
