//! Servers of streams.

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::{
    ClientEndpoint, LineProtocol, LineReceiver, LineTransport, Protocol, Reason, Result, SendLine,
    TcpServerEndpoint, Transport, for_protocol,
};

use crate::asker::{Asker, Ending};
use crate::stage::{DONE, MILLISECOND, Stage};

pub(crate) struct Echo;

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_nodelay(true);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

/// Three clients of an echo server, of which one half-closes.
pub(crate) fn echo(stage: &mut Stage) {
    let server = stage.server.clone();
    stage.listen(&server, &TcpServerEndpoint::from(Stage::everywhere()), for_protocol(|| Echo));
    let endpoint = stage.endpoint();
    stage.ask("the small one", &endpoint, Asker::echo(500, Ending::Close));
    stage.ask("the half-closing one", &endpoint, Asker::echo(100_000, Ending::HalfClose));
    stage.run_for(5 * MILLISECOND);
    stage.ask("the late one", &endpoint, Asker::echo(3_000, Ending::Close));
}

struct Answers(u32);

impl LineProtocol for Answers {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        transport.send_line("welcome");
    }

    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.0 += 1;
        transport.send_line(format!("{} {}", self.0, String::from_utf8_lossy(line)));
        if line == b"quit" {
            transport.lose_connection();
        }
        Ok(())
    }
}

/// Clients that send lines, some of them more than the server wants to hear.
pub(crate) fn lines(stage: &mut Stage) {
    let server = stage.server.clone();
    let factory = for_protocol(|| LineReceiver::new(Answers(0)));
    stage.listen(&server, &TcpServerEndpoint::from(Stage::everywhere()), factory);
    let endpoint = stage.endpoint();
    let answer = "welcome\r\n1 one\r\n2 quit\r\n";
    stage.ask(
        "the pipelining one",
        &endpoint,
        Asker::new("one\r\nquit\r\nignored\r\n", answer, Ending::Waits),
    );
    stage.ask(
        "the leaving one",
        &endpoint,
        Asker::new("a\r\nb\r\n", "welcome\r\n1 a\r\n2 b\r\n", Ending::Close),
    );
}

type Room = Rc<RefCell<Vec<Transport>>>;

/// Passes on to all members what one says.
struct Member(Room);

impl Protocol for Member {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.borrow_mut().push(transport.clone());
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        let shared = ropewalk::Bytes::from(data.to_vec());
        self.0.borrow().iter().for_each(|member| member.write_shared(shared.clone()));
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        self.0.borrow_mut().retain(|member| member.id() != transport.id());
    }
}

/// Says one thing and notes what it hears.
struct Guest {
    number: usize,
    heard: Rc<RefCell<String>>,
    speaks: bool,
}

impl Protocol for Guest {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_timer(MILLISECOND * 100 * (1 + self.number as u32));
    }

    fn timer_expired(&mut self, transport: &Transport, _: ropewalk::TimerKey) {
        if std::mem::replace(&mut self.speaks, false) {
            transport.write(said_by(self.number));
        }
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.heard.borrow_mut().push_str(&String::from_utf8_lossy(data));
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.heard.borrow_mut().push_str(if reason.is_clean() { " clean" } else { " broken" });
    }
}

fn said_by(number: usize) -> String {
    format!("<{number}>")
}

/// Members of a room that hear each other; in the end the server closes the room.
pub(crate) fn broadcast(stage: &mut Stage) {
    const GUESTS: usize = 4;
    let room = Room::default();
    let (server, members) = (stage.server.clone(), Rc::clone(&room));
    let factory = for_protocol(move || Member(Rc::clone(&members)));
    stage.listen(&server, &TcpServerEndpoint::from(Stage::everywhere()), factory);
    let endpoint = stage.endpoint();
    let all: [Rc<RefCell<String>>; GUESTS] = Default::default();
    for (number, heard) in all.iter().enumerate() {
        let heard = Rc::clone(heard);
        let guest = for_protocol(move || Guest { number, heard: Rc::clone(&heard), speaks: true });
        let factory = stage.book.watch("guest", 10, guest);
        let client = stage.client.clone();
        drop(endpoint.connect_shared(stage.simulation.reactor(&client), factory));
    }
    stage.run_for(MILLISECOND * 1_500);
    room.borrow().iter().for_each(|member| {
        member.write("closed");
        member.lose_connection();
    });
    stage.run_for(MILLISECOND * 5_000);
    let survives = |number: usize| all[number].borrow().ends_with("closed clean");
    for (number, heard) in all.iter().enumerate() {
        let hears = |other| heard.borrow().contains(&said_by(other));
        let is_done = survives(number) && (0..GUESTS).filter(|other| survives(*other)).all(hears);
        let result = if is_done { DONE.to_owned() } else { format!("heard {}", heard.borrow()) };
        stage.results.set(format!("guest {number}"), result);
    }
}
