//! What the configurations of both sides have in common.

use std::sync::Arc;

use super::adapter::CryptoProvider;
use super::config_error::{TlsConfigError, TlsConfigProblem};
use super::info::TlsVersion;

#[derive(Clone, Debug)]
pub(super) struct SessionOptions {
    pub(super) lowest: TlsVersion,
    pub(super) highest: TlsVersion,
    pub(super) alpn: Vec<Vec<u8>>,
    pub(super) provider: Option<Arc<CryptoProvider>>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { lowest: TlsVersion::Tls12, highest: TlsVersion::Tls13, alpn: Vec::new(), provider: None }
    }
}

impl SessionOptions {
    pub(super) fn set_alpn<P: AsRef<[u8]>>(&mut self, protocols: impl IntoIterator<Item = P>) {
        self.alpn = protocols.into_iter().map(|protocol| protocol.as_ref().to_vec()).collect();
    }

    /// Whether they can be used at all.
    pub(super) fn check(&self) -> Result<(), TlsConfigError> {
        if self.lowest > self.highest {
            return Err(TlsConfigError::new("the versions", TlsConfigProblem::NoVersion));
        }
        if self.alpn.iter().any(|protocol| !(1..=255).contains(&protocol.len())) {
            return Err(TlsConfigError::new("ALPN", TlsConfigProblem::BadProtocolName));
        }
        Ok(())
    }

    pub(super) fn allows(&self, version: TlsVersion) -> bool {
        (self.lowest..=self.highest).contains(&version)
    }
}
