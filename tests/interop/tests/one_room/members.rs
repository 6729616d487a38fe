//! Members of all kinds.

use rexpect::session::{PtySession, spawn_command};
use ropewalk_interop::{PATIENCE, Running, Socket, free_port, netcat_unix, openssl_client, telnet};

use crate::page::Page;
use crate::room::Room;

/// Somebody who reads and writes lines.
trait Guest {
    fn say(&mut self, line: &str);
    /// The next lines are these.
    fn see(&mut self, lines: &[&str]);
}

impl Guest for Running {
    fn say(&mut self, line: &str) {
        Self::say(self, format!("{line}\n"));
    }

    fn see(&mut self, lines: &[&str]) {
        lines.iter().for_each(|line| assert_eq!(self.line(), *line));
    }
}

/// Telnet in a terminal, which shows what is typed too.
impl Guest for PtySession {
    fn say(&mut self, line: &str) {
        self.send_line(line).unwrap();
    }

    fn see(&mut self, lines: &[&str]) {
        for line in lines {
            self.exp_string(&format!("{line}\r\n")).unwrap();
        }
    }
}

fn by_telnet(room: &Room) -> PtySession {
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    spawn_command(telnet(room.telnet), Some(patience)).unwrap()
}

/// Enters by a plain connection.
fn by_socket(room: &Room, name: &str) -> Socket {
    let mut socket = Socket::connect(room.telnet);
    socket.send(format!("{name}\r\n"));
    socket.expect(&format!("What's your name?\r\nWelcome, {name}!\r\n"));
    socket
}

#[test]
fn all_hear_each_other_whichever_way_they_come() {
    let room = Room::open();
    let mut tom = by_telnet(&room);
    tom.see(&["What's your name?"]);
    tom.say("tom");
    tom.see(&["Welcome, tom!"]);
    let mut mia = Running::start(&mut openssl_client(room.tls, &room.authority.path()));
    mia.see(&["What's your name?"]);
    Guest::say(&mut mia, "mia");
    mia.see(&["Welcome, mia!", "tom is here."]);
    let mut nick = Running::start(&mut netcat_unix(&room.unix));
    nick.see(&["What's your name?"]);
    Guest::say(&mut nick, "nick");
    nick.see(&["Welcome, nick!", "mia is here.", "tom is here."]);
    let mut anna = Page::enter(&room.page, "Anna");
    anna.shows_people(&["Anna", "mia", "nick", "tom"]);
    tom.see(&["mia has joined.", "nick has joined.", "Anna has joined."]);
    mia.see(&["nick has joined.", "Anna has joined."]);
    nick.see(&["Anna has joined."]);

    anna.says("hello, I am at the page");
    for guest in [&mut tom as &mut dyn Guest, &mut mia, &mut nick] {
        guest.see(&["<Anna> hello, I am at the page"]);
    }
    tom.say("and I at a terminal");
    mia.see(&["<tom> and I at a terminal"]);
    nick.see(&["<tom> and I at a terminal"]);
    anna.sees_message("tom", "and I at a terminal");
    Guest::say(&mut mia, "me, encrypted");
    tom.see(&["<mia> me, encrypted"]);
    nick.see(&["<mia> me, encrypted"]);
    anna.sees_message("mia", "me, encrypted");
    Guest::say(&mut nick, "bye");
    nick.end_input();
    tom.see(&["<nick> bye", "nick has left."]);
    mia.see(&["<nick> bye", "nick has left."]);
    anna.sees_message("nick", "bye");
    anna.sees_notice("nick has left.");
    anna.shows_people(&["Anna", "mia", "tom"]);
    drop(anna);
    tom.see(&["Anna has left."]);
    mia.see(&["Anna has left."]);
    room.close();
}

#[test]
fn the_page_over_tls_is_in_the_room_too() {
    let room = Room::open();
    let mut bob = by_socket(&room, "bob");
    let mut anna = Page::enter(&room.secure_page, "Anna");
    bob.expect("Anna has joined.\r\n");
    anna.says("hi bob");
    bob.expect("<Anna> hi bob\r\n");
    bob.send("hi Anna\r\n");
    anna.sees_message("bob", "hi Anna");
}

#[test]
fn the_page_comes_back_when_the_server_does() {
    let port = free_port();
    let mut room = Room::open_with_page_at(port);
    let mut anna = Page::enter(&room.page, "Anna");
    for again in ["once", "twice"] {
        let mut bob = by_socket(&room, "bob");
        anna.shows_people(&["Anna", "bob"]);
        if again == "once" {
            room.close()
        } else {
            drop(room)
        }
        bob.expect_end_or_reset();
        let status = "document.querySelector('#status').textContent";
        anna.0.wait_until(&format!("/^reconnecting in \\d+ s$/.test({status})"));
        anna.shows_people(&[]);
        room = Room::open_with_page_at(port);
        anna.is_in_the_room();
        anna.sees_notice("You are back as Anna.");
        let mut carol = by_socket(&room, "carol");
        carol.expect("Anna is here.\r\n");
        anna.says(again);
        carol.expect(&format!("<Anna> {again}\r\n"));
    }
}

#[test]
fn a_name_that_is_taken_or_no_name_is_asked_for_again() {
    let room = Room::open();
    let mut bob = by_socket(&room, "bob");
    let mut page = Page::open(&room.page);
    page.types_name("bob");
    let complaint = "document.querySelector('#complaint').textContent";
    page.0.wait_until(&format!("{complaint} === 'Name taken, please choose another.'"));
    page.types_name("\u{e003}\u{e003}\u{e003}a b");
    page.0.wait_until(&format!("{complaint}.startsWith('A name is one word')"));
    page.types_name("\u{e003}\u{e003}\u{e003}Anna");
    page.is_in_the_room();
    bob.expect("Anna has joined.\r\n");
    // Who loads the page anew is still the same.
    page.0.open(&room.page);
    page.is_in_the_room();
    page.shows_people(&["Anna", "bob"]);
    page.0.run("document.querySelector('#leave').click()");
    page.0.wait_until("!document.querySelector('#enter').hidden");
    page.types_name("Beth");
    page.is_in_the_room();
    bob.expect("Anna has left.\r\nAnna has joined.\r\nAnna has left.\r\nBeth has joined.\r\n");
}

#[test]
fn markup_is_text() {
    let room = Room::open();
    let mut bob = by_socket(&room, "&lt;b&gt;\"'`${x}");
    let mut anna = Page::enter(&room.page, "Anna");
    anna.shows_people(&["&lt;b&gt;\"'`${x}", "Anna"]);
    let markup = "<img src=x onerror=window.hit=1><script>window.hit=1</script>&amp;\u{2028}<b>";
    bob.send(format!("{markup}\r\n"));
    anna.sees_message("&lt;b&gt;\"'`${x}", markup);
    anna.says("<i>mine</i>");
    bob.expect("Anna has joined.\r\n<Anna> <i>mine</i>\r\n");
    // What reads like an announcement within a message is none.
    bob.send("Anna has left.\r\n");
    anna.sees_message("&lt;b&gt;\"'`${x}", "Anna has left.");
    anna.shows_people(&["&lt;b&gt;\"'`${x}", "Anna"]);
    assert_eq!(anna.0.run("return document.querySelectorAll('img, li script, li b, li i').length"), "0");
    assert_eq!(anna.0.run("return window.hit ?? null"), "null");
}

#[test]
fn a_phone_needs_no_scrolling_sideways() {
    let room = Room::open();
    let guests: Vec<_> = ('a'..='f').map(|letter| by_socket(&room, &letter.to_string().repeat(32))).collect();
    let mut page = Page::open(&room.page);
    page.0.be_a_phone(320, 568);
    assert_eq!(page.overflow("html"), 0);
    page.types_name(&"W".repeat(32));
    page.is_in_the_room();
    for mut guest in guests {
        guest.send(format!("{}\r\n", "W".repeat(300)));
    }
    page.says(&"M".repeat(300));
    page.0.wait_until("document.querySelectorAll('.message').length === 7");
    for part in ["html", "#log", "#people", "#say"] {
        assert_eq!(page.overflow(part), 0, "{part}");
    }
    // The last message is in sight, and so is the place to answer.
    let bottom = "(element) => element.getBoundingClientRect().bottom";
    page.0.wait_until(&format!("({bottom})([...document.querySelectorAll('#log li')].pop()) <= ({bottom})(document.querySelector('#log'))"));
    page.0.wait_until(&format!("({bottom})(document.querySelector('#send')) <= innerHeight"));
}
