//! Timers: a million armed, a million cancelled, and a mixed load, beside tokio's wheel.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ropewalk::{DelayedCall, Reactor};

use crate::comparison::median;

/// Compares both, in alternating rounds.
pub(crate) fn compare(rounds: usize, timers: usize) -> Result<(), Box<dyn Error>> {
    println!("\n| {timers} timers | ropewalk | tokio | ratio |\n|---|---|---|---|");
    let mut ropewalk = Vec::new();
    let mut tokio = Vec::new();
    for _ in 0..rounds {
        ropewalk.push(ropewalk_round(timers)?);
        tokio.push(tokio_round(timers)?);
    }
    let names = ["arming one", "cancelling one", "cancelling and arming one among all"];
    for (index, name) in names.into_iter().enumerate() {
        let own = median(ropewalk.iter().map(|round| round[index]));
        let other = median(tokio.iter().map(|round| round[index]));
        let ratios = ropewalk.iter().zip(&tokio).map(|(own, other)| own[index] / other[index]);
        println!("| {name} | {own:.0} ns | {other:.0} ns | {:.2} |", median(ratios));
    }
    Ok(())
}

/// Deadlines spread over a minute, none of which comes during the measurement.
fn delay(number: usize) -> Duration {
    Duration::from_millis(60_000 + (number as u64).wrapping_mul(7_919) % 60_000)
}

/// Which timer the mixed load replaces next: all over the place.
fn victim(number: usize, timers: usize) -> usize {
    number.wrapping_mul(2_654_435_761) % timers
}

fn ropewalk_round(timers: usize) -> Result<[f64; 3], Box<dyn Error>> {
    let reactor = Reactor::new()?;
    let arm = |number: usize| reactor.call_later(delay(number), move |_| debug_assert!(number < usize::MAX));
    let (mut calls, armed) = timed(timers, || (0..timers).map(arm).collect::<Vec<DelayedCall>>());
    let ((), mixed) = timed(timers, || {
        for number in 0..timers {
            let place = victim(number, timers);
            let _ = calls[place].cancel();
            calls[place] = arm(number);
        }
    });
    let ((), cancelled) = timed(timers, || {
        for call in &calls {
            let _ = call.cancel();
        }
    });
    Ok([armed, cancelled, mixed])
}

fn tokio_round(timers: usize) -> Result<[f64; 3], Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let _inside = runtime.enter();
    // A sleep is armed when it is polled first.
    let arm = |number: usize| {
        let mut sleep = Box::pin(tokio::time::sleep(delay(number)));
        let polled = sleep.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
        sleep
    };
    let (mut sleeps, armed) =
        timed(timers, || (0..timers).map(arm).collect::<Vec<Pin<Box<tokio::time::Sleep>>>>());
    let ((), mixed) = timed(timers, || {
        for number in 0..timers {
            sleeps[victim(number, timers)] = arm(number);
        }
    });
    let ((), cancelled) = timed(timers, || drop(sleeps));
    Ok([armed, cancelled, mixed])
}

/// What `work` gives, and the nanoseconds that each of `count` took.
fn timed<R>(count: usize, work: impl FnOnce() -> R) -> (R, f64) {
    let began = Instant::now();
    let result = work();
    (result, began.elapsed().as_nanos() as f64 / count as f64)
}
