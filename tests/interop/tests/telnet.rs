//! Debian's telnet in a pseudo-terminal, as a person sits before it.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rexpect::session::{PtySession, spawn_command};
use ropewalk_interop::{Example, PATIENCE, telnet};

/// A person with a terminal.
struct Person(PtySession);

impl Person {
    #[track_caller]
    fn at(server: SocketAddr) -> Self {
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
        let mut person = Self(spawn_command(telnet_in_terminal(server), Some(patience)).unwrap());
        person.sees("Trying 127.0.0.1...");
        person.sees("Connected to 127.0.0.1.");
        person.sees("Escape character is '^]'.");
        person
    }

    /// The next line on the screen is exactly this one.
    #[track_caller]
    fn sees(&mut self, line: &str) {
        match self.0.read_line() {
            Ok(seen) => assert_eq!(decoded(&seen), line),
            Err(error) => panic!("waiting for {line:?}: {error}"),
        }
    }

    /// The terminal shows what is typed.
    #[track_caller]
    fn types(&mut self, line: &str) {
        self.0.send_line(line).unwrap();
        self.sees(line);
    }

    /// Has telnet send each key as it is typed. From then on the server shows it.
    #[track_caller]
    fn types_in_character_mode(&mut self) {
        self.0.send_control(']').unwrap();
        self.0.exp_string("telnet> ").unwrap();
        self.types("mode character");
        // Keys that are pressed before would still be for the terminal's own line.
        let deadline = Instant::now() + PATIENCE;
        while !self.terminal_is_raw() {
            assert!(Instant::now() < deadline, "telnet has not changed the terminal");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the terminal neither shows what is typed nor keeps it until the line ends.
    fn terminal_is_raw(&self) -> bool {
        let terminal = self.0.process().get_file_handle().unwrap();
        let settings = Command::new("stty").arg("-a").stdin(terminal).output().unwrap();
        let settings = String::from_utf8(settings.stdout).unwrap();
        let is_off = |setting| settings.split_whitespace().any(|word| word == setting);
        is_off("-icanon") && is_off("-echo")
    }

    /// These very characters come to the screen next.
    #[track_caller]
    fn sees_exactly(&mut self, text: &str) {
        let before = self.0.exp_string(text).unwrap();
        assert_eq!(before, "", "before {text:?}");
    }

    /// Presses keys, and sees this for it.
    #[track_caller]
    fn presses(&mut self, keys: &str, seen: &str) {
        self.0.send(keys).unwrap();
        self.0.flush().unwrap();
        self.sees_exactly(seen);
    }

    /// The server hangs up.
    #[track_caller]
    fn loses_the_server(mut self) {
        self.sees("Connection closed by foreign host.");
        self.0.exp_eof().unwrap();
    }

    #[track_caller]
    fn leaves(mut self) {
        self.0.send_control(']').unwrap();
        self.0.exp_string("telnet> ").unwrap();
        self.types("quit");
        self.sees("Connection closed.");
        self.0.exp_eof().unwrap();
    }
}

/// The terminal library takes every byte for a character of its own.
fn decoded(seen: &str) -> String {
    let bytes = seen.chars().map(|character| u8::try_from(character).unwrap()).collect();
    String::from_utf8(bytes).unwrap()
}

/// Telnet in a terminal that echoes, as a person's does before telnet takes it over.
fn telnet_in_terminal(server: SocketAddr) -> Command {
    let telnet = telnet(server);
    let mut command = Command::new("sh");
    command.args(["-c", r#"stty echo && exec "$0" "$@""#]);
    command.arg(telnet.get_program()).args(telnet.get_args());
    command
}

#[test]
fn three_people_chat() {
    let chat = Example::start("chat", &[]);

    let mut alice = Person::at(chat.address());
    alice.sees("What's your name?");
    alice.types("alice");
    alice.sees("Welcome, alice!");

    let mut bob = Person::at(chat.address());
    bob.sees("What's your name?");
    bob.types("alice");
    bob.sees("Name taken, please choose another.");
    bob.types("bob");
    bob.sees("Welcome, bob!");
    bob.sees("alice is here.");
    alice.sees("bob has joined.");

    alice.types("hi bob");
    bob.sees("<alice> hi bob");
    bob.types("hi alice");
    alice.sees("<bob> hi alice");

    let mut carol = Person::at(chat.address());
    carol.sees("What's your name?");
    carol.types("carol");
    carol.sees("Welcome, carol!");
    carol.sees("alice is here.");
    carol.sees("bob is here.");
    alice.sees("carol has joined.");
    bob.sees("carol has joined.");
    bob.types("hello everybody");
    alice.sees("<bob> hello everybody");
    carol.sees("<bob> hello everybody");

    // Who leaves frees the name.
    bob.leaves();
    alice.sees("bob has left.");
    carol.sees("bob has left.");
    let mut other_bob = Person::at(chat.address());
    other_bob.sees("What's your name?");
    other_bob.types("bob");
    other_bob.sees("Welcome, bob!");
    other_bob.sees("alice is here.");
    other_bob.sees("carol is here.");
    alice.sees("bob has joined.");
    carol.sees("bob has joined.");
    other_bob.types("here again");
    alice.sees("<bob> here again");
    carol.sees("<bob> here again");
}

#[test]
fn bad_names_and_lines_are_answered() {
    let chat = Example::start("chat", &[]);
    let mut alice = Person::at(chat.address());
    alice.sees("What's your name?");
    alice.types("");
    alice.sees("A name is one word of at most 32 characters without < and >, please choose another.");
    alice.types(&"x".repeat(2000));
    alice.sees("That was longer than 1024 bytes, please be brief.");
    alice.types("Ælfrēd");
    alice.sees("Welcome, Ælfrēd!");
}

#[test]
fn echo_answers_line_by_line() {
    let echo = Example::start("echo", &[]);
    let mut person = Person::at(echo.address());
    person.types("hello?");
    person.sees("hello?"); // once from the terminal, once from the server
    person.leaves();
}

#[test]
fn qotd_hangs_up() {
    let qotd = Example::start("qotd", &[]);
    let mut person = Person::at(qotd.address());
    person.sees("An apple a day keeps the doctor away");
    person.sees("Connection closed by foreign host.");
    person.0.exp_eof().unwrap();
}

#[test]
fn answer_knows_some_questions() {
    let answer = Example::start("answer", &[]);
    let mut person = Person::at(answer.address());
    person.types("How are you?");
    person.sees("Fine");
    person.types("What is the meaning of life?");
    person.sees("I don't know what you mean");
    person.types("How are you?");
    person.sees("Fine");
}

#[test]
fn people_chat_in_line_mode_and_in_character_mode() {
    let chat = Example::start("chat", &[]);
    let mut alice = Person::at(chat.address());
    alice.sees("What's your name?");
    alice.types_in_character_mode();
    alice.presses("alcie\x7f\x7f\x7fice\r", "alcie\x08 \x08\x08 \x08\x08 \x08ice\r\n");
    alice.sees("Welcome, alice!");
    let mut bob = Person::at(chat.address());
    bob.sees("What's your name?");
    bob.types("bob");
    bob.sees("Welcome, bob!");
    bob.sees("alice is here.");
    alice.sees("bob has joined.");

    alice.presses("nothing\x15hi bob\r", &format!("nothing{}hi bob\r\n", "\x08 \x08".repeat(7)));
    bob.sees("<alice> hi bob");
    bob.types("hi alice");
    alice.sees("<bob> hi alice");
    // The line that Ctrl-C throws away is not sent, and Ctrl-D on an empty one is the end.
    alice.presses("oh no\x03", "oh no^C\r\n");
    alice.presses("bye\r", "bye\r\n");
    bob.sees("<alice> bye");
    alice.0.send("\x04").unwrap();
    alice.0.flush().unwrap();
    alice.loses_the_server();
    bob.sees("alice has left.");
    bob.leaves();
}

#[test]
fn answer_knows_some_questions_in_character_mode_too() {
    let answer = Example::start("answer", &[]);
    let mut person = Person::at(answer.address());
    person.types_in_character_mode();
    person.presses("How are you?\r", "How are you?\r\n");
    person.sees("Fine");
}

#[test]
fn a_password_is_not_shown() {
    let login = Example::start("login", &[]);
    let mut person = Person::at(login.address());
    person.sees_exactly("Name: ");
    person.types("joe");
    person.sees_exactly("Password: ");
    // Nothing but the end of the line is seen.
    person.presses("wrong\r", "\r\n");
    person.sees("That is not the password.");
    person.sees_exactly("Name: ");
    // It is shown again what is typed.
    person.types("joe");
    person.sees_exactly("Password: ");
    person.presses("hemp\r", "\r\n");
    person.sees("Welcome, joe!");
    person.types("hello");
    person.sees("joe: hello");
    person.leaves();
}

#[test]
fn a_password_is_not_shown_in_character_mode() {
    let login = Example::start("login", &[]);
    let mut person = Person::at(login.address());
    person.sees_exactly("Name: ");
    person.types_in_character_mode();
    person.presses("joe\r", "joe\r\n");
    person.sees_exactly("Password: ");
    person.presses("hemm\x7fp\r", "\r\n");
    person.sees("Welcome, joe!");
    person.presses("hello\r", "hello\r\n");
    person.sees("joe: hello");
    person.presses("\x03", "^C\r\n");
    person.sees("Goodbye.");
    person.loses_the_server();
}

#[test]
fn an_interrupt_from_the_prompt_is_heard() {
    let login = Example::start("login", &[]);
    let mut person = Person::at(login.address());
    person.sees_exactly("Name: ");
    // Telnet sends the key as a command only where it is told to.
    person.0.send_control(']').unwrap();
    person.0.exp_string("telnet> ").unwrap();
    person.types("send ip");
    person.sees("Goodbye.");
    person.loses_the_server();
}

#[test]
fn telnet_hears_that_the_server_is_there() {
    let chat = Example::start("chat", &[]);
    let mut person = Person::at(chat.address());
    person.sees("What's your name?");
    person.0.send_control(']').unwrap();
    person.0.exp_string("telnet> ").unwrap();
    person.types("send ayt");
    person.sees("[Yes]");
}
