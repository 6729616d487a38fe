//! The schedule alone: stories by the millisecond, and every course that a small race can take.

use std::time::Duration;

use ropewalk_reactor::Instant;

use super::Action::{Cancel, Fail, Try};
use super::Event::{Connected, Failed, GivenUp, Time};
use super::{Action, Event, Schedule};

const DELAY: Duration = Duration::from_millis(250);

fn at(milliseconds: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(milliseconds)
}

/// What is done about each event at its millisecond, with the time that is waited for then.
#[track_caller]
fn assert_story(addresses: usize, deadline: u64, story: &[(u64, Event, &[Action], Option<u64>)]) {
    let mut schedule = Schedule::new(addresses, DELAY, at(deadline));
    for (time, event, actions, wakeup) in story {
        assert_eq!(schedule.advance(*event, at(*time)), *actions, "{event:?} at {time}");
        assert_eq!(schedule.next_wakeup(), wakeup.map(at), "after {event:?} at {time}");
    }
}

#[test]
fn an_attempt_without_answer_is_joined_by_the_next() {
    assert_story(
        3,
        30_000,
        &[
            (0, Time, &[Try(0)], Some(250)),
            (249, Time, &[], Some(250)),
            (250, Time, &[Try(1)], Some(500)),
            (500, Time, &[Try(2)], None),
            (5000, Connected(1), &[Cancel(0), Cancel(2)], None),
        ],
    );
}

#[test]
fn a_failure_starts_the_next_at_once_and_the_delay_anew() {
    assert_story(
        3,
        30_000,
        &[
            (0, Time, &[Try(0)], Some(250)),
            (100, Failed(0), &[Try(1)], Some(350)),
            (250, Time, &[], Some(350)),
            (350, Time, &[Try(2)], None),
            (400, Failed(2), &[], None),
            (401, Failed(1), &[Fail], None),
        ],
    );
}

#[test]
fn none_but_the_first_begins_at_the_deadline() {
    assert_story(
        3,
        250,
        &[(0, Time, &[Try(0)], None), (250, Time, &[], None), (250, Failed(0), &[Fail], None)],
    );
    assert_story(2, 0, &[(0, Time, &[Try(0)], None), (0, Failed(0), &[Fail], None)]);
}

#[test]
fn a_time_that_is_noticed_after_the_deadline_is_not_waited_for_again() {
    assert_story(
        3,
        400,
        &[(0, Time, &[Try(0)], Some(250)), (500, Time, &[], None), (600, Failed(0), &[Fail], None)],
    );
}

#[test]
fn giving_up_cancels_what_goes_on() {
    assert_story(
        3,
        30_000,
        &[
            (0, Time, &[Try(0)], Some(250)),
            (250, Time, &[Try(1)], Some(500)),
            (300, GivenUp, &[Cancel(0), Cancel(1)], None),
            (300, Connected(1), &[], None),
            (301, Failed(0), &[], None),
            (500, Time, &[], None),
        ],
    );
}

/// What a race should have come to, told from events and actions alone.
#[derive(Clone)]
struct Model {
    addresses: usize,
    deadline: Instant,
    now: Instant,
    last_begun: Instant,
    begun: usize,
    racing: Vec<usize>,
    winner: Option<usize>,
    over: bool,
}

impl Model {
    #[track_caller]
    fn check(&mut self, event: Event, actions: &[Action], schedule: &Schedule) {
        if self.over {
            assert_eq!(actions, []);
        } else {
            self.check_event(event, actions);
        }
        assert_eq!((schedule.winner(), schedule.is_over()), (self.winner, self.over));
        assert!(self.over || !self.racing.is_empty(), "nothing goes on any more");
        assert!(self.over || schedule.next_wakeup().is_none_or(|wakeup| wakeup < self.deadline));
    }

    #[track_caller]
    fn check_event(&mut self, event: Event, actions: &[Action]) {
        let all =
            |racing: &mut Vec<usize>| std::mem::take(racing).into_iter().map(Cancel).collect::<Vec<_>>();
        let may_try = self.begun < self.addresses && (self.begun == 0 || self.now < self.deadline);
        match event {
            Time => {
                let due = self.begun == 0 || self.now >= self.last_begun + DELAY;
                self.check_try(may_try && due, actions);
            }
            Failed(attempt) if self.racing.contains(&attempt) => {
                self.racing.retain(|other| *other != attempt);
                if may_try || !self.racing.is_empty() {
                    self.check_try(may_try, actions);
                } else {
                    assert_eq!(actions, [Fail]);
                    self.over = true;
                }
            }
            Connected(attempt) if self.racing.contains(&attempt) => {
                self.racing.retain(|other| *other != attempt);
                assert_eq!(actions, all(&mut self.racing));
                (self.winner, self.over) = (Some(attempt), true);
            }
            Failed(_) | Connected(_) => assert_eq!(actions, []),
            GivenUp => {
                assert_eq!(actions, all(&mut self.racing));
                self.over = true;
            }
        }
    }

    #[track_caller]
    fn check_try(&mut self, expected: bool, actions: &[Action]) {
        if !expected {
            assert_eq!(actions, []);
            return;
        }
        assert_eq!(actions, [Try(self.begun)]);
        self.racing.push(self.begun);
        self.begun += 1;
        self.last_begun = self.now;
    }
}

/// Takes every event that may come next, and each that may follow it; returns how many courses there are.
fn explore(schedule: &Schedule, model: &Model, depth: usize) -> usize {
    if depth == 0 {
        return 1;
    }
    let attempts = (0..model.addresses).flat_map(|attempt| [Failed(attempt), Connected(attempt)]);
    let now = attempts.chain([Time, GivenUp]).map(|event| (event, Duration::ZERO));
    let later = [(Time, DELAY / 2), (Time, DELAY)];
    let mut courses = 0;
    for (event, passed) in now.chain(later) {
        let (mut schedule, mut model) = (schedule.clone(), model.clone());
        model.now = model.now + passed;
        let actions = schedule.advance(event, model.now);
        model.check(event, &actions, &schedule);
        courses += explore(&schedule, &model, depth - 1);
    }
    courses
}

#[test]
fn every_course_of_a_small_race_keeps_the_rules() {
    for addresses in 1..=3 {
        for deadline in [0, 250, 600, 30_000] {
            let mut schedule = Schedule::new(addresses, DELAY, at(deadline));
            let mut model = Model {
                addresses,
                deadline: at(deadline),
                now: at(0),
                last_begun: at(0),
                begun: 0,
                racing: Vec::new(),
                winner: None,
                over: false,
            };
            let actions = schedule.advance(Time, at(0));
            model.check(Time, &actions, &schedule);
            let choices = 2 * addresses + 4;
            assert_eq!(explore(&schedule, &model, 5), choices.pow(5));
        }
    }
}
