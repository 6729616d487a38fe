//! The chat server of the Python package tinyproto.
//!
//! ```text
//! cargo run --example tiny_chat
//! cargo run --example tiny_client 127.0.0.1:8088
//! ```
//!
//! Do the latter in two terminals, and talk; the end of input (Ctrl-D) leaves.
mod common;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::rc::Rc;

use ropewalk::{
    Bytes, Factory, Reason, Result, TinyProtocol, TinyReceiver, Transmit, Transport, for_protocol,
};

const USAGE: &str = "\
Usage: tiny_chat [ENDPOINT...]

Lets everybody talk who connects to an ENDPOINT (default 127.0.0.1:8088) with tinyproto.";

/// The longest message, in bytes.
const MESSAGE_MAX: u32 = 64 * 1024;

/// Everybody who is there, by number.
#[derive(Default)]
struct Room {
    members: RefCell<BTreeMap<u64, Transport>>,
    last: Cell<u64>,
}

impl Room {
    /// Takes somebody in, and returns the number.
    fn enter(&self, transport: &Transport) -> u64 {
        let number = self.last.get() + 1;
        self.last.set(number);
        self.members.borrow_mut().insert(number, transport.clone());
        number
    }

    /// Tells all others what one says.
    fn tell(&self, from: u64, text: &str) {
        let message = Bytes::from(format!("[{from}] {text}"));
        for (_, member) in self.members.borrow().iter().filter(|(number, _)| **number != from) {
            member.transmit(message.clone());
        }
    }
}

struct Chat {
    room: Rc<Room>,
    number: Option<u64>,
}

impl TinyProtocol for Chat {
    fn ready(&mut self, transport: &Transport) {
        let number = self.room.enter(transport);
        self.number = Some(number);
        self.room.tell(number, "**joined the chat");
    }

    fn message_received(&mut self, _: &Transport, message: &[u8]) -> Result {
        if let Some(number) = self.number {
            // It will be shown on other people's terminals.
            let text =
                String::from_utf8_lossy(message).replace(|character: char| character.is_control(), " ");
            self.room.tell(number, &text);
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        if let Some(number) = self.number {
            self.room.members.borrow_mut().remove(&number);
            self.room.tell(number, "**left the chat");
        }
    }
}

/// An empty room, and a protocol for each who enters it.
pub(crate) fn chat() -> impl Factory {
    let room = Rc::<Room>::default();
    for_protocol(move || {
        TinyReceiver::server(Chat { room: Rc::clone(&room), number: None }).max_message(MESSAGE_MAX)
    })
}

fn main() -> ExitCode {
    common::run(USAGE, |arguments| common::serve_all(&arguments.all_or("127.0.0.1:8088")?, chat()))
}
