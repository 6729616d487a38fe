//! A connection for code that asks and waits, and connections for a single protocol.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::io;
use std::net::SocketAddr;

use ropewalk::testing::Peer;
use ropewalk::{
    ByteStream, ClientEndpoint, ConnectError, StreamError, TcpClientEndpoint, Transport, connect_protocol,
    connect_stream,
};
use world::{Log, SECOND, Script, World, limits};

const ADDRESS: &str = "192.0.2.1:80";

fn endpoint() -> TcpClientEndpoint {
    ADDRESS.parse().unwrap()
}

fn expect_connect(world: &World) -> Peer {
    world.memory.expect_connect(ADDRESS.parse::<SocketAddr>().unwrap())
}

/// A world in which `client` talks over a stream; what it returns is noted in the log.
fn talk<F: Future<Output = Result<String, StreamError>> + 'static>(
    client: impl FnOnce(ByteStream, Log) -> F + 'static,
) -> (World, Peer, Log) {
    let (log, mut world) = (Log::default(), World::new());
    let peer = expect_connect(&world);
    peer.accept();
    let (noted, reactor) = (log.clone(), world.reactor.handle());
    let task = async move {
        let stream = connect_stream(&reactor, &endpoint()).await.unwrap();
        let result = client(stream, noted.clone()).await;
        noted.add(result.unwrap_or_else(|error| format!("error: {error:?}")));
    };
    world.reactor.spawn(task).detach();
    world.settle();
    (world, peer, log)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn questions_and_answers_read_in_a_line() {
    let (mut world, peer, log) = talk(async |mut stream, log| {
        stream.write("How are you?\r\n");
        let answer = stream.read_line().await?.unwrap();
        log.add(text(&answer));
        stream.write("Goodbye\r\n");
        stream.close().await?;
        Ok("closed".into())
    });
    assert_eq!(peer.received(), b"How are you?\r\n");
    peer.send("Fine\r");
    world.settle();
    assert!(log.take().is_empty());
    peer.send("\n");
    world.settle();
    assert_eq!(log.take(), ["Fine"], "closing waits for the peer's farewell");
    assert_eq!(peer.received(), b"Goodbye\r\n");
    assert!(peer.has_finished());
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["closed"]);
}

/// Whatever the cuts, the reads give the same.
#[test]
fn reads_give_the_same_however_the_input_is_cut() {
    let input = b"one\r\ntwo\n\nsix;;12345rest";
    for first in 0..=input.len() {
        for second in first..=input.len() {
            let (mut world, peer, log) = talk(async |mut stream, log| {
                for _ in 0..3 {
                    log.add(text(&stream.read_line().await?.unwrap()));
                }
                log.add(text(&stream.read_until(b";;", 3).await?.unwrap()));
                log.add(text(&stream.read_exact(5).await?));
                log.add(text(&stream.read_to_end(4).await?));
                assert_eq!(stream.read().await?, None);
                assert_eq!(stream.read_line().await?, None);
                Ok("end".into())
            });
            for piece in [&input[..first], &input[first..second], &input[second..]] {
                peer.send(piece);
                world.settle();
            }
            peer.finish();
            world.settle();
            assert_eq!(log.take(), ["one", "two", "", "six", "12345", "rest", "end"], "{first}, {second}");
        }
    }
}

#[test]
fn an_end_in_the_middle_loses_nothing() {
    let (mut world, peer, log) = talk(async |mut stream, log| {
        log.add(format!("{:?}", stream.read_line().await));
        log.add(format!("{:?}", stream.read_until(b"x", 10).await));
        log.add(format!("{:?}", stream.read_exact(5).await));
        log.add(text(&stream.read().await?.unwrap()));
        Ok(format!("{:?}", stream.read_exact(1).await))
    });
    peer.send("rest");
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["Err(Ended)", "Err(Ended)", "Err(Ended)", "rest", "Err(Ended)"]);
}

#[test]
fn what_is_too_long_is_told_and_can_still_be_read() {
    let (mut world, peer, log) = talk(async |mut stream, log| {
        log.add(format!("{:?}", stream.read_until(b"\r\n", 4).await));
        log.add(format!("{:?}", stream.read_to_end(6).await));
        log.add(text(&stream.read_until(b"\r\n", 5).await?.unwrap()));
        let line = stream.read_line().await;
        let all = stream.read_exact(16_385).await?.len();
        Ok(format!("{line:?} {all}"))
    });
    peer.send("12345\r\n");
    world.settle();
    assert_eq!(log.take(), ["Err(TooLong { limit: 4 })", "Err(TooLong { limit: 6 })", "12345"]);
    peer.send("x".repeat(16_384));
    world.settle();
    assert!(log.take().is_empty());
    peer.send("x");
    world.settle();
    assert_eq!(log.take(), ["Err(TooLong { limit: 16384 }) 16385"]);
}

/// What came before a break is given out, then the break is told: to reading, writing and closing alike.
#[test]
fn a_break_is_told_after_what_came_before() {
    let lost = "Lost(\"the connection was lost: connection reset\")";
    let (mut world, peer, log) = talk(async |mut stream, log| {
        stream.transport().reactor().sleep(SECOND).await;
        log.add(text(&stream.read().await?.unwrap()));
        log.add(format!("{:?}", stream.read().await));
        log.add(format!("{:?}", stream.writable().await));
        Ok(format!("{:?}", stream.close().await))
    });
    peer.send("last words");
    peer.reset();
    world.run_for(SECOND);
    let error = format!("Err({lost})");
    assert_eq!(log.take(), ["last words", &error, &error, &error]);
}

/// The peer is slowed down when nobody asks for its input, and not for longer.
#[test]
fn input_that_nobody_asks_for_slows_the_peer_down() {
    const MARK: usize = 64 * 1024;
    let (mut world, peer, log) = talk(async |mut stream, log| {
        let reactor = stream.transport().reactor().clone();
        reactor.sleep(SECOND).await;
        log.add(format!("paused: {}", stream.transport().is_reading_paused()));
        assert_eq!(stream.read().await?.unwrap().len(), MARK);
        reactor.sleep(SECOND).await;
        log.add(format!("paused: {}", stream.transport().is_reading_paused()));
        // What is asked for is let in although it is more than the mark.
        Ok(stream.read_exact(MARK * 2 + 8).await?.len().to_string())
    });
    peer.send(vec![b'x'; MARK]);
    world.settle();
    let reads = peer.reads();
    peer.send(vec![b'x'; MARK * 2 + 8]);
    world.settle();
    assert_eq!(peer.reads(), reads, "reading is paused");
    world.run_for(SECOND);
    assert_eq!(log.take(), ["paused: true"]);
    world.run_for(SECOND);
    assert_eq!(log.take(), ["paused: true", &(MARK * 2 + 8).to_string()]);
}

/// A read that is given up no longer lets in what it asked for.
#[test]
fn giving_a_large_read_up_lets_no_more_in() {
    const MARK: usize = 64 * 1024;
    let (mut world, peer, log) = talk(async |mut stream, log| {
        let reactor = stream.transport().reactor().clone();
        let read = reactor.timeout(SECOND, stream.read_exact(MARK * 16)).await;
        log.add(format!("given up: {}, paused: {}", read.is_err(), stream.transport().is_reading_paused()));
        reactor.sleep(SECOND).await;
        Ok(stream.read().await?.unwrap().len().to_string())
    });
    peer.send(vec![b'x'; MARK]);
    world.run_for(SECOND);
    assert_eq!(log.take(), ["given up: true, paused: true"]);
    peer.send(vec![b'x'; MARK]);
    world.run_for(SECOND);
    assert_eq!(log.take(), [MARK.to_string()]);
}

/// Who writes more than the peer reads waits until it has drained.
#[test]
fn writable_waits_for_a_slow_peer() {
    let (mut world, peer, log) = talk(async |stream, log| {
        stream.transport().set_limits(limits(|limits| {
            limits.high_water = 100;
            limits.low_water = 10;
        }));
        stream.transport().reactor().sleep(SECOND).await;
        for _ in 0..2 {
            stream.write([b'x'; 101]);
            stream.writable().await?;
            log.add("written");
        }
        stream.write([b'x'; 100]);
        stream.writable().await?;
        stream.transport().lose_write_connection();
        Ok(format!("{:?}", stream.writable().await))
    });
    peer.set_window(Some(101));
    world.run_for(SECOND);
    assert_eq!(log.take(), ["written"], "the first went out at once");
    peer.open_window(90);
    world.settle();
    assert!(log.take().is_empty());
    peer.open_window(1);
    world.settle();
    assert_eq!(log.take(), ["written"], "drained to the low-water mark");
    peer.set_window(None);
    world.settle();
    assert_eq!(log.take(), ["Err(Ended)"]);
}

/// A read that is given up has taken nothing.
#[test]
fn giving_a_read_up_loses_no_input() {
    let (mut world, peer, log) = talk(async |mut stream, log| {
        let reactor = stream.transport().reactor().clone();
        let line = reactor.timeout(SECOND, stream.read_line()).await;
        log.add(line.unwrap_err().to_string());
        Ok(text(&stream.read_line().await?.unwrap()))
    });
    peer.send("one ");
    world.run_for(SECOND);
    assert_eq!(log.take(), ["no result within 1s"]);
    peer.send("line\n");
    world.settle();
    assert_eq!(log.take(), ["one line"]);
}

#[test]
fn dropping_the_stream_closes_the_connection_with_all_sent() {
    let (mut world, peer, log) = talk(async |stream, _| {
        stream.write("bye");
        Ok("dropped".into())
    });
    assert_eq!(log.take(), ["dropped"]);
    assert_eq!(peer.received(), b"bye");
    peer.finish();
    world.settle();
    assert!(peer.is_closed() && !peer.was_reset());
    assert_eq!(world.connections(), 0);
}

#[test]
fn cancelling_the_task_gives_up_the_attempt_or_closes_the_stream() {
    for connected in [false, true] {
        let mut world = World::new();
        let peer = expect_connect(&world);
        if connected {
            peer.accept();
        }
        let reactor = world.reactor.handle();
        let task = world.reactor.spawn(async move {
            let mut stream = connect_stream(&reactor, &endpoint()).await.unwrap();
            stream.read().await
        });
        world.settle();
        assert_eq!(world.connections(), usize::from(connected));
        task.cancel();
        world.settle();
        peer.finish();
        world.settle();
        assert!(peer.is_closed());
        assert_eq!((world.connections(), world.memory.descriptors()), (0, 0));
    }
}

#[test]
fn a_refused_connection_is_an_error() {
    let (mut world, log) = (World::new(), Log::default());
    expect_connect(&world).refuse(io::ErrorKind::ConnectionRefused);
    let noted = log.clone();
    let endpoint: Box<dyn ClientEndpoint> = Box::new(endpoint());
    connect_stream(&world.reactor, &*endpoint).then(move |result| noted.add(result.unwrap_err().to_string()));
    world.settle();
    assert_eq!(log.take(), [format!("connecting to {ADDRESS}: connection refused")]);
}

#[test]
fn connect_protocol_connects_one_protocol() {
    let (mut world, log) = (World::new(), Log::default());
    let peer = expect_connect(&world);
    let noted = log.clone();
    let attempt = connect_protocol(&world.reactor, &endpoint(), Script::new(&log));
    attempt
        .then(move |result: Result<Transport, ConnectError>| noted.add(result.unwrap().peer().to_string()));
    world.settle();
    assert!(log.take().is_empty());
    peer.accept();
    peer.send("hello");
    world.settle();
    assert_eq!(log.take(), ["made", ADDRESS, "data hello"]);
}

#[test]
fn connect_protocol_can_be_cancelled() {
    let (mut world, log) = (World::new(), Log::default());
    let peer = expect_connect(&world);
    let attempt = connect_protocol(&world.reactor, &endpoint(), Script::new(&log));
    world.settle();
    attempt.cancel();
    let noted = log.clone();
    attempt.then(move |result| noted.add(result.unwrap_err().to_string()));
    world.settle();
    assert!(peer.is_closed());
    assert_eq!(log.take(), [format!("connecting to {ADDRESS}: cancelled")]);
}
