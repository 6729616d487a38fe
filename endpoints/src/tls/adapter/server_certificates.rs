//! Which certificate a client gets to see.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::pki_types::{DnsName, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::server_name;

/// The certificates of a server by name. All names are in lower case.
#[derive(Debug)]
pub(super) struct ServerCertificates {
    default: Option<Arc<CertifiedKey>>,
    refuse_unknown: bool,
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what comes after `*.`.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
}

/// Why a certificate cannot be given for a name.
pub(super) enum NameProblem {
    NoName,
    NotForIt,
}

impl ServerCertificates {
    pub(super) fn new(default: Option<Arc<CertifiedKey>>, refuse_unknown: bool) -> Self {
        Self { default, refuse_unknown, exact: HashMap::new(), wildcard: HashMap::new() }
    }

    /// Has clients that ask for `name` get `key`.
    pub(super) fn add(&mut self, name: &str, key: Arc<CertifiedKey>) -> Result<(), NameProblem> {
        let name = name.to_ascii_lowercase();
        let parent = name.strip_prefix("*.").map(str::to_owned);
        // Any name will do to see that it is one that a wildcard stands for.
        let example = parent.as_ref().map_or_else(|| name.clone(), |parent| format!("any.{parent}"));
        DnsName::try_from(example.as_str()).map_err(|_| NameProblem::NoName)?;
        if !is_for(&key, &example) {
            return Err(NameProblem::NotForIt);
        }
        match parent {
            Some(parent) => self.wildcard.insert(parent, key),
            None => self.exact.insert(name, key),
        };
        Ok(())
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        let parent = name.split_once('.').map(|(_, parent)| parent);
        let named = self.exact.get(&name).or_else(|| self.wildcard.get(parent?));
        named.or_else(|| self.default.as_ref().filter(|key| !self.refuse_unknown || is_for(key, &name)))
    }
}

impl ResolvesServerCert for ServerCertificates {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = client_hello.server_name();
        server_name::note(name);
        let found = match name {
            Some(name) => self.find(name),
            None => self.default.as_ref(),
        };
        found.cloned()
    }
}

fn is_for(key: &CertifiedKey, name: &str) -> bool {
    let Ok(name) = ServerName::try_from(name) else { return false };
    let certificate = key.end_entity_cert().and_then(ParsedCertificate::try_from);
    certificate.is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
}
