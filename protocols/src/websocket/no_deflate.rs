//! In the place of compression where it is not compiled in. There are no options for it, so nothing can be agreed on.

use super::error::WebSocketError;
use super::frames::mask::Mask;
use super::handshake::headers::Fields;

#[derive(Clone, Copy, Debug)]
pub(crate) enum DeflateOptions {}

impl DeflateOptions {
    pub(crate) fn offer(&self) -> String {
        match *self {}
    }

    pub(crate) fn accept(&self, _: Fields<'_>) -> Option<(Agreement, String)> {
        match *self {}
    }

    pub(crate) fn check(&self, _: Fields<'_>) -> Result<Option<Agreement>, String> {
        match *self {}
    }
}

pub(crate) enum Agreement {}

pub(crate) enum Inflation {}

impl Inflation {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        match *agreement {}
    }

    pub(crate) fn begin(&mut self) {
        match *self {}
    }

    pub(crate) fn in_message(&self) -> bool {
        match *self {}
    }

    pub(crate) fn add(&mut self, _: &[u8], _: Option<&mut Mask>) {
        match *self {}
    }

    pub(crate) fn end(&mut self) {
        match *self {}
    }

    pub(crate) fn is_due(&self) -> bool {
        match *self {}
    }

    pub(crate) fn has_more(&self) -> bool {
        match *self {}
    }

    pub(crate) fn step(&mut self, _: &mut Vec<u8>, _: usize) -> Result<(), WebSocketError> {
        match *self {}
    }

    pub(crate) fn finish(&mut self) -> Result<(), WebSocketError> {
        match *self {}
    }
}

pub(crate) enum Deflation {}

impl Deflation {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        match *agreement {}
    }

    pub(crate) fn wants(&self, _: usize) -> bool {
        match *self {}
    }

    pub(crate) fn compress(&self, _: &[u8]) -> Option<Vec<u8>> {
        match *self {}
    }

    pub(crate) fn compress_fragment(&self, _: &[u8], _: bool) -> Vec<u8> {
        match *self {}
    }

    pub(crate) fn can_share(&self, _: usize) -> bool {
        match *self {}
    }

    pub(crate) fn compress_shared(&self, _: &[u8]) -> Option<Vec<u8>> {
        match *self {}
    }

    pub(crate) fn begin_anew(&self) {
        match *self {}
    }
}
