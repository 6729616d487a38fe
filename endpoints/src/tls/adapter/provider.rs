//! The cryptography.

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use rustls::server::ProducesTickets;
use rustls::version::{TLS12, TLS13};

use crate::tls::config_error::{TlsConfigError, TlsConfigProblem};
use crate::tls::info::TlsVersion;
use crate::tls::session_options::SessionOptions;

/// The provider that the program asks for, or has installed, or was compiled with.
pub(super) fn provider(options: &SessionOptions) -> Result<Arc<CryptoProvider>, TlsConfigError> {
    let explicit = options.provider.clone();
    let provider = explicit.or_else(|| CryptoProvider::get_default().cloned()).or_else(compiled_in);
    let provider = provider.ok_or_else(|| TlsConfigError::new("TLS", TlsConfigProblem::NoProvider))?;
    // The first random number of a process may take tens of milliseconds to be gathered: not while the loop waits.
    provider.secure_random.fill(&mut [0]).map_err(|_| refusal("it has no random numbers"))?;
    Ok(provider)
}

#[cfg(feature = "aws-lc-rs")]
fn compiled_in() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn compiled_in() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
fn compiled_in() -> Option<Arc<CryptoProvider>> {
    None
}

/// What encrypts tickets; none if no provider is compiled in, because one that the program passes has none.
#[cfg(feature = "aws-lc-rs")]
pub(super) fn ticketer() -> Option<Result<Arc<dyn ProducesTickets>, rustls::Error>> {
    Some(rustls::crypto::aws_lc_rs::Ticketer::new())
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(super) fn ticketer() -> Option<Result<Arc<dyn ProducesTickets>, rustls::Error>> {
    Some(rustls::crypto::ring::Ticketer::new())
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
pub(super) fn ticketer() -> Option<Result<Arc<dyn ProducesTickets>, rustls::Error>> {
    None
}

pub(super) fn versions(options: &SessionOptions) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)];
    all.into_iter().filter(|(version, _)| options.allows(*version)).map(|(_, version)| version).collect()
}

/// The provider cannot do what is asked for.
pub(super) fn refusal(why: impl ToString) -> TlsConfigError {
    TlsConfigError::new("TLS", TlsConfigProblem::Provider(why.to_string()))
}
