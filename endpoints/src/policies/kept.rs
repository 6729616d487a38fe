//! What a policy keeps with a connection from the moment it is admitted.

use std::any::Any;
use std::rc::Rc;

use ropewalk_reactor::{Layer, LayerState, Result};

/// A layer that is done before it begins and leaves something behind: the connection keeps it until its end, or drops it
/// when it comes to nothing, whatever the reason.
pub(super) struct Kept(pub(super) Rc<dyn Any>);

impl Layer for Kept {
    fn name(&self) -> &'static str {
        "policy"
    }

    fn received(&mut self, _: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        Ok(0)
    }

    fn state(&self) -> LayerState {
        LayerState::Transparent
    }

    fn keepsake(&self) -> Option<Rc<dyn Any>> {
        Some(Rc::clone(&self.0))
    }
}
