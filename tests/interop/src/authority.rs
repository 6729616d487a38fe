//! Authorities and certificates, in files, as foreign programs want them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use ropewalk::{TlsClientConfig, TlsClientConfigBuilder, TlsIdentity, TlsRoots};
use tempfile::TempDir;

/// The name of servers here.
pub const SERVER_NAME: &str = "server.example";

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Signs certificates. Its files vanish with it.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

/// A file with a certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity(PathBuf);

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// One of a name that no other has.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let name = format!("authority {} of the tests", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("authority.pem"), issuer.pem()).unwrap();
        Self { issuer, directory }
    }

    /// Its own certificate.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// A file of another name beside its own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Those who trust it alone.
    pub fn roots(&self) -> TlsRoots {
        TlsRoots::from_pem_file(self.path())
    }

    /// Clients that trust it alone.
    pub fn client_config(&self) -> TlsClientConfigBuilder {
        TlsClientConfig::builder().roots(self.roots())
    }

    /// An identity for a server of this name.
    pub fn server(&self, name: &str) -> Identity {
        self.signed(name, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])
    }

    /// An identity for a client.
    pub fn client(&self) -> Identity {
        self.signed("client.example", |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// One for a server that expired on the last day of February 2020.
    pub fn expired(&self) -> Identity {
        self.signed(SERVER_NAME, |params| params.not_after = date_time_ymd(2020, 2, 29))
    }

    /// One for a server that will be valid from 2 January 3000 on.
    pub fn not_valid_yet(&self) -> Identity {
        self.signed(SERVER_NAME, |params| params.not_before = date_time_ymd(3000, 1, 2))
    }

    /// One for a server that this authority has nothing to do with but for keeping its file.
    pub fn self_signed(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![SERVER_NAME.to_owned()]).unwrap();
        self.keep(&params.self_signed(&key).unwrap().pem(), &key)
    }

    fn signed(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        self.keep(&params.signed_by(&key, &self.issuer).unwrap().pem(), &key)
    }

    fn keep(&self, chain: &str, key: &KeyPair) -> Identity {
        let path = self.file(&format!("identity-{}.pem", COUNT.fetch_add(1, Ordering::Relaxed)));
        fs::write(&path, format!("{chain}{}", key.serialize_pem())).unwrap();
        Identity(path)
    }
}

impl Identity {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The same for Ropewalk.
    pub fn tls(&self) -> TlsIdentity {
        TlsIdentity::from_pem_file(&self.0)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authority").field("path", &self.path()).finish_non_exhaustive()
    }
}
