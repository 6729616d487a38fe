//! Bytes that nobody can predict.

use std::cell::RefCell;
use std::io;

use crate::driver::Driver;

/// How many bytes are asked of the driver at a time, so that few uses cost a system call: a WebSocket's mask takes four.
const BLOCK: usize = 1024;

/// Secret bytes in store. Each is given once, and wiped as it is.
#[derive(Default)]
pub(crate) struct Secrets {
    /// What is left of the last block. Nothing is asked for before it is needed.
    store: Vec<u8>,
}

impl Secrets {
    pub(crate) fn fill(&mut self, buffer: &mut [u8], driver: &RefCell<Box<dyn Driver>>) -> io::Result<()> {
        for piece in buffer.chunks_mut(BLOCK) {
            if self.store.len() < piece.len() {
                self.refill(driver)?;
            }
            let left = self.store.len() - piece.len();
            let given = &mut self.store[left..];
            piece.copy_from_slice(given);
            given.fill(0);
            self.store.truncate(left);
        }
        Ok(())
    }

    fn refill(&mut self, driver: &RefCell<Box<dyn Driver>>) -> io::Result<()> {
        self.store.resize(BLOCK, 0);
        let filled = driver.borrow_mut().fill_secret(&mut self.store);
        if filled.is_err() {
            // Who knows how much of it is secret.
            self.store.clear();
        }
        filled
    }
}
