//! Strings whose meaning depends on what came before.

use ropewalk_reactor::{Reason, Result, Transport};

use super::StringProtocol;
use super::transport::StringTransport;

/// A protocol in which each string is heard in a state, and leads to the next.
///
/// The state is a value of its own type, an enum as a rule, and handed over: what one state has gathered moves into the
/// next, and no state can be forgotten in a `match`. Wrap it in a [`Stateful`] to make it a [`StringProtocol`]. A
/// protocol that needs more callbacks than these implements [`StringProtocol`] and keeps its state in a field.
pub trait StatefulStringProtocol {
    /// What the next string can mean.
    type State;

    /// The connection is open: returns the first state.
    fn connection_made(&mut self, transport: &mut StringTransport<'_>) -> Self::State;

    /// A string has come in `state`: returns the next one.
    fn string_received(
        &mut self,
        transport: &mut StringTransport<'_>,
        state: Self::State,
        string: &[u8],
    ) -> Result<Self::State>;

    /// The connection has ended: the last callback.
    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let _ = (transport, reason);
    }
}

/// Makes a [`StringProtocol`] of a [`StatefulStringProtocol`].
///
/// ```
/// use ropewalk_protocols::{NetstringReceiver, SendString, Stateful, StatefulStringProtocol, StringTransport};
/// use ropewalk_reactor::{Result, for_protocol};
///
/// struct Login;
///
/// enum State {
///     Name,
///     Password { name: Vec<u8> },
///     LoggedIn,
/// }
///
/// impl StatefulStringProtocol for Login {
///     type State = State;
///
///     fn connection_made(&mut self, transport: &mut StringTransport<'_>) -> State {
///         transport.send_netstring("name?");
///         State::Name
///     }
///
///     fn string_received(
///         &mut self,
///         transport: &mut StringTransport<'_>,
///         state: State,
///         string: &[u8],
///     ) -> Result<State> {
///         match state {
///             State::Name => {
///                 transport.send_netstring("password?");
///                 Ok(State::Password { name: string.to_vec() })
///             }
///             State::Password { name } if name == string => {
///                 transport.send_netstring("welcome");
///                 Ok(State::LoggedIn)
///             }
///             State::Password { .. } => Err("wrong password".into()),
///             State::LoggedIn => Ok(State::LoggedIn),
///         }
///     }
/// }
///
/// let factory = for_protocol(|| NetstringReceiver::new(Stateful::new(Login)));
/// ```
#[derive(Debug)]
pub struct Stateful<P: StatefulStringProtocol> {
    protocol: P,
    /// Invariant: present from `connection_made` until a string is refused.
    state: Option<P::State>,
}

impl<P: StatefulStringProtocol> Stateful<P> {
    /// Wraps `protocol`.
    pub fn new(protocol: P) -> Self {
        Self { protocol, state: None }
    }
}

impl<P: StatefulStringProtocol> StringProtocol for Stateful<P> {
    fn connection_made(&mut self, transport: &mut StringTransport<'_>) {
        self.state = Some(self.protocol.connection_made(transport));
    }

    fn string_received(&mut self, transport: &mut StringTransport<'_>, string: &[u8]) -> Result {
        if let Some(state) = self.state.take() {
            self.state = Some(self.protocol.string_received(transport, state, string)?);
        }
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.protocol.connection_lost(transport, reason);
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<P>()
    }
}
