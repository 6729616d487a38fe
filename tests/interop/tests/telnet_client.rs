//! Our telnet client, at a terminal and in pipes.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rexpect::session::{PtySession, spawn_command};
use ropewalk_interop::{Authority, Example, Finished, PATIENCE, Running, Socket, example_path, free_port};

fn telnet(endpoint: &str) -> Command {
    let mut command = Command::new(example_path("telnet"));
    command.arg(endpoint);
    command
}

/// A person at a terminal.
fn person_at(server: &Example) -> PtySession {
    person_with(&server.address().to_string())
}

/// A person at a terminal of 100 columns and 50 rows who has given an endpoint.
fn person_with(endpoint: &str) -> PtySession {
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    // The terminal is made to echo, as a person's does.
    let mut command = Command::new("sh");
    command.args(["-c", r#"stty echo cols 100 rows 50 && exec "$0" "$@""#]);
    command.arg(example_path("telnet")).arg(endpoint);
    // Warnings of slow turns, as cryptography without optimization makes on a busy machine, would be on the screen too.
    command.env("RUST_LOG", "error");
    spawn_command(command, Some(patience)).unwrap()
}

/// A server over TLS, and the endpoint of those who trust it alone.
fn over_tls(authority: &Authority, example: &str) -> (Example, String) {
    let identity = authority.server("localhost");
    let endpoint = format!("tls:0:interface=127.0.0.1:cert={}", identity.path().display());
    let server = Example::start_at(&endpoint, example, &[]);
    let port = server.address().port();
    (server, format!("tls:localhost:{port}:ca={}", authority.path().display()))
}

#[track_caller]
fn sees(person: &mut PtySession, text: &str) {
    assert_eq!(person.exp_string(text).unwrap(), "", "before {text:?}");
}

#[track_caller]
fn types(person: &mut PtySession, line: &str, seen: &str) {
    person.send_line(line).unwrap();
    sees(person, seen);
}

#[track_caller]
fn exits_with(person: &PtySession, code: i32) {
    let status = format!("{:?}", person.process().wait().unwrap());
    assert!(status.starts_with("Exited(") && status.ends_with(&format!(", {code})")), "{status}");
}

#[test]
fn a_person_logs_in_and_the_password_is_not_shown() {
    let login = Example::start("login", &[]);
    let mut person = person_at(&login);
    sees(&mut person, "Name: ");
    types(&mut person, "joe", "joe\r\nPassword: ");
    // The line's end comes from the server, and the terminal adds another CR to each LF.
    types(&mut person, "hemp", "\r\r\nWelcome, joe!\r\r\n");
    types(&mut person, "hello", "hello\r\njoe: hello\r\r\n");
    person.send_control('d').unwrap();
    exits_with(&person, 0);
}

#[test]
fn over_tls_the_password_is_not_shown_either() {
    let authority = Authority::new();
    let (_login, endpoint) = over_tls(&authority, "login");
    let mut person = person_with(&endpoint);
    sees(&mut person, "Name: ");
    types(&mut person, "joe", "joe\r\nPassword: ");
    types(&mut person, "wrong", "\r\r\nThat is not the password.\r\r\nName: ");
    types(&mut person, "joe", "joe\r\nPassword: ");
    types(&mut person, "hemp", "\r\r\nWelcome, joe!\r\r\n");
    types(&mut person, "hello", "hello\r\njoe: hello\r\r\n");
    person.send_control('d').unwrap();
    exits_with(&person, 0);
}

#[test]
fn people_chat_over_tls() {
    let authority = Authority::new();
    let (_chat, endpoint) = over_tls(&authority, "chat");
    let mut ann = person_with(&endpoint);
    sees(&mut ann, "What's your name?\r\r\n");
    types(&mut ann, "ann", "ann\r\nWelcome, ann!\r\r\n");
    let finished = Running::with_input(&mut telnet(&endpoint), "bob\nhello, ann\n").finish();
    assert_eq!(
        finished.output, "What's your name?\r\nWelcome, bob!\r\nann is here.\r\n",
        "{}",
        finished.errors
    );
    sees(&mut ann, "bob has joined.\r\r\n<bob> hello, ann\r\r\n");
    ann.send_control('d').unwrap();
    exits_with(&ann, 0);
}

#[test]
fn who_is_not_trusted_is_one_clear_line() {
    let authority = Authority::new();
    let (login, _) = over_tls(&authority, "login");
    let endpoint = format!("tls:localhost:{}", login.address().port());
    let finished = Running::start(&mut telnet(&endpoint)).finish();
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(finished.errors.contains("is not signed by an authority that this side trusts"), "{finished:?}");
}

#[test]
fn a_server_that_asks_hears_of_the_window_and_of_its_changes() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let person = person_with(&server.local_addr().unwrap().to_string());
    let mut socket = Socket::from(server.accept().unwrap().0);
    // IAC DO NAWS; IAC WILL NAWS, IAC SB NAWS and the size.
    socket.send(b"\xff\xfd\x1f");
    assert_eq!(socket.take(12), b"\xff\xfb\x1f\xff\xfa\x1f\0\x64\0\x32\xff\xf0");
    let terminal = person.process().get_file_handle().unwrap();
    assert!(
        Command::new("stty").args(["cols", "132", "rows", "13"]).stdin(terminal).status().unwrap().success()
    );
    assert_eq!(socket.take(9), b"\xff\xfa\x1f\0\x84\0\x0d\xff\xf0");
    drop(socket);
    exits_with(&person, 0);
}

#[test]
fn a_server_that_asks_for_keys_gets_each_as_it_is_typed_and_the_terminal_is_put_back() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    let mut command = Command::new("sh");
    // What the modes are before and afterwards, in `stty`'s words.
    command.args([
        "-c",
        r#"stty echo icanon && before=$(stty -g) && "$@"; test "$(stty -g)" = "$before" && echo "as before""#,
    ]);
    command.arg("sh").arg(example_path("telnet")).arg(server.local_addr().unwrap().to_string());
    let mut person = spawn_command(command, Some(patience)).unwrap();
    let mut socket = Socket::from(server.accept().unwrap().0);
    // WILL SUPPRESS-GO-AHEAD, WILL ECHO; both are agreed to.
    socket.send(b"\xff\xfb\x03\xff\xfb\x01Menu> ");
    assert_eq!(socket.take(6), b"\xff\xfd\x03\xff\xfd\x01");
    sees(&mut person, "Menu> ");
    person.send("q").unwrap();
    person.flush().unwrap();
    assert_eq!(socket.take(1), b"q");
    socket.send("bye\r\n");
    drop(socket);
    sees(&mut person, "bye\r\r\n");
    sees(&mut person, "as before");
}

#[test]
fn who_has_no_window_tells_none() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut running = Running::start(&mut telnet(&server.local_addr().unwrap().to_string()));
    let mut socket = Socket::from(server.accept().unwrap().0);
    socket.send(b"\xff\xfd\x1f");
    running.end_input();
    assert_eq!(socket.rest(), b"\xff\xfc\x1f");
}

#[test]
fn control_c_ends_the_conversation_with_130() {
    let login = Example::start("login", &[]);
    let mut person = person_at(&login);
    sees(&mut person, "Name: ");
    types(&mut person, "joe", "joe\r\nPassword: ");
    person.send_control('c').unwrap();
    exits_with(&person, 130);
}

#[test]
fn a_pipe_is_sent_as_lines_and_what_comes_is_printed() {
    let answer = Example::start("answer", &[]);
    let mut command = telnet(&answer.address().to_string());
    let Finished { status, output, errors } =
        Running::with_input(&mut command, "How are you?\nwhat?\n").finish();
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
    assert_eq!(output, "Fine\r\nI don't know what you mean\r\n");
}

#[test]
fn a_server_on_a_unix_socket_is_talked_to_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let endpoint = format!("unix:{}", directory.path().join("answer").display());
    let mut answer = Running::start(Command::new(example_path("answer")).arg(&endpoint));
    assert!(answer.line().starts_with("listening on "));
    let Finished { status, output, errors } =
        Running::with_input(&mut telnet(&endpoint), "How are you?\n").finish();
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
    assert_eq!(output, "Fine\r\n");
}

#[test]
fn a_server_that_hangs_up_is_no_error() {
    let qotd = Example::start("qotd", &[]);
    let finished = Running::start(&mut telnet(&qotd.address().to_string())).finish();
    assert_eq!(finished.status.code(), Some(0));
    assert_eq!(finished.output, "An apple a day keeps the doctor away\r\n");
}

#[test]
fn options_are_negotiated_and_not_printed() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = telnet(&server.local_addr().unwrap().to_string());
    let mut running = Running::start(command.env("TERM", "vt100"));
    let mut socket = Socket::from(server.accept().unwrap().0);
    // DO LINEMODE, DO TERMINAL-TYPE and its SEND, and a byte 255 of data.
    socket.send(b"a\xff\xfd\x22\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0b\xff\xff\r\n");
    assert_eq!(running.take(5), b"ab\xff\r\n");
    running.say("said\n");
    running.end_input();
    let mut expected = b"\xff\xfc\x22\xff\xfb\x18\xff\xfa\x18\x00".to_vec();
    expected.extend(b"vt100\xff\xf0said\r\n");
    assert_eq!(socket.rest(), expected);
    drop(socket);
    assert_eq!(running.finish().status.code(), Some(0));
}

#[test]
fn who_cannot_be_reached_is_one_clear_line() {
    for kind in ["", "udp:"] {
        let endpoint = format!("{kind}127.0.0.1:{}", free_port());
        let finished = Running::with_input(&mut telnet(&endpoint), "hello\n").finish();
        assert_eq!(finished.status.code(), Some(1), "{finished:?}");
        assert!(finished.errors.starts_with("error: "), "{finished:?}");
        assert!(finished.errors.contains("refused"), "{finished:?}");
        assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
    }
}

#[test]
fn a_connection_that_breaks_is_an_error() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut running = Running::start(&mut telnet(&server.local_addr().unwrap().to_string()));
    let mut socket = Socket::from(server.accept().unwrap().0);
    socket.send("hello\r\n");
    assert_eq!(running.line(), "hello");
    socket.reset();
    let finished = running.finish();
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(finished.errors.contains("the connection was lost"), "{finished:?}");
}

#[test]
fn each_line_is_a_datagram_and_each_datagram_is_printed() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = telnet(&format!("udp:{}", server.local_addr().unwrap()));
    let running = Running::with_input(&mut command, "one\ntwo\n");
    let mut buffer = [0; 100];
    for line in ["one\n", "two\n"] {
        let (length, client) = server.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], line.as_bytes());
        server.send_to(b"heard\n", client).unwrap();
    }
    let finished = running.finish();
    assert_eq!(finished.output, "heard\nheard\n");
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
}

/// More than fits into all buffers on the way.
const FLOOD: usize = 64 * 1024 * 1024;

/// Writes until nobody has taken anything for a while; that happens before all is written.
#[track_caller]
fn stalls(mut writer: impl Write) {
    let piece = vec![b'x'; 64 * 1024];
    let mut written = 0;
    while written < FLOOD {
        match writer.write(&piece) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error} after {written} bytes"),
        }
    }
    panic!("{written} bytes were taken and nobody has read them");
}

#[test]
fn who_does_not_read_what_comes_slows_the_server_down() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_reader, output) = UnixStream::pair().unwrap();
    let mut command = telnet(&server.local_addr().unwrap().to_string());
    let _running = Killed(command.stdin(Stdio::piped()).stdout(OwnedFd::from(output)).spawn().unwrap());
    let (socket, _) = server.accept().unwrap();
    socket.set_write_timeout(Some(Duration::from_secs(3))).unwrap();
    stalls(socket);
}

#[test]
fn a_server_that_does_not_read_slows_the_input_down() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let (typist, input) = UnixStream::pair().unwrap();
    let mut command = telnet(&server.local_addr().unwrap().to_string());
    let _running = Killed(command.stdin(OwnedFd::from(input)).spawn().unwrap());
    // It holds the input open, also for a client that has ended.
    drop(command);
    let _socket = server.accept().unwrap();
    typist.set_write_timeout(Some(Duration::from_secs(3))).unwrap();
    stalls(typist);
}

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn whose_output_nobody_takes_breaks_off() {
    let qotd = Example::start("qotd", &[]);
    let (reader, output) = UnixStream::pair().unwrap();
    drop(reader);
    let mut command = telnet(&qotd.address().to_string());
    let child = command.stdin(Stdio::piped()).stdout(OwnedFd::from(output)).stderr(Stdio::piped());
    let finished = child.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
}

/// Nobody types any more, and the server has no end.
#[test]
fn whose_output_nobody_takes_any_more_breaks_off_after_the_input_too() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let (reader, output) = UnixStream::pair().unwrap();
    let mut command = telnet(&server.local_addr().unwrap().to_string());
    command.stdin(Stdio::null()).stdout(OwnedFd::from(output)).stderr(Stdio::null());
    let mut running = Killed(command.spawn().unwrap());
    let (mut socket, _) = server.accept().unwrap();
    assert_eq!(socket.read(&mut [0]).unwrap(), 0, "it has nothing to say");
    drop(reader);
    let piece = vec![b'x'; 64 * 1024];
    let is_over = (0..FLOOD / piece.len()).any(|_| socket.write_all(&piece).is_err());
    assert!(is_over, "it reads what nobody sees");
    assert_eq!(running.0.wait().unwrap().code(), Some(1));
}
