//! Stopping, starting again, and the end of the reactor, in every state.

use std::io::ErrorKind::ConnectionRefused;
use std::rc::Rc;

use ropewalk::testing::Peer;

use crate::preparing::Preparation;
use crate::setting::{REFUSED, Setting};
use crate::world::SECOND;

/// Every state that a service can be in when it is stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Stopped,
    Starting,
    Waiting,
    Connecting,
    Preparing,
    Connected,
    Closing,
    Stopping,
    Restarting,
}

const STATES: [State; 9] = [
    State::Stopped,
    State::Starting,
    State::Waiting,
    State::Connecting,
    State::Preparing,
    State::Connected,
    State::Closing,
    State::Stopping,
    State::Restarting,
];

/// A service that is in `state`, and the peer of its last attempt.
fn setting_in(state: State) -> (Setting, Peer) {
    let preparation = Preparation::default();
    let mut setting = Setting::with(preparation.options());
    let peer = setting.peer();
    match state {
        State::Starting => return (setting, peer),
        State::Waiting => peer.refuse(ConnectionRefused),
        State::Stopped | State::Connecting => {}
        State::Preparing | State::Connected | State::Closing | State::Stopping | State::Restarting => {
            peer.accept();
        }
    }
    setting.settle();
    match state {
        State::Connected | State::Stopping | State::Restarting => preparation.end(Ok(())),
        State::Closing => preparation.end(Err("wrong password".into())),
        _ => {}
    }
    setting.settle();
    if matches!(state, State::Stopped | State::Stopping | State::Restarting) {
        drop(setting.service.stop());
        setting.settle();
    }
    if state == State::Restarting {
        setting.service.start();
    }
    let expected = match state {
        State::Restarting => "Stopping",
        _ => &format!("{state:?}"),
    };
    let shown = format!("{:?}", setting.service);
    assert!(shown.contains(&format!("state: {expected}")), "{shown}");
    setting.log.take();
    (setting, peer)
}

/// Stopping comes to its end in every state, but not before the connection has; and the service can start again.
#[test]
fn it_can_be_stopped_in_every_state() {
    for state in STATES {
        let (mut setting, peer) = setting_in(state);
        let has_connection = setting.world.connections() == 1;
        if state == State::Connected {
            peer.send("unheard");
        } else if !matches!(state, State::Stopped | State::Stopping) {
            setting.note(setting.service.when_connected());
        }
        setting.stop();
        setting.stop();
        assert!(!setting.service.is_running());
        assert!(setting.log.take().is_empty(), "{state:?}: stopping calls nobody");
        setting.settle();
        let mut log = setting.log.take();
        if has_connection {
            assert!(peer.has_finished() && !peer.is_closed(), "{state:?}");
            assert!(!log.contains(&"stopped".to_owned()), "{state:?}: {log:?}");
            peer.finish();
            setting.settle();
            log.extend(setting.log.take());
            assert_eq!(log.iter().filter(|entry| *entry == "lost closed").count(), 1, "{state:?}");
        }
        let ends: Vec<_> = log.iter().rev().take(2).collect();
        assert_eq!(ends, ["stopped", "stopped"], "{state:?}: {log:?}");
        let disappointed = log.contains(&"no connection: the client service is stopped".to_owned());
        let waited = !matches!(state, State::Stopped | State::Stopping | State::Connected);
        assert_eq!(disappointed, waited, "{state:?}: {log:?}");
        setting.assert_at_rest();
        setting.world.run_for(SECOND * 600);
        assert!(setting.log.take().is_empty(), "{state:?}");
        let next = setting.peer();
        setting.service.start();
        setting.settle();
        // The attempt that was never made left its peer.
        let next = if state == State::Starting { peer } else { next };
        next.accept();
        setting.settle();
        setting.assert_log(&["made"]);
    }
}

/// The connection stands in the same turn in which the service is stopped: it is closed again.
#[test]
fn stopping_outruns_an_attempt_that_succeeds() {
    for turns in 0..6 {
        let mut setting = Setting::new();
        let peer = setting.peer();
        setting.settle();
        peer.accept();
        for _ in 0..turns {
            setting.world.turn();
        }
        setting.stop();
        peer.finish();
        setting.settle();
        assert_eq!(setting.log.last(), "stopped", "after {turns} turns");
        assert_eq!(setting.log.count("made"), setting.log.count("lost"));
        setting.assert_at_rest();
    }
}

#[test]
fn starting_while_stopping_starts_again_after_it() {
    let (mut setting, peer) = setting_in(State::Connected);
    setting.stop();
    setting.service.start();
    assert!(setting.service.is_running());
    setting.note(setting.service.when_connected());
    let next = setting.peer();
    setting.settle();
    setting.assert_log(&[]);
    peer.finish();
    setting.settle();
    setting.assert_log(&["lost closed", "stopped"]);
    next.refuse(ConnectionRefused);
    setting.settle();
    setting.assert_log(&[REFUSED]);
}

/// A reactor that stops takes the connection away; the service goes on when the reactor does.
#[test]
fn it_outlives_a_stop_of_the_reactor() {
    let (mut setting, _) = setting_in(State::Connected);
    setting.world.reactor.stop();
    setting.settle();
    setting.assert_log(&["lost shutdown", "waiting: the reactor stopped"]);
    let _peer = setting.accepting_peer();
    setting.wait();
    setting.assert_log(&["made"]);
}

/// Dropping the reactor frees those who wait for the service, whatever it does, and tells nobody.
#[test]
fn dropping_the_reactor_frees_what_waits_in_every_state() {
    for (state, stopping) in STATES.into_iter().flat_map(|state| [(state, false), (state, true)]) {
        let held = Rc::new(());
        let weak = Rc::downgrade(&held);
        let (setting, _peer) = setting_in(state);
        let (service, log) = (setting.service.clone(), setting.log.clone());
        let circle = (service.clone(), Rc::clone(&held));
        service.when_connected().then(move |_| drop(circle));
        let circle = (service.clone(), held);
        if stopping {
            service.stop().then(move |()| drop(circle));
        } else {
            drop(circle);
        }
        drop(setting);
        assert!(weak.upgrade().is_none(), "{state:?}");
        assert!(log.take().is_empty(), "{state:?}: dropping calls nobody");
        assert!(!service.is_running(), "{state:?}");
        service.start();
        drop(service.stop());
        drop(service.when_connected());
        assert!(!service.is_running(), "{state:?}");
    }
}
