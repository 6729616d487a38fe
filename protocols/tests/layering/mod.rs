//! Layers that are inserted under receivers.

use ropewalk_reactor::testing::Probe;
use ropewalk_reactor::{InputBeforeLayer, Layer, LayerState, Protocol, Result};

/// Changes nothing.
pub(crate) struct Through;

impl Layer for Through {
    fn name(&self) -> &'static str {
        "through"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        up.extend_from_slice(input);
        Ok(input.len())
    }

    fn state(&self) -> LayerState {
        LayerState::Open
    }
}

/// What came before a layer was inserted must not be taken for what came through it.
#[track_caller]
pub(crate) fn check_a_beginning_refuses_a_layer<P: Protocol + 'static>(
    make: impl Fn() -> P,
    beginning: &[u8],
) {
    let probe = Probe::new(make());
    let mut receiver = make();
    receiver.connection_made(probe.transport());
    receiver.layer_inserted(probe.transport()).unwrap();
    receiver.data_received(probe.transport(), beginning).unwrap();
    let refused = receiver.layer_inserted(probe.transport()).unwrap_err();
    assert_eq!(refused.downcast_ref(), Some(&InputBeforeLayer));
}
