//! Streams that are read in all ways, while their peers send, finish, break and stall.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use ropewalk::testing::{Operation, Peer};
use ropewalk::{ByteStream, ReactorHandle, StreamError, Task, TcpClientEndpoint, Transport, connect_stream};

use crate::Dice;
use crate::world::{SECOND, World, limits};

/// What a stream lets in unasked, and what one turn may add to it.
const INPUT_MAX: usize = 64 * 1024 + 65 * 1024;
const SIZES: [u64; 6] = [4, 50, 50, 3000, 3000, 200_000];

/// What the one who reads and the test share.
struct Scene {
    dice: Rc<Dice>,
    reactor: ReactorHandle,
    /// All that the peer has sent.
    sent: RefCell<Vec<u8>>,
    /// How much of it was read.
    taken: Cell<usize>,
    written: Cell<usize>,
    wish: RefCell<Wish>,
    /// The most that was wished for, and what was held at the last look.
    wished: Cell<usize>,
    held: Cell<usize>,
    transport: RefCell<Option<Transport>>,
    /// The peer has finished in an orderly way.
    finished: Cell<bool>,
    /// The connection was broken, or ended by this side.
    broken: Cell<bool>,
    closing: Cell<bool>,
    closed: RefCell<Option<Result<(), StreamError>>>,
    violations: RefCell<Vec<String>>,
}

/// What the read that goes on waits for.
#[derive(Clone, Debug)]
enum Wish {
    Nothing,
    /// So many bytes, at least.
    Bytes(usize),
    /// These, within so many.
    Delimiter(Vec<u8>, usize),
}

impl Wish {
    fn length(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Bytes(length) => *length,
            Self::Delimiter(delimiter, limit) => limit + delimiter.len(),
        }
    }

    fn is_granted_by(&self, input: &[u8]) -> bool {
        match self {
            Self::Nothing => false,
            Self::Delimiter(delimiter, _) if input.windows(delimiter.len()).any(|part| part == delimiter) => {
                true
            }
            _ => input.len() >= self.length(),
        }
    }
}

impl Scene {
    fn complain(&self, what: impl Into<String>) {
        let what = what.into();
        self.dice.note(format!("VIOLATION: {what}"));
        self.violations.borrow_mut().push(what);
    }

    /// What was read is what was sent, and what comes next.
    fn got(&self, data: &[u8]) {
        let taken = self.taken.get();
        self.dice.note(format!("got {} at {taken}", data.len()));
        if self.sent.borrow()[taken..].starts_with(data) {
            self.taken.set(taken + data.len());
        } else {
            self.complain("not what was sent");
        }
    }

    fn failed(&self, error: &StreamError) {
        self.dice.note(format!("{error:?}"));
        let fits = match error {
            StreamError::Lost(_) => self.broken.get(),
            StreamError::Ended => self.finished.get() || self.broken.get(),
            _ => true,
        };
        if !fits {
            self.complain(format!("unexpected {error:?}"));
        }
    }

    fn wish(&self, wish: Wish) {
        self.wished.set(self.wished.get().max(wish.length()));
        self.wish.replace(wish);
    }

    /// What must hold when nothing is left to do.
    fn look(&self) {
        if self.broken.get() || self.closing.get() {
            return;
        }
        let (sent, wish) = (self.sent.borrow(), self.wish.borrow());
        let input = &sent[self.taken.get()..];
        if wish.is_granted_by(input) || self.finished.get() && !matches!(*wish, Wish::Nothing) {
            self.complain(format!("{wish:?} is not granted, with {} bytes", input.len()));
        }
        let held = usize::try_from(self.reactor.stats().bytes_in).unwrap() - self.taken.get();
        // What was let in for a read that was given up stays.
        let wished = self.wished.replace(wish.length()).saturating_add(65 * 1024);
        if held > INPUT_MAX.max(wished).max(self.held.replace(held)) {
            self.complain(format!("{held} bytes are held for {wish:?}"));
        }
    }
}

/// Reads in all ways until the end, or until it has enough.
async fn talk(scene: Rc<Scene>, mut stream: ByteStream) {
    scene.transport.replace(Some(stream.transport().clone()));
    for _ in 0..scene.dice.roll(20) {
        read_perhaps(&scene, &mut stream).await;
        scene.wish(Wish::Nothing);
        match scene.dice.roll(8) {
            0 => scene.reactor.sleep(scene.dice.time()).await,
            1 => {
                let count = scene.dice.size(&SIZES);
                scene.dice.note(format!("write {count}"));
                if stream.transport().accepts_output() {
                    scene.written.set(scene.written.get() + count);
                }
                stream.write(vec![b'x'; count]);
            }
            2 => {
                scene.dice.note("writable");
                let _ = scene.reactor.timeout(SECOND, stream.writable()).await;
            }
            _ => {}
        }
    }
    if scene.dice.once_in(2) {
        scene.dice.note("to the end");
        // Whatever is left: for ever, if the peer does not end.
        scene.wish(Wish::Bytes(usize::MAX));
        match stream.read_to_end(usize::MAX).await {
            Ok(data) => {
                scene.got(&data);
                if scene.taken.get() < scene.sent.borrow().len() && !scene.broken.get() {
                    scene.complain("the end came too early");
                }
            }
            Err(error) => scene.failed(&error),
        }
        scene.wish(Wish::Nothing);
    }
    scene.dice.note("close");
    scene.closing.set(true);
    let result = stream.close().await;
    scene.dice.note(format!("closed {result:?}"));
    scene.closed.replace(Some(result));
}

/// Reads, and gives up at once, after a while, or not at all.
async fn read_perhaps(scene: &Rc<Scene>, stream: &mut ByteStream) {
    match scene.dice.roll(4) {
        0 => {
            scene.dice.note("read once");
            let mut read = pin!(read(scene, stream));
            poll_fn(|context| {
                let _ = read.as_mut().poll(context);
                Poll::Ready(())
            })
            .await;
        }
        1 | 2 => {
            let patience = scene.dice.time();
            scene.dice.note(format!("read for {patience:?}"));
            let _ = scene.reactor.timeout(patience, read(scene, stream)).await;
        }
        _ => read(scene, stream).await,
    }
}

async fn read(scene: &Scene, stream: &mut ByteStream) {
    let size = scene.dice.size(&SIZES);
    let roll = scene.dice.roll(5);
    scene.dice.note(format!("read {roll} of {size}"));
    let result = match roll {
        0 => {
            scene.wish(Wish::Bytes(1));
            stream.read().await
        }
        1 => {
            scene.wish(Wish::Bytes(size));
            stream.read_exact(size).await.map(Some)
        }
        2 => {
            let delimiter = [&b"a"[..], b"\r\n", b"abab"][scene.dice.index(3)];
            scene.wish(Wish::Delimiter(delimiter.to_vec(), size));
            let found = stream.read_until(delimiter, size).await;
            found.map(|found| found.map(|found| [&found[..], delimiter].concat()))
        }
        3 => {
            scene.wish(Wish::Delimiter(b"\n".to_vec(), 16_384));
            let line = stream.read_line().await;
            line.map(|line| line.map(|line| whole_line(scene, line)))
        }
        _ => {
            scene.wish(Wish::Bytes(size + 1));
            stream.read_to_end(size).await.map(Some)
        }
    };
    match result {
        Ok(Some(data)) => scene.got(&data),
        Ok(None) => {
            scene.dice.note("end");
            let at_end = scene.finished.get() && scene.taken.get() == scene.sent.borrow().len();
            if !at_end && !scene.broken.get() {
                scene.complain("an end that is none");
            }
        }
        Err(error) => scene.failed(&error),
    }
}

/// A line with the end that was taken off.
fn whole_line(scene: &Scene, mut line: Vec<u8>) -> Vec<u8> {
    if scene.sent.borrow().get(scene.taken.get() + line.len()) == Some(&b'\r') {
        line.push(b'\r');
    }
    line.push(b'\n');
    line
}

fn step(scene: &Rc<Scene>, world: &mut World, peer: &Peer) {
    let dice = &scene.dice;
    let transport = scene.transport.borrow().clone();
    match (dice.roll(16), transport) {
        (0..=6, _) if !scene.finished.get() => {
            let (count, rare) = (dice.size(&SIZES), dice.roll(50_000));
            dice.note(format!("peer sends {count}"));
            let data: Vec<u8> = (0..count)
                .map(|_| if dice.roll(rare + 2) == 0 { b'\n' } else { b"ab\rc"[dice.index(4)] })
                .collect();
            scene.sent.borrow_mut().extend(&data);
            peer.send(data);
        }
        (7, _) if dice.once_in(3) => finish(scene, peer),
        (8, _) if dice.once_in(10) => {
            dice.note("peer resets");
            scene.broken.set(true);
            peer.reset();
        }
        (9, _) => {
            let window = (!dice.once_in(3)).then(|| dice.size(&SIZES));
            dice.note(format!("window {window:?}"));
            peer.set_window(window);
        }
        (10, _) => {
            let operation = [Operation::Read, Operation::Write][dice.index(2)];
            dice.note(format!("{operation:?} is interrupted"));
            peer.fail_next(operation, 1, ErrorKind::Interrupted);
        }
        (11, Some(transport)) => {
            let mark = 1 + dice.size(&SIZES);
            dice.note(format!("mark {mark}"));
            transport.set_limits(limits(|limits| (limits.high_water, limits.low_water) = (mark, mark / 2)));
        }
        (12, Some(transport)) if dice.once_in(8) => {
            let roll = dice.roll(3);
            dice.note(format!("end {roll} from elsewhere"));
            scene.broken.set(true);
            match roll {
                0 => transport.abort_connection(),
                1 => transport.lose_connection(),
                _ => transport.fail("on purpose"),
            }
        }
        (13, _) if dice.once_in(10) => {
            dice.note("reactor stops");
            scene.broken.set(true);
            world.turn();
            world.reactor.stop();
        }
        _ => {
            let time = dice.time();
            dice.note(format!("time {time:?}"));
            world.run_for(time);
        }
    }
    if dice.once_in(2) {
        world.settle();
        scene.look();
    } else {
        world.turn();
    }
}

fn finish(scene: &Scene, peer: &Peer) {
    scene.dice.note("peer finishes");
    peer.finish();
    scene.finished.set(true);
}

fn begin(dice: &Rc<Dice>) -> (World, Peer, Rc<Scene>, Task<()>) {
    let world = World::new();
    let address = SocketAddr::from(([10, 0, 0, 1], 1));
    let peer = world.memory.expect_connect(address);
    peer.accept();
    let scene = Rc::new(Scene {
        dice: Rc::clone(dice),
        reactor: world.reactor.handle(),
        sent: RefCell::default(),
        taken: Cell::default(),
        written: Cell::default(),
        wish: RefCell::new(Wish::Nothing),
        wished: Cell::default(),
        held: Cell::default(),
        transport: RefCell::default(),
        finished: Cell::default(),
        broken: Cell::default(),
        closing: Cell::default(),
        closed: RefCell::default(),
        violations: RefCell::default(),
    });
    let talking = Rc::clone(&scene);
    let task = world.reactor.spawn(async move {
        let endpoint: TcpClientEndpoint = address.to_string().parse().unwrap();
        if let Ok(stream) = connect_stream(&talking.reactor, &endpoint).await {
            talk(talking, stream).await;
        }
    });
    (world, peer, scene, task)
}

pub(crate) fn story(dice: &Rc<Dice>) {
    let (mut world, peer, scene, task) = begin(dice);
    for _ in 0..dice.roll(30) {
        step(&scene, &mut world, &peer);
    }
    match dice.roll(4) {
        0 => {
            dice.note("the reactor is dropped");
            scene.broken.set(true);
        }
        1 => {
            dice.note("the task is cancelled");
            scene.broken.set(true);
            drop(task);
            end(&mut world, &scene, &peer);
        }
        _ => {
            end(&mut world, &scene, &peer);
            let closed = scene.closed.borrow().clone();
            assert!(closed.is_some() || scene.transport.borrow().is_none(), "it has not come to its end");
            if !scene.broken.get() {
                assert_eq!(closed, Some(Ok(())));
                assert_eq!(peer.received().len(), scene.written.get(), "output is missing");
            }
        }
    }
    assert_eq!(*scene.violations.borrow(), [""; 0]);
    let World { reactor, .. } = world;
    drop(reactor);
    scene.transport.take();
    assert_eq!(Rc::strong_count(&scene), 1, "something was not freed");
}

/// The peer takes all and finishes.
fn end(world: &mut World, scene: &Scene, peer: &Peer) {
    world.settle();
    peer.set_window(None);
    finish(scene, peer);
    world.run_for(SECOND * 600);
    let stats = world.reactor.stats();
    assert_eq!((stats.connections, stats.panics, stats.output_buffered, stats.timers), (0, 0, 0, 0));
    assert_eq!(world.memory.descriptors(), 0);
}
