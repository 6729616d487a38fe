//! Doing something with a connection before its protocol hears of it.

use ropewalk_reactor::{Protocol, Result, Transport};

/// A protocol that calls `prepare` with its transport and then becomes `protocol`. With it a policy sets a
/// connection's timeouts and limits, or has it [keep](Transport::keep) what is to be given back at its end. That the protocol
/// later [switches](Transport::switch_protocol) to another changes none of these.
pub fn prepared(
    protocol: Box<dyn Protocol>,
    prepare: impl FnOnce(&Transport) + 'static,
) -> Box<dyn Protocol> {
    Box::new(Prepared(Some((protocol, Box::new(prepare)))))
}

type Prepare = Box<dyn FnOnce(&Transport)>;

/// Invariant: nothing is left in it once the connection is made.
struct Prepared(Option<(Box<dyn Protocol>, Prepare)>);

impl Protocol for Prepared {
    fn connection_made(&mut self, transport: &Transport) {
        if let Some((protocol, prepare)) = self.0.take() {
            prepare(transport);
            transport.switch_protocol(protocol, []);
        }
    }

    /// Nothing comes before the switch.
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn name(&self) -> &'static str {
        self.0.as_ref().map_or("a policy", |(protocol, _)| protocol.name())
    }
}
