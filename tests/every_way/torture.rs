//! Many connections at once that do all kinds of things, and nothing of them left afterwards.

use std::cell::Cell;
use std::rc::Rc;

use ropewalk::{ClientEndpoint, Protocol, Reason, Result, ServerEndpoint, Transport, for_protocol};

use crate::ground::Ground;
use crate::over_every_way;
use crate::support::alone;
use crate::ways::Way;

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
    if way.is_simulated() {
        return crowd(way);
    }
    // Descriptors belong to the whole process.
    alone(&name, 2_000, || crowd(way));
}

fn crowd(way: Way) {
    let mut ground = way.ground();
    let port = way.server().listen(ground.reactor(), for_protocol(|| Echo)).unwrap();
    // The first connection may make things that stay, such as a thread's memory.
    visit(&mut ground, &*way.client(&port), 1);
    let before = ground.held();
    for _ in 0..3 {
        visit(&mut ground, &*way.client(&port), CLIENTS);
        ground.assert_restored(&before);
    }
}

fn visit(ground: &mut Ground, endpoint: &dyn ClientEndpoint, guests: u32) {
    let ended = Rc::new(Cell::new(0));
    for number in 0..guests {
        let ended = Rc::clone(&ended);
        let factory = for_protocol(move || Guest { number, ended: Rc::clone(&ended) });
        let connected = endpoint.connect_shared(ground.reactor(), Rc::new(factory));
        connected.then(|result| drop(result.unwrap()));
    }
    ground.run_until("all guests have left", || ended.get() == guests);
    let handle = ground.reactor().clone();
    ground.run_until("the servers have noticed", || handle.stats().connections == 0);
}
