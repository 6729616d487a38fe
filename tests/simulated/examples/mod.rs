//! The examples' own protocols between hosts.
#![allow(clippy::duplicate_mod, reason = "each example has its own copy of what they share")]

#[path = "../../../examples/answer.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod answer;
#[cfg(feature = "regex")]
#[path = "../../../examples/butterfly.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod butterfly;
#[path = "../../../examples/chat/main.rs"]
#[allow(dead_code, reason = "its main is for people")]
pub(crate) mod chat;
#[cfg(feature = "tls")]
#[path = "../../../examples/chat_tls.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod chat_tls;
#[path = "../../../examples/circuits_chat.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod circuits_chat;
#[path = "../../../examples/client/main.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod client;
#[path = "../../../examples/echo.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod echo;
#[path = "../../../examples/logfile.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod logfile;
#[path = "../../../examples/login.rs"]
#[allow(dead_code, reason = "its main is for people")]
pub(crate) mod login;
#[path = "../../../examples/nickname_chat.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod nickname_chat;
#[path = "../../../examples/qotd.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod qotd;
#[path = "../../../examples/reconnecting_client.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod reconnecting_client;
#[path = "../../../examples/udp_echo.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod udp_echo;

mod chatting;
pub(crate) mod member;
mod reconnecting;
mod small;
mod transcripts;
mod typing;

use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const PORT: u16 = 8123;
