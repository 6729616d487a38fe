//! Preparing fresh connections.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use ropewalk::{ClientOptions, ClientService, ConnectOptions, Deferred, Resolver, Result, for_protocol};

use crate::setting::Setting;
use crate::world::{Echo, Log, SECOND};

/// How a preparation goes that the test decides about.
#[derive(Clone, Default)]
pub(crate) struct Preparation(Rc<RefCell<Vec<Resolver<Result>>>>);

impl Preparation {
    pub(crate) fn options(&self) -> ClientOptions {
        let resolver = Rc::clone(&self.0);
        ClientOptions::default().prepare(move |transport| {
            transport.write("login");
            let (deferred, prepared) = Deferred::new(transport.reactor());
            resolver.borrow_mut().push(prepared);
            deferred
        })
    }

    /// Ends the one that began first.
    pub(crate) fn end(&self, result: Result) {
        let first = self.0.borrow_mut().remove(0);
        first.resolve(result);
    }
}

#[test]
fn nobody_hears_of_a_connection_before_it_is_prepared() {
    let preparation = Preparation::default();
    let mut setting = Setting::with(preparation.options());
    let peer = setting.accepting_peer();
    setting.note(setting.service.when_connected());
    setting.settle();
    assert_eq!(peer.received(), b"login");
    setting.note(setting.service.when_connected());
    setting.settle();
    setting.assert_log(&["made"]);
    preparation.end(Ok(()));
    setting.settle();
    setting.assert_log(&["connected", "got 192.0.2.1:80", "got 192.0.2.1:80"]);
}

#[test]
fn a_preparation_that_fails_closes_the_connection_and_counts_as_a_failure() {
    let preparation = Preparation::default();
    let mut setting = Setting::with(preparation.options());
    let peer = setting.accepting_peer();
    setting.note(setting.service.when_connected_within(1));
    setting.settle();
    preparation.end(Err("wrong password".into()));
    setting.settle();
    assert!(peer.has_finished());
    setting.assert_log(&["made"]);
    peer.finish();
    setting.settle();
    setting.assert_log(&[
        "lost closed",
        "waiting: preparing the connection: wrong password",
        "no connection: 1 failure: preparing the connection: wrong password",
    ]);
    let _next = setting.accepting_peer();
    setting.wait();
    preparation.end(Ok(()));
    setting.settle();
    setting.assert_log(&["made", "connected"]);
}

/// What has no result fails; whatever comes late means nothing.
#[test]
fn a_preparation_without_a_result_fails() {
    let panics = ClientOptions::default().prepare(|_| panic!("on purpose"));
    let forgets = ClientOptions::default().prepare(|transport| Deferred::new(transport.reactor()).0);
    for options in [panics, forgets] {
        let mut setting = Setting::with(options);
        let peer = setting.accepting_peer();
        peer.finish();
        setting.settle();
        assert!(peer.is_closed());
        assert_eq!(setting.log.last(), "waiting: the attempt to connect ended without a result");
        assert!(setting.service.is_running());
    }
}

#[test]
fn a_connection_that_is_lost_while_it_is_prepared_is_a_failure() {
    let preparation = Preparation::default();
    let mut setting = Setting::with(preparation.options());
    let peer = setting.accepting_peer();
    setting.settle();
    peer.reset();
    let _next = setting.accepting_peer();
    setting.settle();
    let lost = "waiting: the connection was lost: connection reset";
    setting.assert_log(&["made", "lost broken ConnectionReset", lost]);
    setting.wait();
    // This comes too late for the first connection and is not meant for the second.
    preparation.end(Ok(()));
    setting.settle();
    setting.assert_log(&["made"]);
    preparation.end(Ok(()));
    setting.settle();
    setting.assert_log(&["connected"]);
}

/// A preparation is cancelled when nobody needs it any more.
#[test]
fn a_loss_and_a_stop_cancel_the_preparation() {
    for stopped in [false, true] {
        let elsewhere = SocketAddr::from(([192, 0, 2, 2], 80));
        let mut setting = Setting::with(ClientOptions::default().prepare(move |transport| {
            let options = ConnectOptions::default();
            let other = transport.reactor().connect(elsewhere, &options, for_protocol(|| Echo));
            other.map(|result| result.map(drop).map_err(Into::into))
        }));
        let (peer, preparing) = (setting.accepting_peer(), setting.world.memory.expect_connect(elsewhere));
        setting.settle();
        assert!(!preparing.is_closed());
        if stopped {
            setting.stop();
        } else {
            peer.reset();
        }
        setting.settle();
        assert!(preparing.is_closed(), "stopped: {stopped}");
    }
}

/// What user code does when its preparation is cancelled counts as at any other time: by a stop, or by a loss.
#[test]
fn cancelling_a_preparation_may_start_or_stop_the_service() {
    for (stopping, starts) in [(true, true), (true, false), (false, true), (false, false)] {
        let own: Rc<RefCell<Option<ClientService>>> = Rc::default();
        let (service, log) = (Rc::clone(&own), Log::default());
        let noted = log.clone();
        let kept: RefCell<Option<Resolver<Result>>> = RefCell::default();
        let options = ClientOptions::default().prepare(move |transport| {
            let (preparation, resolver) = Deferred::new(transport.reactor());
            kept.replace(Some(resolver));
            let (service, noted) = (Rc::clone(&service), noted.clone());
            preparation.on_cancel(move || {
                let service = service.take().unwrap();
                noted.add("cancelled");
                if starts {
                    service.start();
                } else {
                    service.stop().then(move |()| noted.add("stopped"));
                }
            });
            preparation
        });
        let mut setting = Setting::with(options);
        own.replace(Some(setting.service.clone()));
        let (peer, _next) = (setting.accepting_peer(), setting.accepting_peer());
        setting.settle();
        if stopping {
            drop(setting.service.stop());
            setting.settle();
            assert_eq!(log.take(), ["cancelled"], "the connection is not over");
            assert_eq!(setting.log.count("made"), 1, "the next comes after it");
        }
        peer.finish();
        setting.settle();
        setting.world.run_for(SECOND);
        let is_stopped = log.take().contains(&"stopped".into());
        assert_eq!((setting.service.is_running(), is_stopped), (starts, !starts));
        assert_eq!(setting.log.count("made"), if starts { 2 } else { 1 }, "stopping: {stopping}");
    }
}
