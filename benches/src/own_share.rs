//! The library's own share of an echoed message: the reactor on a driver that costs nothing.
//!
//! `ropewalk-benches own-share CONNECTIONS MESSAGES` echoes that many messages, a turn serving every connection once, and
//! prints nanoseconds per message. Run it under callgrind for instructions.

use std::cell::Cell;
use std::error::Error;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ropewalk::driver::{Driver, Event, Listener, PollUntil, Readiness, Stream, Token, Wake};
use ropewalk::{
    Address, ConnectOptions, Instant, ListenOptions, Protocol, Reactor, Result, Transport, for_protocol,
};

const MESSAGE: [u8; 64] = [b'x'; 64];

/// Runs `connections` connections until `messages` messages were echoed; returns the time per message.
pub(crate) fn measure(connections: usize, messages: u64) -> std::result::Result<Duration, Box<dyn Error>> {
    let world = Rc::new(World { to_accept: Cell::new(connections), ..World::default() });
    let mut reactor =
        Reactor::with_driver(Box::new(NullDriver { world: Rc::clone(&world), tokens: Vec::new() }));
    let address = ([127, 0, 0, 1], 1);
    reactor.listen(address, ListenOptions::default(), for_protocol(|| Echo))?;
    let run = |reactor: &mut Reactor, messages: u64| -> io::Result<()> {
        let end = world.echoed.get() + messages;
        while world.echoed.get() < end {
            let _ = reactor.run_once(None)?;
        }
        Ok(())
    };
    run(&mut reactor, messages / 10)?;
    let began = std::time::Instant::now();
    run(&mut reactor, messages)?;
    Ok(began.elapsed() / u32::try_from(messages)?)
}

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

#[derive(Default)]
struct World {
    to_accept: Cell<usize>,
    echoed: Cell<u64>,
    registered: Cell<Option<Token>>,
    listener: Cell<Option<Token>>,
}

/// Reports every stream readable in every poll, and the listener while connections wait.
struct NullDriver {
    world: Rc<World>,
    tokens: Vec<Token>,
}

struct NullStream {
    world: Rc<World>,
}

struct NullListener {
    world: Rc<World>,
}

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

impl Driver for NullDriver {
    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn poll(&mut self, _until: PollUntil, events: &mut Vec<Event>) -> io::Result<()> {
        self.tokens.extend(self.world.registered.take());
        let listener = self.world.listener.get().filter(|_| self.world.to_accept.get() > 0);
        let readiness = Readiness { readable: true, ..Readiness::default() };
        events
            .extend(self.tokens.iter().copied().chain(listener).map(|token| Event::Ready(token, readiness)));
        Ok(())
    }

    fn listen(&mut self, _address: &Address, _options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(NullListener { world: Rc::clone(&self.world) }))
    }

    fn connect(&mut self, _address: &Address, _options: &ConnectOptions) -> io::Result<Box<dyn Stream>> {
        Err(ErrorKind::Unsupported.into())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::new(NoWake)
    }

    fn run_in_thread(&mut self, _work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn watch_signals(&mut self) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn random_seed(&mut self) -> u64 {
        0
    }
}

impl Listener for NullListener {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.world.listener.set(Some(token));
        Ok(())
    }

    /// One connection a turn, so that one token at a time is on its way to the driver.
    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, Address)> {
        if self.world.to_accept.get() == 0 || self.world.registered.get().is_some() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.world.to_accept.set(self.world.to_accept.get() - 1);
        Ok((Box::new(NullStream { world: Rc::clone(&self.world) }), self.local_address()?))
    }

    fn refuse(&mut self) -> io::Result<()> {
        Err(ErrorKind::WouldBlock.into())
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 1))))
    }
}

impl Stream for NullStream {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.world.registered.set(Some(token));
        Ok(())
    }

    fn finish_connect(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer[..MESSAGE.len()].copy_from_slice(&MESSAGE);
        Ok(MESSAGE.len())
    }

    fn write(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.world.echoed.set(self.world.echoed.get() + 1);
        Ok(buffers.iter().map(|buffer| buffer.len()).sum())
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn reset_on_drop(&mut self) {}

    fn local_address(&self) -> io::Result<Address> {
        Ok(Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 1))))
    }

    fn set_nodelay(&self, _nodelay: bool) -> io::Result<()> {
        Ok(())
    }

    fn set_keepalive(&self, _after: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
}
