//! Work in real threads, which end when the test says so.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ropewalk::{Delimiter, Reactor, Router, Transport};

use super::named;
use super::support::{PATIENCE, dial, listen, read_all, run_until, settle, with_peer};

/// Work that has begun, by its line, and the way to let it end.
type Begun = (String, Sender<Arc<str>>);

/// The connections of a server, oldest first.
type Made = Rc<RefCell<Vec<Transport>>>;

/// A server whose `work` lines are answered with what the test says; the test is told of each that begins. `hurry` is `work`
/// that may take but a millisecond.
fn serve(reactor: &Reactor) -> (SocketAddr, Receiver<Begun>, Made) {
    let made = Made::default();
    let connections = Rc::clone(&made);
    let (begin, begun) = mpsc::channel::<Begun>();
    let begin = Arc::new(Mutex::new(begin));
    let work = move |line: &[u8]| {
        let (line, begin) = (String::from_utf8_lossy(line).into_owned(), Arc::clone(&begin));
        move || {
            let (release, released) = mpsc::channel();
            begin.lock().unwrap().send((line, release)).unwrap();
            released.recv_timeout(PATIENCE).unwrap()
        }
    };
    let hurried = work.clone();
    let router = Router::new()
        .per_line(Delimiter::Lf)
        .connection_made(move |context| connections.borrow_mut().push(Transport::clone(context)))
        .prefix("work", move |context, line| {
            context.run_in_thread(work(line), |context, answer| {
                context.write(format!("{}\n", answer?));
                Ok(())
            });
            Ok(())
        })
        .prefix("hurry", move |context, line| {
            context.run_in_thread_within(Duration::from_millis(1), hurried(line), |context, answer| {
                context.write(format!("{}\n", answer.unwrap_or_else(|error| error.to_string().into())));
                Ok(())
            });
            Ok(())
        })
        .any(named("now"));
    (listen(reactor, router), begun, made)
}

/// Sends a line from a new connection, and lets the loop turn until it is answered.
fn ask(reactor: &mut Reactor, address: SocketAddr, line: &'static str, length: usize) -> String {
    with_peer(reactor, move || read(&mut say(address, line), length))
}

fn say(address: SocketAddr, line: &str) -> TcpStream {
    let mut stream = dial(address);
    stream.write_all(line.as_bytes()).unwrap();
    stream
}

fn read(stream: &mut TcpStream, length: usize) -> String {
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn next(reactor: &mut Reactor, begun: &Receiver<Begun>) -> Begun {
    let mut job = None;
    run_until(reactor, "work begins", || {
        job = begun.try_recv().ok();
        job.is_some()
    });
    job.unwrap()
}

#[test]
fn others_are_answered_while_work_of_two_connections_is_under_way() {
    let mut reactor = Reactor::new().unwrap();
    let (address, begun, _) = serve(&reactor);
    let mut one = say(address, "work 1\nafter 1\nwork 3\n");
    let first = next(&mut reactor, &begun);
    let mut two = say(address, "work 2\nafter 2\n");
    let second = next(&mut reactor, &begun);
    assert_eq!((first.0.as_str(), second.0.as_str()), ("work 1", "work 2"), "both at once");
    assert_eq!(ask(&mut reactor, address, "x\n", 6), "now(x)");
    assert!(begun.try_recv().is_err(), "what a connection asks next waits");
    second.1.send("second".into()).unwrap();
    assert_eq!(with_peer(&mut reactor, move || read(&mut two, 19)), "second\nnow(after 2)");
    first.1.send("first".into()).unwrap();
    let third = next(&mut reactor, &begun);
    assert_eq!(third.0, "work 3");
    third.1.send("third".into()).unwrap();
    assert_eq!(with_peer(&mut reactor, move || read(&mut one, 24)), "first\nnow(after 1)third\n");
}

#[test]
fn work_that_takes_too_long_is_an_error_and_its_result_is_dropped() {
    let mut reactor = Reactor::new().unwrap();
    let (address, begun, _) = serve(&reactor);
    let mut one = say(address, "hurry\nwork\nx\n");
    let slow = next(&mut reactor, &begun);
    // Only the timeout lets the next begin.
    let other = next(&mut reactor, &begun);
    let late: Arc<str> = "too late".into();
    slow.1.send(Arc::clone(&late)).unwrap();
    run_until(&mut reactor, "the result has come and is dropped", || Arc::strong_count(&late) == 1);
    other.1.send("in time".into()).unwrap();
    let expected = "the work took longer than 1ms\nin time\nnow(x)";
    let answers = with_peer(&mut reactor, move || read(&mut one, expected.len()));
    assert_eq!(answers, expected);
}

#[test]
fn work_of_connections_that_are_gone_is_not_begun() {
    let mut reactor = Reactor::new().unwrap();
    let (address, begun, made) = serve(&reactor);
    // All threads are busy.
    let mut release = Vec::new();
    let _busy: Vec<TcpStream> = (0..8)
        .map(|_| {
            let stream = say(address, "work\n");
            release.push(next(&mut reactor, &begun).1);
            stream
        })
        .collect();
    let _gone = say(address, "work of one that goes\n");
    run_until(&mut reactor, "its work waits", || {
        made.borrow().get(8).is_some_and(Transport::is_reading_paused)
    });
    made.borrow()[8].abort_connection();
    let mut stays = say(address, "work of one that stays\n");
    run_until(&mut reactor, "its work waits", || {
        made.borrow().get(9).is_some_and(Transport::is_reading_paused)
    });
    release.into_iter().for_each(|release| release.send("done".into()).unwrap());
    let (line, release) = next(&mut reactor, &begun);
    assert_eq!(line, "work of one that stays");
    release.send("done".into()).unwrap();
    assert_eq!(with_peer(&mut reactor, move || read(&mut stays, 5)), "done\n");
    assert!(begun.try_recv().is_err());
}

#[test]
fn whoever_else_resumes_reading_meanwhile_changes_nothing() {
    let mut reactor = Reactor::new().unwrap();
    let (address, begun, made) = serve(&reactor);
    let mut stream = say(address, "work\n");
    let (_, release) = next(&mut reactor, &begun);
    let connection = made.borrow()[0].clone();
    for line in ["a\n", "b\nc\n"] {
        stream.write_all(line.as_bytes()).unwrap();
        connection.resume_reading();
        settle(&mut reactor);
        assert!(connection.is_reading_paused(), "no more than one read is held");
    }
    stream.shutdown(Shutdown::Write).unwrap();
    for _ in 0..4 {
        connection.resume_reading();
        settle(&mut reactor);
    }
    assert_eq!(connection.buffered(), 0);
    release.send("done".into()).unwrap();
    let answers = with_peer(&mut reactor, move || read_all(&stream));
    assert_eq!(String::from_utf8(answers).unwrap(), "done\nnow(a)now(b)now(c)");
}
