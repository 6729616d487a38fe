//! Groups on a network where members are slow, each policy with an exact account of what was sent and what was not.

use std::time::Duration;

use ropewalk::simulation::{Faults, Host, Link, Simulation, simulate};
use ropewalk::testing::Dice;
use ropewalk::{
    Group, Lag, LagPolicy, Limits, ListenOptions, Membership, Overflow, Protocol, Result, Transport,
    for_protocol,
};

use crate::people::{Heard, PORT, connect, idle};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MESSAGES: usize = 300;

/// Is known to the group by the order of joining.
struct Member {
    group: Group<usize>,
    membership: Option<Membership<usize>>,
}

impl Protocol for Member {
    fn connection_made(&mut self, transport: &Transport) {
        self.membership = self.group.join(self.group.len(), transport).ok();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

/// A group whose members have joined: the first one reads all that comes.
fn gather(simulation: &mut Simulation, policy: LagPolicy) -> (Host, Group<usize>, Vec<Heard>) {
    let group = Group::with_policy(policy);
    let joined = group.clone();
    let server = simulation.host("server", move |reactor| {
        let mut limits = Limits::default();
        (limits.high_water, limits.low_water) = (2_000, 500);
        limits.write_timeout = Duration::MAX;
        reactor.set_default_limits(limits);
        let group = joined.clone();
        let member = move || Member { group: group.clone(), membership: None };
        reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), for_protocol(member))?;
        Ok(())
    });
    let dice = simulation.dice();
    let mut link = Link::default();
    (link.buffer, link.jitter) = (1_000, MILLISECOND * dice.roll(30) as u32);
    simulation.set_default_link(link);
    if dice.chance(0.5) {
        simulation.set_faults(&server, Faults::rough());
    }
    let mut all = Vec::new();
    for number in 0..4 {
        let host = simulation.host(&format!("member-{number}"), idle);
        all.push(connect(simulation, &host, server.address()));
        let expected = number + 1;
        assert!(simulation.run_until(600 * SECOND, |_| group.len() == expected && all[number].is_made()));
    }
    (server, group, all)
}

/// All but the first member stop reading and go on at random while the messages are sent.
fn send_all(
    simulation: &mut Simulation,
    group: &Group<usize>,
    all: &[Heard],
    policy: &LagPolicy,
    dice: &Dice,
) {
    for number in 0..MESSAGES {
        let slow = all[1 + dice.roll(3) as usize].transport();
        match dice.roll(12) {
            0 => slow.pause_reading(),
            1 => slow.resume_reading(),
            _ => {}
        }
        group.broadcast(message(number));
        for (key, _) in group.members() {
            let lag = group.lag(&key).unwrap();
            assert!(lag.messages <= policy.messages && lag.bytes <= policy.bytes, "{key}: {lag:?}");
        }
        if lags_not(group, 0) {
            simulation.run_for(MILLISECOND * dice.roll(100) as u32);
        } else {
            simulation.run_for(60 * SECOND);
        }
    }
}

fn lags_not(group: &Group<usize>, key: usize) -> bool {
    group.lag(&key).is_none_or(|lag| lag.messages == 0)
}

/// A message of a hundred bytes or so.
fn message(number: usize) -> String {
    format!("{number:.<width$}\n", width = 60 + number % 90)
}

fn numbers(heard: &Heard) -> Vec<usize> {
    let text = String::from_utf8(heard.data()).unwrap();
    text.split_inclusive('\n')
        .map(|line| {
            let number = line.trim_end_matches(['.', '\n']).parse().unwrap();
            assert_eq!(line, message(number), "messages arrive whole");
            number
        })
        .collect()
}

fn run(overflow: Overflow, check: impl Fn(&Heard, Option<Lag>)) {
    simulate(15, |simulation| {
        let dice = simulation.dice();
        let mut policy = LagPolicy::new(overflow);
        (policy.messages, policy.bytes) = (5 + dice.roll(40) as usize, 1_000 + dice.roll(3_000) as usize);
        let (server, group, all) = gather(simulation, policy);
        send_all(simulation, &group, &all, &policy, &dice);
        for heard in all.iter().filter(|heard| heard.lost().is_none()) {
            heard.transport().resume_reading();
        }
        simulation.run_for(3_000 * SECOND);
        assert_eq!(numbers(&all[0]), (0..MESSAGES).collect::<Vec<_>>(), "one is not held up by the others");
        for (key, heard) in all.iter().enumerate() {
            check(heard, group.lag(&key));
        }
        assert_eq!(simulation.reactor_stats(&server).connections, group.len());
    });
}

#[test]
fn the_oldest_or_the_newest_are_missed_and_counted() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        run(overflow, |heard, lag| {
            let (numbers, lag) = (numbers(heard), lag.expect("nobody is disconnected"));
            assert!(numbers.is_sorted_by(|one, next| one < next));
            assert_eq!((lag.messages, lag.bytes, lag.replaced), (0, 0, 0));
            assert_eq!(numbers.len() + lag.dropped as usize, MESSAGES);
            if overflow == Overflow::DropOldest {
                assert_eq!(numbers.last(), Some(&(MESSAGES - 1)), "the newest always comes");
            }
        });
    }
}

#[test]
fn whoever_is_too_slow_hears_a_beginning_and_is_disconnected() {
    run(Overflow::Disconnect, |heard, lag| {
        let numbers = numbers(heard);
        assert!(numbers.iter().copied().eq(0..numbers.len()), "nothing is missing before the end");
        assert_eq!(lag.is_some(), numbers.len() == MESSAGES);
        assert_eq!(lag.is_some(), heard.lost().is_none());
        assert!(lag.is_none_or(|lag| (lag.messages, lag.dropped) == (0, 0)));
    });
}
