//! One contract for every way to connect: each test runs over all of them, from one definition.
//!
//! The simulated network is among them: what it promises is what real sockets do.
//!
//! Both ends are protocols of one reactor, so that either can do whatever a protocol can.
#![cfg(all(unix, feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod certificates;
mod closing;
mod flow;
mod ground;
mod stream;
mod torture;
mod ways;

/// Makes each function of a module a test over each way.
macro_rules! over_every_way {
    ($($test:ident),+ $(,)?) => {
        over_every_way!(@ways [tcp Tcp] [proxy Proxy] [unix Unix] [tls Tls] [tls_over_unix TlsOverUnix]
            [tls_over_tls TlsOverTls] [simulated Simulated] [simulated_rough SimulatedRough]
            [simulated_tls SimulatedTls] [websocket WebSocket] [websocket_over_tls WebSocketOverTls]
            [simulated_websocket SimulatedWebSocket] $($test),+);
    };
    (@ways $([$module:ident $way:ident])+ $($test:ident),+) => {
        over_every_way!(@each [$([$module $way])+] [$($test),+]);
    };
    (@each [$([$module:ident $way:ident])+] $tests:tt) => {
        $(over_every_way!(@way $module $way $tests);)+
    };
    (@way $module:ident $way:ident [$($test:ident),+]) => {
        mod $module {
            $(#[test]
            fn $test() {
                super::$test(crate::ways::Way::$way);
            })+
        }
    };
}
pub(crate) use over_every_way;
