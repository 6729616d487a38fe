//! Two layers back to back, as connections would drive them.

use ropewalk_endpoints::{TlsClientConfig, TlsError, TlsInfo, TlsLayer, TlsServerConfig};
use ropewalk_reactor::{Layer, LayerEnd, LayerState};

use crate::authority::NAME;

/// More rounds than anything here needs.
const ROUNDS_MAX: usize = 100_000;

/// A layer and the two ends of it.
pub(crate) struct End {
    pub(crate) layer: TlsLayer,
    /// What the layer has not used yet.
    held: Vec<u8>,
    /// What it has said and the other end has not heard.
    pub(crate) wire: Vec<u8>,
    /// What has come up.
    pub(crate) got: Vec<u8>,
    pub(crate) error: Option<TlsError>,
}

pub(crate) struct Pair {
    pub(crate) client: End,
    pub(crate) server: End,
}

impl End {
    pub(crate) fn new(layer: TlsLayer) -> Self {
        let mut end = Self { layer, held: Vec::new(), wire: Vec::new(), got: Vec::new(), error: None };
        end.layer.begin(&mut end.wire).unwrap();
        end
    }

    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        if self.error.is_some() {
            return;
        }
        self.held.extend_from_slice(bytes);
        match self.layer.received(&mut self.held, &mut self.got, &mut self.wire) {
            Ok(used) => drop(self.held.drain(..used)),
            Err(error) => self.error = Some(*error.downcast().unwrap()),
        }
    }

    pub(crate) fn say(&mut self, data: &[u8]) {
        self.layer.send(data, &mut self.wire).unwrap();
    }

    pub(crate) fn close(&mut self) {
        self.layer.close(LayerEnd::Finished, &mut self.wire);
    }

    #[track_caller]
    pub(crate) fn info(&self) -> TlsInfo {
        assert_eq!(self.error, None);
        self.layer.info().unwrap()
    }

    #[track_caller]
    pub(crate) fn error(&self) -> String {
        self.error.as_ref().unwrap().to_string()
    }
}

impl Pair {
    pub(crate) fn new(client: &TlsClientConfig, server: &TlsServerConfig) -> Self {
        Self::named(client, server, NAME)
    }

    pub(crate) fn named(client: &TlsClientConfig, server: &TlsServerConfig, name: &str) -> Self {
        Self { client: End::new(client.layer(name).unwrap()), server: End::new(server.layer().unwrap()) }
    }

    /// A pair whose handshake is over, or has failed.
    pub(crate) fn shaken(client: &TlsClientConfig, server: &TlsServerConfig) -> Self {
        let mut pair = Self::new(client, server);
        pair.settle();
        pair
    }

    /// Passes everything on in one piece.
    pub(crate) fn settle(&mut self) {
        self.settle_cut(|waiting| waiting);
    }

    /// Passes everything on in pieces: `cut` says of how many waiting bytes how many to pass on next.
    pub(crate) fn settle_cut(&mut self, mut cut: impl FnMut(usize) -> usize) {
        for _ in 0..ROUNDS_MAX {
            if self.client.wire.is_empty() && self.server.wire.is_empty() {
                return;
            }
            pass(&mut self.client, &mut self.server, &mut cut);
            pass(&mut self.server, &mut self.client, &mut cut);
        }
        panic!("they do not settle");
    }

    #[track_caller]
    pub(crate) fn assert_open(&self) {
        assert_eq!((&self.client.error, &self.server.error), (&None, &None));
        assert_eq!(self.client.layer.state(), LayerState::Open);
        assert_eq!(self.server.layer.state(), LayerState::Open);
    }

    /// Says something both ways and sees that it arrives.
    #[track_caller]
    pub(crate) fn assert_talks(&mut self) {
        self.assert_open();
        self.client.say(b"question");
        self.server.say(b"answer");
        self.settle();
        assert!(self.server.got.ends_with(b"question") && self.client.got.ends_with(b"answer"));
    }
}

fn pass(from: &mut End, to: &mut End, cut: &mut impl FnMut(usize) -> usize) {
    if !from.wire.is_empty() {
        let size = cut(from.wire.len()).clamp(1, from.wire.len());
        to.hear(&from.wire.drain(..size).collect::<Vec<_>>());
    }
}
