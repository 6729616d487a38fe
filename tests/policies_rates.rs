//! Rate limits, on virtual time: how much passes when, who has a turn, and what waiting costs.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::Peer;
use ropewalk::{
    LimitRate, Limits, Policy, Protocol, Result, TokenBucket, TrafficLog, Transport, for_protocol,
};
use world::{Echo, Log, MILLISECOND, SECOND, Script, World, kind};

/// Counts what it hears.
struct Count(Rc<Cell<usize>>);

impl Protocol for Count {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.set(self.0.get() + data.len());
        Ok(())
    }
}

fn counter() -> (Count, Rc<Cell<usize>>) {
    let count = Rc::default();
    (Count(Rc::clone(&count)), count)
}

fn bucket(bytes_per_second: u64, burst: u64) -> Option<Rc<TokenBucket>> {
    Some(Rc::new(TokenBucket::with_burst(bytes_per_second, burst)))
}

/// S107, but each byte when its time has come, and no pause of all for what one has sent: 25 bytes at 10 bytes a second take
/// the 1.5 seconds that they do in Twisted.
#[test]
fn s107_bytes_beyond_the_burst_come_at_the_rate() {
    let (counting, count) = counter();
    let (mut world, peer, transport) = World::with(counting);
    transport.set_read_rate(bucket(10, 10));
    peer.send([b'x'; 25]);
    world.settle();
    assert_eq!(count.get(), 10);
    world.run_for(750 * MILLISECOND);
    assert_eq!(count.get(), 17);
    world.run_for(750 * MILLISECOND - MILLISECOND);
    assert_eq!(count.get(), 24);
    world.run_for(MILLISECOND);
    assert_eq!(count.get(), 25);
}

/// Over ten seconds no more than the rate and one burst, and hardly less, whatever the rate.
#[test]
fn reading_and_writing_keep_to_the_rate() {
    for (rate, burst) in [(100, 10), (10_000, 10_000), (1_000_000, 50_000), (30_000_000, 1_000_000)] {
        let (counting, count) = counter();
        let (mut world, peer, transport) = World::with(counting);
        transport.set_read_rate(bucket(rate, burst));
        let (out, writing) = world.open(Script::new(&Log::default()));
        writing.set_limits(world::limits(|limits| limits.output = usize::MAX));
        writing.set_write_rate(bucket(rate, burst));
        let (rate, burst) = (usize::try_from(rate).unwrap(), usize::try_from(burst).unwrap());
        let bulk = vec![b'x'; 10 * rate + 2 * burst];
        peer.send(&bulk);
        writing.write(&bulk);
        let mut written = 0;
        for second in 1..=10 {
            world.run_for(SECOND);
            written += out.received().len();
            let most = burst + second * rate;
            // Timers have a grain of a millisecond, and a quantum may be under way.
            let least = most - burst / 5 - rate / 500 - 1;
            for moved in [count.get(), written] {
                assert!((least..=most).contains(&moved), "{moved} of {most} at {rate}/s in {second} s");
            }
        }
    }
}

/// A saved burst passes at once, and no more than one is saved.
#[test]
fn a_burst_is_saved_up_while_nothing_moves() {
    let (counting, count) = counter();
    let (mut world, peer, transport) = World::with(counting);
    transport.set_read_rate(bucket(1000, 5000));
    world.run_for(100 * SECOND);
    peer.send([b'x'; 20_000]);
    world.settle();
    assert_eq!(count.get(), 5000);
    world.run_for(SECOND);
    assert_eq!(count.get(), 6000);
}

/// Three that share a limit get a third each, and together what one would.
#[test]
fn sharers_get_equal_parts() {
    for rate in [3_000_u64, 300_000, 30_000_000] {
        let mut world = World::new();
        let shared = bucket(rate, rate / 10);
        let mut counts = Vec::new();
        for _ in 0..3 {
            let (counting, count) = counter();
            let (peer, transport) = world.open(counting);
            transport.set_read_rate(shared.clone());
            peer.send(vec![b'x'; usize::try_from(10 * rate).unwrap()]);
            counts.push(count);
        }
        world.run_for(10 * SECOND);
        let shares: Vec<usize> = counts.iter().map(|count| count.get()).collect();
        let (total, rate) = (shares.iter().sum::<usize>(), usize::try_from(rate).unwrap());
        assert!((rate * 98 / 10..=rate * 101 / 10).contains(&total), "{total} at {rate}");
        for share in &shares {
            assert!((total * 32 / 100..=total * 35 / 100).contains(share), "{shares:?}");
        }
    }
}

/// Writers and readers may share one limit.
#[test]
fn both_directions_may_share_a_limit() {
    let mut world = World::new();
    let shared = bucket(100_000, 10_000);
    let (counting, count) = counter();
    let (sender, reading) = world.open(counting);
    let (receiver, writing) = world.open(Script::new(&Log::default()));
    reading.set_read_rate(shared.clone());
    writing.set_write_rate(shared);
    sender.send(vec![b'x'; 1_000_000]);
    writing.write(vec![b'x'; 1_000_000]);
    world.run_for(5 * SECOND);
    let (read, written) = (count.get(), receiver.received().len());
    assert!((500_000..=510_000).contains(&(read + written)), "{read} and {written}");
    assert!(read.abs_diff(written) <= 10_000, "{read} and {written}");
}

/// Beside a connection that always wants more, one that says little waits a turn and no longer.
#[test]
fn a_greedy_sharer_starves_nobody() {
    let mut world = World::new();
    let shared = bucket(100_000, 10_000);
    let (greedy, greedy_transport) = world.open(Count(Rc::default()));
    greedy_transport.set_read_rate(shared.clone());
    greedy.send(vec![b'x'; 10_000_000]);
    world.run_for(SECOND);
    let (counting, count) = counter();
    let (modest, transport) = world.open(counting);
    transport.set_read_rate(shared);
    for said in 1..=100 {
        modest.send("x");
        // Two quanta of a thousand bytes: that of the other and its own.
        world.run_for(20 * MILLISECOND);
        assert_eq!(count.get(), said);
        world.run_for(7 * MILLISECOND);
    }
}

/// A connection with nothing to move has no timer, wakes nobody, and takes no tokens.
#[test]
fn an_idle_connection_costs_nothing() {
    let mut world = World::new();
    let shared = bucket(1000, 1000);
    let (counting, count) = counter();
    let (peer, transport) = world.open(counting);
    let (_, idle) = world.open(Echo);
    for transport in [&transport, &idle] {
        transport.set_read_rate(shared.clone());
        transport.set_write_rate(shared.clone());
    }
    peer.send([b'x'; 3000]);
    world.run_for(10 * SECOND);
    assert_eq!((count.get(), world.reactor.stats().timers), (3000, 0));
    let polls = world.memory.polls();
    world.run_for(1000 * SECOND);
    assert!(world.memory.polls() <= polls + 2);
    peer.send([b'x'; 1000]);
    world.settle();
    assert_eq!(count.get(), 4000);
}

/// While it waits it makes a turn for each quantum, and does not spin.
#[test]
fn waiting_costs_a_few_turns_for_each_quantum() {
    let (counting, count) = counter();
    let (mut world, peer, transport) = World::with(counting);
    transport.set_read_rate(bucket(10_000, 10_000));
    transport.set_write_rate(bucket(10_000, 10_000));
    peer.send(vec![b'x'; 110_000]);
    transport.write(vec![b'x'; 60_000]);
    let turns = world.reactor.stats().turns;
    world.run_for(10 * SECOND);
    assert_eq!((count.get(), peer.received().len()), (110_000, 60_000));
    let turns = world.reactor.stats().turns - turns;
    assert!(turns < 5 * 170, "{turns} turns for 170 quanta");
}

/// What a lost connection was promised goes to the others.
#[test]
fn a_lost_connection_gives_its_promise_back() {
    let mut world = World::new();
    let shared = bucket(1000, 10_000);
    let (first, holding) = world.open(Count(Rc::default()));
    holding.set_read_rate(shared.clone());
    first.send(vec![b'x'; 100_000]);
    world.settle();
    holding.abort_connection();
    world.settle();
    let (counting, count) = counter();
    let (second, transport) = world.open(counting);
    transport.set_read_rate(shared);
    second.send(vec![b'x'; 100_000]);
    world.run_for(SECOND);
    assert_eq!(count.get(), 1000);
    assert_eq!(world.reactor.stats().timers, 1);
}

/// Those who pause while they wait give their promises back when these are due: else all would come on top of a burst.
#[test]
fn a_paused_crowd_saves_up_no_more_than_a_burst() {
    let mut world = World::new();
    let shared = bucket(1000, 10_000);
    let mut crowd = Vec::new();
    for _ in 0..20 {
        let (counting, count) = counter();
        let (peer, transport) = world.open(counting);
        transport.set_read_rate(shared.clone());
        peer.send(vec![b'x'; 100_000]);
        crowd.push((transport, count));
    }
    let total =
        |crowd: &[(Transport, Rc<Cell<usize>>)]| crowd.iter().map(|(_, count)| count.get()).sum::<usize>();
    world.settle();
    crowd.iter().for_each(|(transport, _)| transport.pause_reading());
    world.run_for(100 * SECOND);
    assert_eq!(total(&crowd), 10_000);
    crowd.iter().for_each(|(transport, _)| transport.resume_reading());
    world.settle();
    assert_eq!(total(&crowd), 20_000);
}

/// What some give back makes no more than a burst with what others are still promised.
#[test]
fn a_crowd_that_pauses_lets_nobody_go_faster_than_the_rate() {
    let mut world = World::new();
    let shared = bucket(1000, 1000);
    let mut crowd = Vec::new();
    for _ in 0..40 {
        let (counting, count) = counter();
        let (peer, transport) = world.open(counting);
        transport.set_read_rate(shared.clone());
        peer.send(vec![b'x'; 10_000]);
        crowd.push((transport, count));
    }
    world.settle();
    crowd.iter().for_each(|(transport, _)| transport.pause_reading());
    world.run_for(2700 * MILLISECOND);
    crowd.iter().for_each(|(transport, _)| transport.resume_reading());
    let total = || crowd.iter().map(|(_, count)| count.get()).sum::<usize>();
    let before = total();
    world.run_for(SECOND);
    assert!(total() - before <= 2100, "{} bytes", total() - before);
}

/// Nor are the timers of limits kept that were replaced.
#[test]
fn limits_that_are_replaced_leave_no_timers() {
    let (mut world, peer, transport) = World::with(Echo);
    peer.send([b'x'; 10_000]);
    transport.write([b'x'; 10_000]);
    for _ in 0..100 {
        transport.set_read_rate(bucket(0, 1));
        transport.set_write_rate(bucket(0, 1));
        world.settle();
    }
    assert!(world.reactor.stats().timers <= 2, "{} timers", world.reactor.stats().timers);
}

/// A limit that is lifted or changed while a connection waits counts at once.
#[test]
fn a_limit_may_change_at_any_time() {
    let (counting, count) = counter();
    let (mut world, peer, transport) = World::with(counting);
    transport.set_read_rate(bucket(1, 1000));
    transport.set_write_rate(bucket(1, 1000));
    peer.send(vec![b'x'; 10_000]);
    transport.write(vec![b'x'; 10_000]);
    world.settle();
    assert_eq!((count.get(), peer.received().len()), (1000, 1000));
    transport.set_read_rate(bucket(1, 500));
    transport.set_write_rate(bucket(1, 500));
    world.settle();
    assert_eq!((count.get(), peer.received().len()), (1500, 500));
    transport.set_read_rate(None);
    transport.set_write_rate(None);
    world.settle();
    assert_eq!((count.get(), peer.received().len()), (10_000, 8500));
    world.run_for(200 * SECOND);
    assert_eq!(world.reactor.stats().timers, 0);
}

/// Closing waits for the rate, not for the peer: a long tail is sent in full.
#[test]
fn a_close_sends_everything_at_the_rate() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.set_write_rate(bucket(1000, 1000));
    transport.write(vec![b'x'; 200_000]);
    transport.lose_connection();
    world.run_for(198 * SECOND);
    assert!(!peer.has_finished());
    world.run_for(2 * SECOND);
    assert!(peer.has_finished());
    assert_eq!(peer.received().len(), 200_000);
    peer.finish();
    world.settle();
    assert_eq!(log.last(), "lost closed");
}

/// But a peer that reads nothing, or as little as it can, is not waited for longer than without a rate.
#[test]
fn a_close_still_ends_within_its_deadline() {
    for trickles in [false, true] {
        let log = Log::default();
        let (mut world, peer, transport) = World::with(Script::new(&log));
        transport.set_write_rate(bucket(1000, 1000));
        peer.set_window(Some(0));
        transport.write(vec![b'x'; 200_000]);
        transport.lose_connection();
        for _ in 0..Limits::DEFAULT.close_timeout.as_secs() {
            world.run_for(SECOND);
            peer.open_window(usize::from(trickles));
        }
        world.settle();
        assert!(peer.was_reset());
        assert!(log.last().starts_with("lost Close"), "{}", log.last());
    }
}

/// Nor does it wait for a rate that grants nothing, whatever else is asked of the connection meanwhile.
#[test]
fn a_close_ends_within_its_deadline_without_any_tokens() {
    let log = Log::default();
    let (mut world, _peer, transport) = World::with(Script::new(&log));
    transport.set_write_rate(bucket(0, 1000));
    transport.write(vec![b'x'; 200_000]);
    transport.lose_connection();
    for _ in 0..Limits::DEFAULT.close_timeout.as_secs() {
        world.run_for(SECOND);
        transport.set_nodelay(true);
    }
    world.settle();
    assert!(log.last().starts_with("lost Close"), "{}", log.last());
}

/// Only what was read counts, not what might have been.
#[test]
fn small_pieces_within_the_rate_are_not_held_up() {
    let (counting, count) = counter();
    let (mut world, peer, transport) = World::with(counting);
    transport.set_read_rate(bucket(1000, 1000));
    for sent in 1..=50 {
        peer.send([b'x'; 10]);
        world.settle();
        assert_eq!(count.get(), 10 * sent);
    }
}

/// A rate of nothing lets the burst pass and then holds on, without a busy loop; closing ends all the same.
#[test]
fn a_rate_of_zero_stops_after_the_burst() {
    let (counting, count) = counter();
    let (mut world, peer, transport) = World::with(counting);
    transport.set_read_rate(bucket(0, 100));
    transport.set_write_rate(bucket(0, 100));
    peer.send([b'x'; 1000]);
    transport.write([b'x'; 1000]);
    world.run_for(1000 * SECOND);
    assert_eq!((count.get(), peer.received().len()), (100, 100));
    transport.lose_connection();
    world.run_for(63 * SECOND);
    assert!(peer.is_closed());
}

/// Input that is thrown away while a connection closes is not held back, lest the peer see a reset.
#[test]
fn closing_is_not_slowed_down_by_a_read_rate() {
    let (mut world, peer, transport) = World::with(Count(Rc::default()));
    transport.set_read_rate(bucket(10, 10));
    peer.send(vec![b'x'; 1_000_000]);
    world.settle();
    transport.write("bye");
    transport.lose_connection();
    peer.finish();
    world.settle();
    assert!(peer.is_closed() && !peer.was_reset());
    assert_eq!(peer.received(), b"bye");
}

/// The end of input, and a reset, come after the input that is held back.
#[test]
fn input_that_waits_for_its_rate_comes_before_the_end() {
    for breaks in [false, true] {
        let log = Log::default();
        let (mut world, peer, transport) = World::with(Script::new(&log));
        transport.set_read_rate(bucket(10, 10));
        peer.send([b'x'; 50]);
        world.settle();
        if breaks {
            peer.reset()
        } else {
            peer.finish()
        }
        world.run_for(3 * SECOND);
        assert_eq!(log.count("lost") + log.count("eof"), 0);
        world.run_for(2 * SECOND);
        assert_eq!(log.count("data"), 50);
        assert!(if breaks { log.last().starts_with("lost broken") } else { log.last() == "lost closed" });
    }
}

/// A stop sends what sockets take, whatever the rate.
#[test]
fn a_stop_does_not_wait_for_the_rate() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.set_write_rate(bucket(10, 10));
    transport.write([b'x'; 10_000]);
    world.settle();
    world.reactor.stop();
    world.reactor.run().unwrap();
    assert_eq!(peer.received().len(), 10_000);
}

/// The marks work as ever: a producer, or a protocol, is told when the rate holds its output back.
#[test]
fn output_that_is_held_back_counts_for_the_marks() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.set_write_rate(bucket(20_000, 20_000));
    transport.write(vec![b'x'; 200_000]);
    world.settle();
    assert_eq!(log.take(), ["made", "writing paused"]);
    world.run_for(8 * SECOND);
    assert_eq!(log.take(), ["writing resumed"]);
    world.run_for(SECOND);
    assert_eq!(peer.received().len(), 200_000);
}

/// An echo that reads no faster than it may write holds what its marks allow.
#[test]
fn a_write_rate_slows_down_who_asks_too_much() {
    let (mut world, peer, transport) = World::with(Echo);
    transport.set_write_rate(bucket(100_000, 10_000));
    peer.send(vec![b'x'; 2_000_000]);
    for _ in 0..10 {
        world.run_for(SECOND);
        assert!(transport.buffered() <= (128 + 64) * 1024, "{} bytes wait", transport.buffered());
    }
    let echoed = peer.received().len();
    assert!((990_000..=1_010_000).contains(&echoed), "{echoed}");
}

fn serve(policy: impl Policy + 'static) -> (World, Vec<Peer>, Rc<Cell<usize>>) {
    let (mut world, count) = (World::new(), Rc::<Cell<usize>>::default());
    let counting = Rc::clone(&count);
    let (_, address) = world.listen(policy.around(for_protocol(move || Count(Rc::clone(&counting)))));
    let peers: Vec<Peer> = (0..4).map(|_| world.memory.connect(address).unwrap()).collect();
    peers.iter().for_each(|peer| peer.send(vec![b'x'; 1_000_000]));
    world.run_for(10 * SECOND);
    (world, peers, count)
}

/// The policy limits each connection, or all together.
#[test]
fn the_policy_limits_each_or_all() {
    let bucket = || TokenBucket::with_burst(10_000, 1000);
    let (_, _, count) = serve(LimitRate::of_each().read(bucket()));
    assert!((400_000..=404_000).contains(&count.get()), "{}", count.get());
    let (_, _, count) = serve(LimitRate::of_all().read(bucket()));
    assert!((100_000..=101_000).contains(&count.get()), "{}", count.get());
    let (_, _, count) = serve(LimitRate::of_all().write(bucket()));
    assert_eq!(count.get(), 4_000_000);
}

/// A logger that wants to hear everything and forgets it.
struct Heedless;

impl log::Log for Heedless {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _: &log::Record<'_>) {}

    fn flush(&self) {}
}

/// Through layers the bytes on the wire count.
#[test]
fn a_connection_with_layers_keeps_to_its_rate() {
    struct Bulk;
    impl Protocol for Bulk {
        fn connection_made(&mut self, transport: &Transport) {
            transport.write(vec![b'x'; 300_000]);
            transport.lose_connection();
        }

        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            Ok(())
        }
    }
    // Only with a logger is there a layer.
    log::set_logger(&Heedless).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let mut world = World::new();
    let policy = LimitRate::of_each().write(TokenBucket::with_burst(10_000, 1000));
    let (_, address) =
        world.listen(TrafficLog::new(log::Level::Trace).around(policy.around(for_protocol(|| Bulk))));
    let peer = world.memory.connect(address).unwrap();
    world.run_for(10 * SECOND);
    let received = peer.received().len();
    assert!((99_000..=101_000).contains(&received), "{received}");
    world.run_for(20 * SECOND);
    assert_eq!(received + peer.received().len(), 300_000);
    assert!(peer.has_finished());
}

/// A switch of protocols leaves the rate as it is.
#[test]
fn a_switch_of_protocols_keeps_the_rate() {
    let (counting, count) = counter();
    let (mut world, peer, transport) = World::with(Echo);
    transport.set_read_rate(bucket(1000, 100));
    transport.switch_protocol(counting, []);
    peer.send(vec![b'x'; 10_000]);
    world.run_for(SECOND);
    assert!((1000..=1100).contains(&count.get()), "{}", count.get());
}

/// Limits that are set on a lost connection change nothing.
#[test]
fn a_lost_connection_takes_no_limit() {
    let log = Log::default();
    let told = log.clone();
    let (mut world, peer, transport) =
        World::with(Script::new(&Log::default()).on_lost(move |_, reason| told.add(kind(reason))));
    peer.finish();
    world.settle();
    let shared = bucket(1, 1);
    transport.set_read_rate(shared.clone());
    transport.set_write_rate(shared.clone());
    assert_eq!(Rc::strong_count(shared.as_ref().unwrap()), 1);
    assert_eq!(log.take(), ["closed"]);
    world.run_for(Duration::from_secs(10));
}

/// A limit that is gone does not count as what holds output up.
#[test]
fn a_limit_that_was_taken_away_prolongs_no_close() {
    const MIB: usize = 1024 * 1024;
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    peer.set_window(Some(0));
    transport.set_write_rate(bucket(1000, 1000));
    transport.set_write_rate(None);
    transport.write(vec![0; 3 * MIB]);
    transport.lose_connection();
    world.run_for(SECOND * 40);
    peer.open_window(MIB);
    world.run_for(SECOND * 19);
    assert_eq!(log.count("lost"), 0);
    world.run_for(SECOND);
    assert_eq!(log.last(), "lost Close(60s)");
}

/// A connection whose socket is full takes nothing of the rate that others could use.
#[test]
fn output_that_waits_for_its_peer_waits_for_no_tokens() {
    let (mut world, peer, transport) = World::with(Echo);
    let (other, sending) = world.open(Echo);
    let shared = bucket(1000, 1000);
    transport.set_write_rate(shared.clone());
    sending.set_write_rate(shared);
    peer.set_window(Some(0));
    transport.write("x");
    world.settle();
    sending.write(vec![b'x'; 5_000]);
    world.settle();
    let timers = world.reactor.stats().timers;
    transport.write("x");
    world.settle();
    assert_eq!(world.reactor.stats().timers, timers);
    assert_eq!(other.received().len(), 1000);
}
