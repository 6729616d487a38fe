//! Timers that last too long, or are too many.

use std::time::Duration;

use ropewalk::testing::{Events, Law, ProtocolCheck, Script};
use ropewalk::{Instant, LoopingCall, Protocol, ReactorHandle, Reason, Result, TimerKey, Transport};

use crate::catalogue::{Entry, Twin};

const SECOND: Duration = Duration::from_secs(1);

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "a repeated call goes on after the loss",
        modelled_on: "WebSocket++, a ping timer that is not cancelled on close (zaphoyd/websocketpp#664)",
        law: Law::AfterLoss,
        check: |twin| {
            let make = move |events| PingsForEver { twin, events, pings: None };
            ProtocolCheck::new(make).try_run("hello")
        },
    },
    Entry {
        bug: "a delayed call that starts itself anew does not know of the loss",
        modelled_on: "Quarkus, pings to a connection that is closed (quarkusio/quarkus#47271)",
        law: Law::AfterLoss,
        check: |twin| ProtocolCheck::new(move |_| RearmsItself(twin)).try_run("hello"),
    },
    Entry {
        bug: "the timeout of a request comes although the request was answered, and finds none",
        modelled_on: "Dispersy, a timeout called after its request was removed (Tribler/dispersy#3)",
        law: Law::Panic,
        check: |twin| {
            let make = move |events| TimeoutOfAnswered { twin, events, request: None };
            ProtocolCheck::new(make).try_run(Script::new().send("?!").wait(30 * SECOND).send("?"))
        },
    },
    Entry {
        bug: "every read starts a timeout, and only the last of them is cancelled",
        modelled_on: "Grizzly, a busy connection closed by its keep-alive timeout (javaee/grizzly#1843)",
        law: Law::Timers,
        check: |twin| {
            let make = move |events| TimeoutsPileUp { twin, events, timeout: None };
            ProtocolCheck::new(make).try_run(Script::new().send("line\n").wait(30 * SECOND).send("next\n"))
        },
    },
    Entry {
        bug: "a timeout is put off by long reads alone, and many short ones do not count",
        modelled_on: "Warp, a timeout put off by reads of 2048 bytes (yesodweb/wai#418)",
        law: Law::Timers,
        check: |twin| {
            let make = move |events| LongReadsAlone { twin, events, timeout: None, bytes: 0 };
            let script = Script::new().send("abcdef").wait(8 * SECOND).send("ghijkl").wait(8 * SECOND);
            ProtocolCheck::new(make).try_run(script)
        },
    },
    Entry {
        bug: "every read starts another heartbeat",
        modelled_on: "TakWeb, intervals that are added and never cleared (chaitu236/TakWeb#79)",
        law: Law::Timers,
        check: |twin| {
            let make = move |_| HeartbeatsAddUp { twin, beats: false };
            ProtocolCheck::new(make).try_run(Script::new().send("abc").wait(25 * SECOND))
        },
    },
    Entry {
        bug: "an LF belongs to its CR only if it comes soon",
        modelled_on: "Node's readline, an empty line when chunks are slow to come (nodejs/node#13497)",
        law: Law::Timers,
        check: |twin| {
            let make = move |events| LineFeedLate { twin, events, line: Vec::new(), returned: None };
            ProtocolCheck::new(make).time_between_reads(SECOND).try_run("one\r\ntwo\r\n")
        },
    },
    Entry {
        bug: "a message ends when nothing more comes for a while",
        modelled_on: "h5.modbus, frames told apart by silence, over TCP (morkai/h5.modbus#14)",
        law: Law::Timers,
        check: |twin| {
            let make = move |events| EndsBySilence { twin, events, message: Vec::new(), silence: None };
            let script = Script::new().send("abc;").wait(SECOND).send("def;").wait(SECOND);
            ProtocolCheck::new(make).time_between_reads(SECOND).try_run(script)
        },
    },
];

/// Notes each ping; what a real one writes.
struct PingsForEver {
    twin: Twin,
    events: Events,
    pings: Option<LoopingCall>,
}

impl Protocol for PingsForEver {
    fn connection_made(&mut self, transport: &Transport) {
        let events = self.events.clone();
        self.pings = Some(transport.reactor().call_every(10 * SECOND, move |_| events.record("ping")));
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        if let Some(pings) = self.pings.take().filter(|_| !self.twin.is_broken()) {
            pings.stop();
        }
    }
}

/// Writes a ping every ten seconds.
struct RearmsItself(Twin);

fn ping_later(reactor: &ReactorHandle, transport: Transport) {
    reactor.call_later(10 * SECOND, move |reactor| {
        transport.write("ping\n");
        ping_later(reactor, transport);
    });
}

impl Protocol for RearmsItself {
    fn connection_made(&mut self, transport: &Transport) {
        match self.0 {
            Twin::Broken => ping_later(transport.reactor(), transport.clone()),
            Twin::Corrected => {
                transport.set_timer(10 * SECOND);
            }
        }
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.write("ping\n");
        transport.set_timer(10 * SECOND);
    }
}

/// Takes `?` for a request of its own and `!` for the answer, for which it waits ten seconds.
struct TimeoutOfAnswered {
    twin: Twin,
    events: Events,
    request: Option<TimerKey>,
}

impl Protocol for TimeoutOfAnswered {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            let answered = self.request.take();
            if let Some(timeout) = answered.filter(|_| !self.twin.is_broken()) {
                transport.cancel_timer(timeout);
            }
            match byte {
                b'?' => self.request = Some(transport.set_timer(10 * SECOND)),
                _ => self.events.record("answered"),
            }
        }
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        self.request.take().expect("a request has timed out");
        self.events.record("timed out");
        transport.lose_connection();
    }
}

/// Closes if a line takes longer than ten seconds.
struct TimeoutsPileUp {
    twin: Twin,
    events: Events,
    timeout: Option<TimerKey>,
}

impl Protocol for TimeoutsPileUp {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            if *byte == b'\n' {
                self.events.record("line");
                self.timeout.take().into_iter().for_each(|timeout| transport.cancel_timer(timeout));
            }
        }
        if !data.ends_with(b"\n") && (self.twin.is_broken() || self.timeout.is_none()) {
            self.timeout = Some(transport.set_timer(10 * SECOND));
        }
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.lose_connection();
    }
}

/// Closes if no four bytes come in ten seconds.
struct LongReadsAlone {
    twin: Twin,
    events: Events,
    timeout: Option<TimerKey>,
    /// How many have come since the timeout was started.
    bytes: usize,
}

impl LongReadsAlone {
    fn start_timeout(&mut self, transport: &Transport) {
        self.timeout.take().into_iter().for_each(|timeout| transport.cancel_timer(timeout));
        self.timeout = Some(transport.set_timer(10 * SECOND));
        self.bytes = 0;
    }
}

impl Protocol for LongReadsAlone {
    fn connection_made(&mut self, transport: &Transport) {
        self.start_timeout(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.events.record_stream("data", data);
        if self.twin.is_broken() {
            self.bytes = 0;
        }
        for _ in data {
            self.bytes += 1;
            if self.bytes == 4 {
                self.start_timeout(transport);
            }
        }
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.lose_connection();
    }
}

/// Pings every ten seconds, from the first input on.
struct HeartbeatsAddUp {
    twin: Twin,
    beats: bool,
}

impl Protocol for HeartbeatsAddUp {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        if self.twin.is_broken() || !self.beats {
            self.beats = true;
            transport.set_timer(10 * SECOND);
        }
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.write("ping\n");
        transport.set_timer(10 * SECOND);
    }
}

/// Accepts CR, LF and CR LF as ends of lines.
struct LineFeedLate {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
    /// When the CR came, if that was last.
    returned: Option<Instant>,
}

impl Protocol for LineFeedLate {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        let now = transport.reactor().now();
        for byte in data {
            let soon = |returned: &Instant| !self.twin.is_broken() || now - *returned < SECOND / 10;
            let belongs = *byte == b'\n' && self.returned.as_ref().is_some_and(soon);
            match byte {
                _ if belongs => {}
                b'\r' | b'\n' => self.events.record_bytes("line", &std::mem::take(&mut self.line)),
                byte => self.line.push(*byte),
            }
            self.returned = (*byte == b'\r').then_some(now);
        }
        Ok(())
    }
}

/// Messages that end in a semicolon, or so the twin knows.
struct EndsBySilence {
    twin: Twin,
    events: Events,
    message: Vec<u8>,
    silence: Option<TimerKey>,
}

impl Protocol for EndsBySilence {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if self.twin.is_broken() {
            self.message.extend(data);
            self.silence.take().into_iter().for_each(|silence| transport.cancel_timer(silence));
            self.silence = Some(transport.set_timer(SECOND / 20));
            return Ok(());
        }
        for byte in data {
            self.message.push(*byte);
            if *byte == b';' {
                self.events.record_bytes("message", &std::mem::take(&mut self.message));
            }
        }
        Ok(())
    }

    fn timer_expired(&mut self, _: &Transport, _: TimerKey) {
        self.events.record_bytes("message", &std::mem::take(&mut self.message));
    }
}
