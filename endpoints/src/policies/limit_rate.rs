//! Limiting how fast connections go.

use std::rc::Rc;

use ropewalk_reactor::{Address, Factory, Protocol, TokenBucket, Transport};

use super::{Policy, prepared};

/// Limits how fast connections are read and written: each for itself, or all of them together.
///
/// Connections that share a limit take turns, so that none can starve the others. A connection has one limit for each
/// direction: of nested policies the innermost counts. A handshake is not limited.
///
/// ```
/// use ropewalk_endpoints::{LimitRate, Policy};
/// use ropewalk_reactor::{Factory, TokenBucket};
/// # use ropewalk_reactor::{Protocol, Result, Transport, for_protocol};
/// # struct Mirror;
/// # impl Protocol for Mirror {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// /// Takes 100 kB/s from each client, and sends 1 MB/s to all of them together.
/// fn slow_mirror() -> impl Factory {
///     let from_each = LimitRate::of_each().read(TokenBucket::new(100_000));
///     let to_all = LimitRate::of_all().write(TokenBucket::new(1_000_000));
///     from_each.around(to_all.around(for_protocol(|| Mirror)))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct LimitRate {
    is_shared: bool,
    read: Option<Rc<TokenBucket>>,
    write: Option<Rc<TokenBucket>>,
}

impl LimitRate {
    /// A limit for each connection by itself, which begins with a full bucket like the one that is given.
    pub const fn of_each() -> Self {
        Self { is_shared: false, read: None, write: None }
    }

    /// A limit for all connections together.
    pub const fn of_all() -> Self {
        Self { is_shared: true, read: None, write: None }
    }

    /// Limits reading.
    #[must_use]
    pub fn read(self, bucket: TokenBucket) -> Self {
        Self { read: Some(Rc::new(bucket)), ..self }
    }

    /// Limits writing.
    #[must_use]
    pub fn write(self, bucket: TokenBucket) -> Self {
        Self { write: Some(Rc::new(bucket)), ..self }
    }

    /// The bucket for a new connection.
    fn share(&self, bucket: &Rc<TokenBucket>) -> Rc<TokenBucket> {
        if self.is_shared {
            return Rc::clone(bucket);
        }
        Rc::new(TokenBucket::with_burst(bucket.bytes_per_second(), bucket.burst()))
    }
}

impl Policy for LimitRate {
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        let read = self.read.as_ref().map(|bucket| self.share(bucket));
        let write = self.write.as_ref().map(|bucket| self.share(bucket));
        Some(prepared(factory.build_protocol(peer)?, move |transport: &Transport| {
            if read.is_some() {
                transport.set_read_rate(read);
            }
            if write.is_some() {
                transport.set_write_rate(write);
            }
        }))
    }
}
