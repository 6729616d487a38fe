//! Members that lag: each policy, with an exact account of what was sent, waited and was dropped.

use ropewalk::{Group, Lag, LagPolicy, Overflow};

use super::world::{Log, SECOND, World, limits};
use super::{Guest, number, numbers};

/// Eleven of the numbers go to the connection of a member that is blocked: then more than 100 bytes wait.
const SENT: usize = 11;

fn policy(overflow: Overflow, messages: usize, bytes: usize) -> LagPolicy {
    let mut policy = LagPolicy::new(overflow);
    (policy.messages, policy.bytes) = (messages, bytes);
    policy
}

/// A group of one member that is blocked, and one that is not.
fn blocked(policy: LagPolicy) -> (World, Group<String>, Guest, Guest, Log) {
    let (mut world, group, log) = (World::new(), Group::with_policy(policy), Log::default());
    let slow = Guest::join(&mut world, &group, "slow", &log);
    let quick = Guest::join(&mut world, &group, "quick", &log);
    slow.block();
    (world, group, slow, quick, log)
}

fn count(world: &mut World, group: &Group<String>, range: std::ops::Range<usize>) {
    for next in range {
        group.broadcast(number(next));
        world.settle();
    }
}

fn behind(lag: Lag) -> (usize, usize, u64, u64) {
    (lag.messages, lag.bytes, lag.dropped, lag.replaced)
}

#[test]
fn a_member_catches_up_with_all_that_waited_in_order() {
    let (mut world, group, slow, quick, _) = blocked(LagPolicy::default());
    count(&mut world, &group, 0..500);
    assert_eq!(behind(slow.lag()), (500 - SENT, 10 * (500 - SENT), 0, 0));
    assert_eq!(slow.transport.buffered(), 10 * SENT);
    assert_eq!(behind(quick.lag()), (0, 0, 0, 0));
    assert_eq!(quick.heard(), numbers(0..500));
    slow.unblock(&mut world);
    assert_eq!(slow.heard(), numbers(0..500));
    assert_eq!(behind(slow.lag()), (0, 0, 0, 0));
}

#[test]
fn a_member_that_reads_in_drops_misses_nothing() {
    let (mut world, group, slow, _quick, _) = blocked(LagPolicy::default());
    let mut heard = String::new();
    for round in 0..200 {
        count(&mut world, &group, round * 3..round * 3 + 3);
        slow.peer.open_window(round % 7);
        world.settle();
        assert!(slow.transport.buffered() <= 110);
        heard += &slow.heard();
    }
    while slow.lag().messages > 0 || slow.transport.buffered() > 0 {
        slow.peer.open_window(13);
        world.settle();
        heard += &slow.heard();
    }
    assert_eq!(heard, numbers(0..600));
}

#[test]
fn a_burst_that_the_network_takes_is_no_lag() {
    let (mut world, group, slow, _, log) = blocked(policy(Overflow::Disconnect, 1_000, 10_000));
    slow.peer.set_window(None);
    (0..500).for_each(|next| group.broadcast(number(next)));
    assert_eq!(slow.lag().messages, 500 - SENT);
    world.settle();
    assert_eq!(slow.heard(), numbers(0..500));
    assert!(log.take().is_empty());
}

#[test]
fn too_many_messages_disconnect() {
    let (mut world, group, slow, quick, log) = blocked(policy(Overflow::Disconnect, 5, 1_000));
    count(&mut world, &group, 0..SENT + 5);
    assert_eq!(behind(group.lag("slow").unwrap()), (5, 50, 0, 0));
    assert!(slow.transport.is_open());
    count(&mut world, &group, SENT + 5..20);
    assert!(!slow.transport.is_open());
    assert_eq!(behind(slow.lag()), (0, 0, 6, 0), "memory is given back at once");
    slow.unblock(&mut world);
    world.run_for(3 * SECOND);
    assert_eq!(slow.heard(), numbers(0..SENT), "what was sent is a beginning of it all");
    let error = "the peer reads too slowly: 5 messages of 50 bytes were waiting";
    assert_eq!(log.take(), [format!("slow lost error {error}")]);
    assert!(!group.contains("slow"));
    assert_eq!(quick.heard(), numbers(0..20));
}

#[test]
fn too_many_bytes_disconnect() {
    let (mut world, group, slow, _, _) = blocked(policy(Overflow::Disconnect, 1_000, 55));
    count(&mut world, &group, 0..SENT + 5);
    assert!(slow.transport.is_open());
    count(&mut world, &group, SENT + 5..SENT + 6);
    assert!(!slow.transport.is_open());
}

#[test]
fn the_oldest_are_dropped() {
    let (mut world, group, slow, _, _) = blocked(policy(Overflow::DropOldest, 5, 1_000));
    count(&mut world, &group, 0..100);
    assert_eq!(behind(slow.lag()), (5, 50, 100 - SENT as u64 - 5, 0));
    // Three times as long: three of the others make room.
    group.broadcast("x".repeat(980));
    assert_eq!(behind(slow.lag()), (3, 1_000, 100 - SENT as u64 - 2, 0));
    // What is too long by itself makes none.
    group.broadcast("y".repeat(1_001));
    assert_eq!(behind(slow.lag()), (3, 1_000, 100 - SENT as u64 - 1, 0));
    slow.unblock(&mut world);
    assert_eq!(slow.heard(), numbers(0..SENT) + &numbers(98..100) + &"x".repeat(980));
}

#[test]
fn the_newest_are_dropped() {
    let (mut world, group, slow, _, _) = blocked(policy(Overflow::DropNewest, 1_000, 59));
    count(&mut world, &group, 0..100);
    assert_eq!(behind(slow.lag()), (5, 50, 100 - SENT as u64 - 5, 0));
    group.broadcast("nine byte");
    assert_eq!(behind(slow.lag()), (6, 59, 100 - SENT as u64 - 5, 0));
    slow.unblock(&mut world);
    assert_eq!(slow.heard(), numbers(0..SENT + 5) + "nine byte");
    count(&mut world, &group, 100..103);
    assert_eq!(slow.heard(), numbers(100..103));
}

#[test]
fn of_a_topic_only_the_latest_waits() {
    let (mut world, group, slow, quick, _) = blocked(policy(Overflow::DropOldest, 4, 1_000));
    count(&mut world, &group, 0..SENT);
    for round in 0..50 {
        for topic in [7, u64::MAX] {
            group.broadcast_latest(topic, format!("{topic} is {round}\n"));
        }
        if round == 10 {
            group.broadcast("plain\n");
        }
        world.settle();
    }
    let latest = format!("7 is 49\n{} is 49\n", u64::MAX);
    assert_eq!(behind(slow.lag()), (3, latest.len() + 6, 0, 98));
    // The topics make room as others do, and come back as if they were new.
    group.broadcast("one\n");
    group.broadcast("two\n");
    assert_eq!(behind(slow.lag()), (4, latest.len() + 6, 1, 98));
    group.broadcast_latest(7, "7 is new\n".to_owned());
    assert_eq!(behind(slow.lag()), (4, 23, 2, 98));
    slow.unblock(&mut world);
    assert_eq!(slow.heard(), numbers(0..SENT) + "plain\none\ntwo\n7 is new\n");
    assert_eq!(quick.heard().lines().filter(|line| line.starts_with("7 is")).count(), 51);
    group.broadcast_latest(7, "7 is over\n".to_owned());
    world.settle();
    assert_eq!(slow.heard(), "7 is over\n");
}

#[test]
fn a_latest_that_is_longer_needs_room_for_the_difference() {
    for (overflow, heard, dropped, replaced) in [
        (Overflow::DropOldest, "1: a very long message", 1, 0),
        (Overflow::DropNewest, "1: short2: short", 1, 0),
        (Overflow::DropOldest, "1: longer!2: short", 0, 1),
    ] {
        let (mut world, group, slow, _, _) = blocked(policy(overflow, 10, 22));
        count(&mut world, &group, 0..SENT);
        group.broadcast_latest(1, "1: short");
        group.broadcast_latest(2, "2: short");
        let longer = if replaced == 1 { "1: longer!" } else { "1: a very long message" };
        group.broadcast_latest(1, longer);
        let lag = slow.lag();
        let dropped = if heard == longer { dropped + 1 } else { dropped };
        assert_eq!((lag.dropped, lag.replaced), (dropped, replaced), "{overflow:?}");
        slow.unblock(&mut world);
        assert_eq!(slow.heard(), numbers(0..SENT) + heard, "{overflow:?}");
    }
}

#[test]
fn a_policy_without_room_lets_nothing_wait() {
    for overflow in [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest] {
        let (mut world, group, slow, _, _) = blocked(policy(overflow, 0, 0));
        count(&mut world, &group, 0..SENT);
        assert!(slow.transport.is_open());
        count(&mut world, &group, SENT..SENT + 2);
        let dropped = if overflow == Overflow::Disconnect { 1 } else { 2 };
        assert_eq!(behind(slow.lag()), (0, 0, dropped, 0));
        assert_eq!(slow.transport.is_open(), overflow != Overflow::Disconnect);
    }
}

#[test]
fn what_waits_is_dropped_with_the_membership_or_the_connection() {
    for way in 0..4 {
        let (mut world, group, slow, _, _) = blocked(LagPolicy::default());
        count(&mut world, &group, 0..20);
        match way {
            0 => drop(slow.place.take()),
            1 => slow.transport.lose_connection(),
            2 => slow.transport.abort_connection(),
            _ => slow.peer.reset(),
        }
        count(&mut world, &group, 20..30);
        if way == 1 {
            assert_eq!(slow.lag().messages, 9, "until its output has drained");
        }
        slow.unblock(&mut world);
        let heard = if way < 2 { numbers(0..SENT) } else { String::new() };
        assert_eq!(slow.heard(), heard, "way {way}");
        world.run_for(3 * SECOND);
        assert!(!group.contains("slow"), "way {way}");
    }
}

#[test]
fn other_output_does_not_wait_for_the_group() {
    let (mut world, group, slow, _, _) = blocked(LagPolicy::default());
    count(&mut world, &group, 0..20);
    slow.transport.write("private\n");
    slow.unblock(&mut world);
    assert_eq!(slow.heard(), numbers(0..SENT) + "private\n" + &numbers(SENT..20));
}

#[test]
fn marks_that_are_lowered_for_all_do_not_make_the_loop_spin() {
    let (mut world, group, log) = (World::new(), Group::new(), Log::default());
    let slow = Guest::join(&mut world, &group, "slow", &log);
    slow.peer.set_window(Some(0));
    count(&mut world, &group, 0..20);
    assert_eq!(slow.lag().messages, 0);
    world.reactor.set_default_limits(limits(|limits| (limits.high_water, limits.low_water) = (100, 20)));
    count(&mut world, &group, 20..40);
    assert_eq!(slow.lag().messages, 20);
    slow.unblock(&mut world);
    assert_eq!(slow.heard(), numbers(0..40));
}

#[test]
fn a_high_water_mark_of_zero_sends_one_at_a_time() {
    let (mut world, group, slow, _, _) = blocked(LagPolicy::default());
    slow.transport.set_limits(limits(|limits| limits.high_water = 0));
    count(&mut world, &group, 0..20);
    assert_eq!(slow.lag().messages, 19);
    slow.unblock(&mut world);
    assert_eq!(slow.heard(), numbers(0..20));
}
