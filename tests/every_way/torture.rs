//! Many connections at once that do all kinds of things, and nothing of them left afterwards.

use std::cell::Cell;
use std::rc::Rc;

use ropewalk::{Protocol, Reason, Result, Transport, for_protocol};

use crate::over_every_way;
use crate::support::{Footprint, alone, run_until};
use crate::ways::Way;
use ropewalk::{ClientEndpoint, Reactor, ServerEndpoint};

over_every_way!(a_crowd_leaves_nothing_behind);

const CLIENTS: u32 = 300;

/// Does one of several things with what it hears, by its number.
struct Guest {
    number: u32,
    ended: Rc<Cell<u32>>,
}

impl Protocol for Guest {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(vec![b'x'; 1 + (self.number as usize * 7_919) % 200_000]);
        match self.number % 6 {
            0 => transport.lose_write_connection(),
            1 => transport.abort_connection(),
            2 => transport.lose_connection(),
            3 => transport.pause_reading(),
            _ => {}
        }
        if self.number % 6 == 3 {
            transport.resume_reading();
        }
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        match self.number % 6 {
            4 => Err("enough".into()),
            5 => {
                transport.lose_connection();
                Ok(())
            }
            3 => {
                transport.lose_connection();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.ended.set(self.ended.get() + 1);
    }
}

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

fn a_crowd_leaves_nothing_behind(way: Way) {
    let name = format!("torture::{}::a_crowd_leaves_nothing_behind", way.module());
    alone(&name, 2_000, || crowd(way));
}

fn crowd(way: Way) {
    let mut reactor = Reactor::new().unwrap();
    let port = way.server().listen(&reactor, for_protocol(|| Echo)).unwrap();
    // The first connection may make things that stay, such as a thread's memory.
    visit(&mut reactor, &*way.client(&port), 1);
    let before = Footprint::take(&mut reactor);
    for _ in 0..3 {
        visit(&mut reactor, &*way.client(&port), CLIENTS);
        before.assert_restored(&mut reactor);
    }
}

fn visit(reactor: &mut Reactor, endpoint: &dyn ClientEndpoint, guests: u32) {
    let ended = Rc::new(Cell::new(0));
    for number in 0..guests {
        let ended = Rc::clone(&ended);
        let factory = for_protocol(move || Guest { number, ended: Rc::clone(&ended) });
        endpoint.connect_shared(reactor, Rc::new(factory)).then(|result| drop(result.unwrap()));
    }
    run_until(reactor, "all guests have left", || ended.get() == guests);
    let handle = (**reactor).clone();
    run_until(reactor, "the servers have noticed", || handle.stats().connections == 0);
}
