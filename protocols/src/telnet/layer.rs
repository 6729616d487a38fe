//! Telnet between the wire and a protocol.

use std::cell::Cell;
use std::fmt;

use ropewalk_reactor::{Layer, LayerEnd, LayerState, LayerStop, Resolver, Result};

use super::codes::{
    ABORT, ABORT_OUTPUT, ARE_YOU_THERE, BREAK, CR, END_OF_FILE, ERASE_CHARACTER, ERASE_LINE, IAC,
    INTERRUPT_PROCESS, IS, LF, SEND, TelnetOption, WILL,
};
use super::editor::{Echo, Editor, Key};
use super::encoding::Encoder;
use super::event::TelnetEvent;
use super::options::{Consent, Options, Side};
use super::parser::{Parser, SUBNEGOTIATION_MAX, Token, Verb};
use super::transport::TelnetInfo;

/// What a server agrees to if the client begins.
static SERVER: Consent = Consent {
    own: &[TelnetOption::Echo, TelnetOption::SuppressGoAhead],
    peer: &[TelnetOption::SuppressGoAhead, TelnetOption::TerminalType, TelnetOption::WindowSize],
};

/// What a client agrees to.
static CLIENT: Consent = Consent {
    own: &[TelnetOption::SuppressGoAhead, TelnetOption::TerminalType],
    peer: &[TelnetOption::Echo, TelnetOption::SuppressGoAhead],
};

/// What a client agrees to that knows the size of its window.
static CLIENT_WITH_WINDOW: Consent = Consent {
    own: &[TelnetOption::SuppressGoAhead, TelnetOption::TerminalType, TelnetOption::WindowSize],
    peer: CLIENT.peer,
};

/// What Are You There is answered with.
const YES: &[u8] = b"[Yes]\r\n";

/// How much is said in answer to input at once, in bytes.
const SAID_MAX: usize = 4096;

/// Telnet (RFC 854) between the wire and a protocol: one side of one connection.
///
/// The protocol gets the data, and what else there is as a [`TelnetEvent`]; [`TelnetTransport`](crate::TelnetTransport) is how it
/// acts. [`TelnetServer`](crate::TelnetServer) puts the layer below the protocols of a factory.
///
/// The layer says nothing of its own accord, so who does not speak telnet does not notice it: bytes pass unchanged, except that
/// the byte 255 is doubled, that LF is sent as CR LF, and CR that is not before LF as CR NUL. Input ends its lines as the
/// peer does: CR LF stays, CR NUL is CR.
///
/// When the peer says something about an option, it is answered by the Q method (RFC 1143), so two ends never answer each other
/// without end. Options that are not [`TelnetOption`]s are refused. A subnegotiation of more than 4,096 bytes ends the
/// connection.
///
/// On the server's side, if it echoes or the peer has been told that nobody goes ahead, clients send each character as it is
/// typed. Then the layer edits the line as a terminal does, and passes it on when it is done, ended by CR LF: Backspace and
/// Delete erase a character of UTF-8, Ctrl-U the line, Ctrl-C is [`TelnetEvent::Interrupt`], and Ctrl-D on an empty line
/// ends the input. A line has 4,096 bytes at most.
pub struct TelnetLayer {
    role: Role,
    parser: Parser,
    encoder: Encoder,
    editor: Editor,
    options: Options,
    /// This side is to echo, not for the sake of hiding.
    echoes: bool,
    /// What is typed is not to be shown.
    hidden: bool,
    info: TelnetInfo,
    /// Those who are told of the next event, and are not the protocol.
    waiting: Cell<Vec<Resolver<()>>>,
    /// The columns and rows of this side's window, if it is to be told.
    window: Option<(u16, u16)>,
    stop: Option<LayerStop>,
    ended: bool,
}

/// Which side it is.
#[derive(Debug)]
enum Role {
    Server,
    /// With the type of its terminal.
    Client(String),
}

impl TelnetLayer {
    /// The server's side. It agrees to echo and to suppress go-aheads, and to hear of the client's terminal and window.
    pub fn server() -> Self {
        Self::new(Role::Server, &SERVER)
    }

    /// The client's side. It agrees to an echoing server, to suppressed go-aheads, and to tell the type of its terminal, as
    /// `TERM` has it; and to tell the size of its window, once that is
    /// [known](crate::TelnetTransport::set_window_size). Whoever uses it looks after not showing what is typed while the server echoes
    /// ([`TelnetEvent::PeerOption`]).
    pub fn client(terminal_type: impl Into<String>) -> Self {
        Self::new(Role::Client(terminal_type.into()), &CLIENT)
    }

    fn new(role: Role, consent: &'static Consent) -> Self {
        Self {
            role,
            parser: Parser::default(),
            encoder: Encoder::default(),
            editor: Editor::default(),
            options: Options::new(consent),
            echoes: false,
            hidden: false,
            info: TelnetInfo::default(),
            waiting: Cell::default(),
            window: None,
            stop: None,
            ended: false,
        }
    }

    /// What is known of the peer.
    pub(super) fn info(&self) -> &TelnetInfo {
        &self.info
    }

    /// Has `resolver` told of the next event.
    pub(super) fn tell_of_change(&self, resolver: Resolver<()>) {
        let mut waiting = self.waiting.take();
        waiting.retain(Resolver::is_awaited);
        waiting.push(resolver);
        self.waiting.set(waiting);
    }

    /// Asks for an option of one side to be on or off.
    pub(super) fn ask(&mut self, side: Side, option: TelnetOption, on: bool, down: &mut Vec<u8>) {
        if let Some(command) = self.options.ask(side, option, on) {
            self.encoder.command(&command, down);
        }
    }

    /// Has clients send each character as it is typed, or lines.
    pub(super) fn set_character_mode(&mut self, on: bool, down: &mut Vec<u8>) {
        self.echoes = on;
        self.ask(Side::Own, TelnetOption::SuppressGoAhead, on, down);
        self.settle_echo(down);
    }

    /// Has what is typed be hidden, or shown again.
    pub(super) fn set_input_hidden(&mut self, hidden: bool, down: &mut Vec<u8>) {
        self.hidden = hidden;
        self.settle_echo(down);
    }

    /// The client's window has this size now.
    pub(super) fn set_window_size(&mut self, columns: u16, rows: u16, down: &mut Vec<u8>) {
        let changes = self.window.replace((columns, rows)) != Some((columns, rows));
        if matches!(self.role, Role::Client(_)) {
            self.options.consent_to(&CLIENT_WITH_WINDOW);
        }
        if changes && self.options.of(Side::Own, TelnetOption::WindowSize).is_on() {
            self.tell_window_size(down);
        }
    }

    /// Tells the server what is known of the window.
    fn tell_window_size(&mut self, down: &mut Vec<u8>) {
        if let Some((columns, rows)) = self.window {
            let ([a, b], [c, d]) = (columns.to_be_bytes(), rows.to_be_bytes());
            self.encoder.subnegotiation(&[TelnetOption::WindowSize.code(), a, b, c, d], down);
        }
    }

    /// The client shows nothing while this side echoes.
    fn settle_echo(&mut self, down: &mut Vec<u8>) {
        self.ask(Side::Own, TelnetOption::Echo, self.echoes || self.hidden, down);
    }

    /// Whether this side edits the lines.
    fn edits(&self) -> bool {
        let is_on = |option| self.options.of(Side::Own, option).is_on();
        matches!(self.role, Role::Server)
            && (is_on(TelnetOption::Echo) || is_on(TelnetOption::SuppressGoAhead))
    }

    fn echo(&self) -> Echo {
        match self.options.of(Side::Own, TelnetOption::Echo).is_on() {
            false => Echo::Nothing,
            true if self.hidden => Echo::LineEnds,
            true => Echo::Everything,
        }
    }

    fn tell(&mut self, event: TelnetEvent) {
        self.stop = Some(LayerStop::Event(Box::new(event)));
        for resolver in self.waiting.take() {
            resolver.resolve(());
        }
    }

    /// Does what a token means. Nothing is in `up` that the protocol has to hear before, unless the token is data.
    fn take(&mut self, token: Token, up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result {
        match token {
            Token::None => {}
            Token::Data(LF) => self.line_ended(&[LF], up, down),
            Token::LineEnd => self.line_ended(&[CR, LF], up, down),
            Token::Data(byte) if self.edits() => {
                self.edit(down, |editor, echo, shown| editor.press(byte, echo, shown))
            }
            Token::Data(byte) => up.push(byte),
            Token::Return | Token::ReturnBefore if self.edits() => self.line_ended(&[], up, down),
            Token::Return | Token::ReturnBefore => up.push(CR),
            Token::Command(command) => self.command(command, down),
            Token::Negotiation(verb, code) => self.negotiate(verb, code, up, down),
            Token::Subnegotiation(parameters) => self.subnegotiate(&parameters, down),
            Token::TooLong => {
                return Err(format!("a subnegotiation of more than {SUBNEGOTIATION_MAX} bytes").into());
            }
        }
        Ok(())
    }

    /// A line is passed on. What the protocol does about it holds for the next.
    fn line_ended(&mut self, end: &[u8], up: &mut Vec<u8>, down: &mut Vec<u8>) {
        self.stop = Some(LayerStop::Deliver);
        if !self.edits() {
            up.extend_from_slice(end);
            return;
        }
        let mut shown = Vec::new();
        up.append(&mut self.editor.enter(self.echo(), &mut shown));
        up.extend_from_slice(b"\r\n");
        self.encoder.data(&shown, down);
    }

    /// Something happens to the line that is being edited.
    fn edit(&mut self, down: &mut Vec<u8>, edit: impl FnOnce(&mut Editor, Echo, &mut Vec<u8>) -> Key) {
        let mut shown = Vec::new();
        let echo = self.echo();
        let key = edit(&mut self.editor, echo, &mut shown);
        self.encoder.data(&shown, down);
        match key {
            Key::Edited => {}
            Key::Interrupt => self.tell(TelnetEvent::Interrupt),
            Key::End => self.ended = true,
        }
    }

    fn command(&mut self, command: u8, down: &mut Vec<u8>) {
        match command {
            ARE_YOU_THERE => self.encoder.data(YES, down),
            INTERRUPT_PROCESS if self.edits() => self.edit(down, |editor, echo, shown| {
                editor.interrupt(echo, shown);
                Key::Interrupt
            }),
            ERASE_CHARACTER if self.edits() => self.edit(down, |editor, echo, shown| {
                editor.erase_character(echo, shown);
                Key::Edited
            }),
            ERASE_LINE if self.edits() => self.edit(down, |editor, echo, shown| {
                editor.erase_line(echo, shown);
                Key::Edited
            }),
            INTERRUPT_PROCESS => self.tell(TelnetEvent::Interrupt),
            ERASE_CHARACTER => self.tell(TelnetEvent::EraseCharacter),
            ERASE_LINE => self.tell(TelnetEvent::EraseLine),
            BREAK | ABORT => self.tell(TelnetEvent::Break),
            ABORT_OUTPUT => self.tell(TelnetEvent::AbortOutput),
            END_OF_FILE => self.ended = self.editor.is_empty(),
            // Nothing, the data mark, go ahead, and what nobody has defined.
            _ => {}
        }
    }

    fn negotiate(&mut self, verb: Verb, code: u8, up: &mut Vec<u8>, down: &mut Vec<u8>) {
        let heard = self.options.hear(verb, code);
        if let Some(answer) = heard.answer {
            self.encoder.command(&answer, down);
        }
        let Some((side, option, on)) = heard.changed else { return };
        match (side, option) {
            (Side::Own, TelnetOption::Echo) => {
                // Whoever asks for it wants to be echoed; to hide input is this side's idea.
                self.echoes = on && (self.echoes || heard.answer == Some([WILL, code]));
            }
            (Side::Peer, TelnetOption::TerminalType) if on => {
                self.encoder.subnegotiation(&[TelnetOption::TerminalType.code(), SEND], down);
            }
            (Side::Own, TelnetOption::WindowSize) if on => self.tell_window_size(down),
            _ => {}
        }
        if !self.edits() {
            up.append(&mut self.editor.take());
        }
        self.info.echoes = self.peer_has(TelnetOption::Echo);
        self.info.takes_keys = self.info.echoes && self.peer_has(TelnetOption::SuppressGoAhead);
        self.info.wants_window_size = self.options.of(Side::Own, TelnetOption::WindowSize).is_on();
        self.tell(match side {
            Side::Own => TelnetEvent::OwnOption(option, on),
            Side::Peer => TelnetEvent::PeerOption(option, on),
        });
    }

    fn subnegotiate(&mut self, parameters: &[u8], down: &mut Vec<u8>) {
        let (code, parameters) = (parameters[0], &parameters[1..]);
        let Some(option) = TelnetOption::from_code(code) else { return };
        match (option, parameters) {
            (TelnetOption::WindowSize, &[a, b, c, d]) if self.peer_has(option) => {
                let (columns, rows) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                self.info.window_size = Some((columns, rows));
                self.tell(TelnetEvent::WindowSize { columns, rows });
            }
            (TelnetOption::TerminalType, [IS, name @ ..]) if self.peer_has(option) => {
                let name: String = name
                    .iter()
                    .filter(|byte| byte.is_ascii_graphic())
                    .map(|byte| char::from(*byte))
                    .collect();
                self.info.terminal_type = Some(name.clone());
                self.tell(TelnetEvent::TerminalType(name));
            }
            (TelnetOption::TerminalType, [SEND]) => {
                if let Role::Client(name) = &self.role {
                    let own = [&[option.code(), IS], name.as_bytes()].concat();
                    self.encoder.subnegotiation(&own, down);
                }
            }
            _ => {}
        }
    }

    fn peer_has(&self, option: TelnetOption) -> bool {
        self.options.of(Side::Peer, option).is_on()
    }
}

impl Layer for TelnetLayer {
    fn name(&self) -> &'static str {
        "telnet"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        let (mut used, from, said_before) = (0, up.len(), down.len());
        while let Some(&byte) = input.get(used) {
            if self.parser.begins_command(byte) && up.len() > from {
                // The protocol answers what came before the command before the command is answered.
                self.stop = Some(LayerStop::Deliver);
                return Ok(used);
            }
            let token = self.parser.feed(byte);
            used += usize::from(token != Token::ReturnBefore);
            self.info.speaks_telnet |= byte == IAC;
            self.take(token, up, down)?;
            if down.len() - said_before > SAID_MAX {
                // Whether the peer listens is to be seen before more is said.
                self.stop.get_or_insert(LayerStop::Deliver);
            }
            if self.stop.is_some() || self.ended {
                return Ok(used);
            }
        }
        Ok(used)
    }

    fn converses(&self) -> bool {
        true
    }

    fn take_stop(&mut self) -> Option<LayerStop> {
        self.stop.take()
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        self.encoder.data(data, down);
        Ok(())
    }

    fn close(&mut self, _: LayerEnd, down: &mut Vec<u8>) {
        self.encoder.finish(down);
    }

    fn state(&self) -> LayerState {
        if self.ended { LayerState::InputEnded } else { LayerState::Open }
    }
}

impl fmt::Debug for TelnetLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TelnetLayer")
            .field("role", &self.role)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
