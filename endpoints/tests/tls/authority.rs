//! Authorities and certificates of tests.

use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use ropewalk_endpoints::{TlsClientConfig, TlsClientConfigBuilder, TlsIdentity, TlsRoots, TlsServerConfig};

/// The name of servers here.
pub(crate) const NAME: &str = "server.example";

/// Signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self::named(&format!("authority {number} of the tests"))
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn roots(&self) -> TlsRoots {
        TlsRoots::from_pem(self.pem())
    }

    /// An identity for a server of these names.
    pub(crate) fn server(&self, names: &[&str]) -> Identity {
        self.identity(names, |_| {})
    }

    pub(crate) fn client(&self) -> Identity {
        self.identity(&["client.example"], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// One that expired long ago.
    pub(crate) fn expired(&self) -> Identity {
        self.identity(&[NAME], |params| params.not_after = date_time_ymd(2020, 2, 29))
    }

    pub(crate) fn not_valid_yet(&self) -> Identity {
        self.identity(&[NAME], |params| params.not_before = date_time_ymd(3000, 1, 2))
    }

    pub(crate) fn identity(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.0).unwrap().pem();
        Identity { chain, key: key.serialize_pem() }
    }
}

impl Identity {
    /// One that nobody else has signed.
    pub(crate) fn self_signed() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        Self { chain: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }

    pub(crate) fn tls(&self) -> TlsIdentity {
        TlsIdentity::from_pem(&self.chain, &self.key)
    }

    pub(crate) fn server_config(&self) -> TlsServerConfig {
        TlsServerConfig::from_pem(&self.chain, &self.key).unwrap()
    }
}

/// A client that trusts `authority`.
pub(crate) fn client(authority: &Authority) -> TlsClientConfigBuilder {
    TlsClientConfig::builder().roots(authority.roots())
}

/// A server and a client that get along.
pub(crate) fn friends() -> (TlsClientConfig, TlsServerConfig) {
    let authority = Authority::new();
    (client(&authority).build().unwrap(), authority.server(&[NAME]).server_config())
}
