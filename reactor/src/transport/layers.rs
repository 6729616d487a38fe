//! What a handle does with the layers of its connection.

use super::Transport;
use super::shared::{self, Shared};
use crate::Layer;
use crate::connection::layered::{Insertion, pass_output};
use crate::connection::stack::Stack;

impl Transport {
    /// Puts `layer` between the wire and the protocol, above the layers that are there. Takes effect when the running callback
    /// has returned: what was written before goes out without the layer, what is written from now on goes through it as soon
    /// as it is open, and so does all input that is read from now on. The protocol hears
    /// [`Protocol::layer_opened`](crate::Protocol::layer_opened) then. While the layer opens, output waits.
    ///
    /// Input that has been read already is not the layer's. A protocol that holds some when it hears
    /// [`Protocol::layer_inserted`](crate::Protocol::layer_inserted) ends the connection by an error. So does this call after
    /// [`lose_write_connection`](Self::lose_write_connection), because a layer needs to write. On a connection that closes it does
    /// nothing.
    pub fn insert_layer(&self, layer: impl Layer) {
        if !self.shared.accepts_output() {
            if self.shared.state().delivers_input() {
                self.fail("a layer was inserted although this side has finished writing");
            }
            return;
        }
        let insertion = Insertion { layer: Box::new(layer), before: self.shared.queued() };
        self.shared.with_rare(|rare| rare.insertions.push(insertion));
        self.shared.set(shared::INSERTING, true);
        self.shared.ask_attention();
    }

    /// Looks at the topmost layer of a type; `None` if the connection has none, or from within a layer.
    pub fn with_layer<L: Layer, R>(&self, look: impl FnOnce(&L) -> R) -> Option<R> {
        let layers = PutBack(&self.shared, self.shared.take_layers());
        layers.1.as_ref()?.find().map(look)
    }

    /// Has the topmost layer of a type do something. What `command` appends for the wire, in the layer's own format, goes out
    /// behind all output that was written before. `None`, and nothing is done, if the connection has no such layer, while layers are
    /// opening or wait to be put in place, if this side has finished writing, and from within a layer.
    pub fn tell_layer<L: Layer, R>(&self, command: impl FnOnce(&mut L, &mut Vec<u8>) -> R) -> Option<R> {
        if !self.shared.accepts_output() || self.shared.has(shared::INSERTING) {
            return None;
        }
        let mut layers = PutBack(&self.shared, self.shared.take_layers());
        let stack = layers.1.as_mut()?;
        let told = pass_output(stack, &self.shared).and_then(|()| stack.tell(command));
        self.shared.set(shared::CARRYING, !stack.wire().is_empty());
        drop(layers);
        self.shared.ask_attention();
        told.unwrap_or_else(|error| {
            self.fail(error);
            None
        })
    }
}

/// Puts the layers back, even if who uses them panics.
struct PutBack<'a>(&'a Shared, Option<Box<Stack>>);

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        self.1.take().into_iter().for_each(|stack| self.0.put_layers(stack));
    }
}
