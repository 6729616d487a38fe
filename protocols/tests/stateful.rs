//! Strings whose meaning depends on what came before.

use ropewalk_protocols::{
    NetstringReceiver, SendString, Stateful, StatefulStringProtocol, StringProtocol, StringTransport,
};
use ropewalk_reactor::testing::{Events, check_protocol};
use ropewalk_reactor::{Reason, Result, Transport};

/// Name, password, then messages.
struct Login(Events);

enum State {
    Name,
    Password { name: Vec<u8> },
    Messages { name: Vec<u8>, count: usize },
}

impl StatefulStringProtocol for Login {
    type State = State;

    fn connection_made(&mut self, transport: &mut StringTransport<'_>) -> State {
        transport.send_netstring("name?");
        State::Name
    }

    fn string_received(
        &mut self,
        transport: &mut StringTransport<'_>,
        state: State,
        string: &[u8],
    ) -> Result<State> {
        match state {
            State::Name => Ok(State::Password { name: string.to_vec() }),
            State::Password { name } if string == b"secret" => Ok(State::Messages { name, count: 0 }),
            State::Password { .. } => Err("wrong password".into()),
            State::Messages { name, count } => {
                transport.send_netstring(format!("{} {count}", name.escape_ascii()));
                Ok(State::Messages { name, count: count + 1 })
            }
        }
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.0.record(format_args!("lost {reason}"));
    }
}

#[test]
fn what_one_state_gathers_moves_into_the_next() {
    let make = |log| NetstringReceiver::new(Stateful::new(Login(log)));
    let outcome = check_protocol(make, "3:bob,6:secret,1:a,1:b,");
    assert_eq!(outcome.written, b"5:name?,5:bob 0,5:bob 1,");
}

#[test]
fn a_refused_string_ends_the_connection() {
    let make = |log| NetstringReceiver::new(Stateful::new(Login(log)));
    let outcome = check_protocol(make, "3:bob,5:guess,1:a,");
    assert_eq!(outcome.events, ["lost the connection was closed because of an error: wrong password"]);
}

#[test]
fn it_is_named_after_its_protocol() {
    assert!(Stateful::new(Login(Events::new())).name().ends_with("Login"));
}
