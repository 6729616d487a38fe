//! Files that are sent, as far as the connection lasts.

use std::cell::RefCell;
use std::io::Cursor;
use std::rc::Rc;

use ropewalk::simulation::simulate;
use ropewalk::{FileSendError, FileSender, Protocol, Reason, Result, Transport, for_protocol};

use super::{End, MILLISECOND, SECOND, Trouble, connect, hosts};

type Outcome = Rc<RefCell<Option<Result<u64, FileSendError>>>>;

/// Sends a file to whoever connects, and closes.
struct Server {
    file: Rc<[u8]>,
    end: End,
    outcome: Outcome,
}

impl Protocol for Server {
    fn connection_made(&mut self, transport: &Transport) {
        self.end.made(transport);
        let outcome = Rc::clone(&self.outcome);
        let sending = FileSender::send(Cursor::new(Rc::clone(&self.file)), transport);
        transport.lose_connection();
        sending.then(move |result| *outcome.borrow_mut() = Some(result));
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        unreachable!("the client says nothing")
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.end.end(reason);
    }
}

/// Notes what comes, and may read slowly.
pub(super) struct Client {
    pub(super) end: End,
    pub(super) rests: bool,
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        self.end.made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.end.hear(data);
        if self.rests {
            transport.pause_reading();
            let _ = transport.set_timer(5 * MILLISECOND);
        }
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: ropewalk::TimerKey) {
        transport.resume_reading();
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.end.end(reason);
    }
}

#[test]
fn a_file_arrives_whole_or_both_ends_know_better() {
    let whole = std::cell::Cell::new(0);
    simulate(100, |simulation| {
        let dice = simulation.dice();
        let length = dice.roll([1, 1_000, 60_000, 500_000][dice.roll(4) as usize]);
        let file: Rc<[u8]> = (0..length).map(|_| dice.number() as u8).collect();
        let (server, client, outcome) = (End::default(), End::default(), Outcome::default());
        let (end, told, sent) = (server.clone(), Rc::clone(&outcome), Rc::clone(&file));
        let pair = hosts(simulation, move || {
            let (end, outcome, file) = (end.clone(), Rc::clone(&told), Rc::clone(&sent));
            let make =
                move || Server { file: Rc::clone(&file), end: end.clone(), outcome: Rc::clone(&outcome) };
            Box::new(for_protocol(make))
        });
        let (end, rests) = (client.clone(), dice.chance(0.3));
        connect(simulation, &pair, move || Client { end: end.clone(), rests });
        simulation.run_for(MILLISECOND * dice.roll(3_000) as u32);
        let trouble = Trouble::any(&dice);
        trouble.befalls(simulation, &pair, (&server, &client));
        simulation.run_for(10_000 * SECOND);
        let data = client.data();
        assert!(file.starts_with(&data), "{trouble:?}");
        if server.ended_cleanly() && client.ended_cleanly() {
            assert_eq!(data.len() as u64, length, "{trouble:?}");
            assert_eq!(outcome.borrow().as_ref().unwrap().as_ref().unwrap(), &length);
            whole.set(whole.get() + 1);
        }
        if let Some(Err(FileSendError::Interrupted { sent })) = &*outcome.borrow() {
            assert!(*sent >= data.len() as u64, "{trouble:?}: {sent} were written");
        }
        if trouble == Trouble::None && client.transport().is_some() {
            assert!(client.ended_cleanly(), "{:?}", client.lost());
        }
    });
    assert!(whole.get() > 0);
}
