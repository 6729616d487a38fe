//! Negotiating with a proxy.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{Address, Layer, LayerState, Result};

use super::client::Socks5Options;
use super::error::Socks5Error;
use super::messages::{self, Method};
use super::target::Socks5Target;

/// Asks the SOCKS proxy at the other end of a connection to connect further, and then gets out of the way.
///
/// A [`Socks5ClientEndpoint`](crate::Socks5ClientEndpoint) puts it where it belongs; use it by itself in the
/// [`admit`](ropewalk_reactor::Factory::admit) of a factory with rules of its own.
#[derive(Debug)]
pub struct Socks5Layer {
    target: Rc<Socks5Target>,
    options: Rc<Socks5Options>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    ExpectMethod,
    ExpectLogin,
    ExpectReply,
    /// The proxy has connected, from this address.
    Connected(SocketAddr),
}

impl Socks5Layer {
    /// A layer for one connection.
    pub const fn new(target: Rc<Socks5Target>, options: Rc<Socks5Options>) -> Self {
        Self { target, options, state: State::ExpectMethod }
    }

    /// Reads one answer and says what comes next. Returns the length of the answer, or `None` if it is not whole yet.
    fn advance(&mut self, input: &[u8], down: &mut Vec<u8>) -> Result<Option<usize>, Socks5Error> {
        match self.state {
            State::ExpectMethod => {
                let answer = messages::read_method(input, self.options.credentials.is_some())?;
                Ok(answer.map(|(method, length)| {
                    self.log_in(&method, down);
                    length
                }))
            }
            State::ExpectLogin => {
                let answer = messages::read_login(input)?;
                Ok(answer.map(|((), length)| {
                    self.ask(down);
                    length
                }))
            }
            State::ExpectReply => {
                let answer = messages::read_reply(input, &self.target)?;
                Ok(answer.map(|(address, length)| {
                    self.state = State::Connected(address);
                    length
                }))
            }
            State::Connected(_) => Ok(None),
        }
    }

    fn log_in(&mut self, method: &Method, down: &mut Vec<u8>) {
        match (method, &self.options.credentials) {
            (Method::Credentials, Some(credentials)) => {
                messages::write_credentials(credentials, down);
                self.state = State::ExpectLogin;
            }
            _ => self.ask(down),
        }
    }

    fn ask(&mut self, down: &mut Vec<u8>) {
        messages::write_request(&self.target, down);
        self.state = State::ExpectReply;
    }
}

impl Layer for Socks5Layer {
    fn name(&self) -> &'static str {
        "SOCKS"
    }

    fn begin(&mut self, down: &mut Vec<u8>) -> Result {
        messages::write_greeting(self.options.credentials.is_some(), down);
        Ok(())
    }

    fn received(&mut self, input: &mut [u8], _: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        let mut used = 0;
        while let Some(length) = self.advance(&input[used..], down)? {
            used += length;
        }
        Ok(used)
    }

    fn state(&self) -> LayerState {
        match self.state {
            State::Connected(_) => LayerState::Transparent,
            _ => LayerState::Opening,
        }
    }

    fn handshake_timeout(&self) -> Duration {
        self.options.timeout
    }

    fn addresses(&self) -> Option<(Address, Address)> {
        match (self.target.address(), self.state) {
            (Some(peer), State::Connected(host)) => Some((peer.into(), host.into())),
            _ => None,
        }
    }
}
