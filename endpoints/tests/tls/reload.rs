//! New certificates without a restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ropewalk_endpoints::{TlsIdentity, TlsRoots, TlsServerConfig};
use ropewalk_reactor::Reactor;
use ropewalk_reactor::testing::Memory;

use crate::authority::{Authority, Identity, NAME, client};
use crate::pair::Pair;
use crate::resumption::resumes;

/// A directory that is removed again.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ropewalk-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn write_identity(&self, identity: &Identity) -> (PathBuf, PathBuf) {
        (self.write("chain.pem", &identity.chain), self.write("key.pem", &identity.key))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The certificate that a client gets to see.
fn seen(authority: &Authority, server: &TlsServerConfig) -> Vec<u8> {
    let pair = Pair::shaken(&client(authority).build().unwrap(), server);
    pair.client.info().peer_certificates.remove(0)
}

#[test]
fn new_connections_see_the_new_certificate() {
    let (authority, directory) = (Authority::new(), Directory::new("reload"));
    let (chain, key) = directory.write_identity(&authority.server(&[NAME]));
    let server = TlsServerConfig::from_pem_files(chain, key).unwrap();
    let client = client(&authority).build().unwrap();
    let mut old = Pair::shaken(&client, &server);
    let first = seen(&authority, &server);
    directory.write_identity(&authority.server(&[NAME]));
    assert_eq!(seen(&authority, &server), first);
    // Clones share what is reloaded.
    let same = server.clone();
    same.reload().unwrap();
    assert_ne!(seen(&authority, &server), first);
    old.assert_talks();
    assert!(Pair::shaken(&client, &server).client.info().resumed);
}

#[test]
fn broken_files_change_nothing() {
    let (authority, directory) = (Authority::new(), Directory::new("reload-broken"));
    let (chain, key) = directory.write_identity(&authority.server(&[NAME]));
    let server = TlsServerConfig::from_pem_files(&chain, &key).unwrap();
    let first = seen(&authority, &server);
    directory.write("key.pem", &authority.server(&[NAME]).key);
    let error = server.reload().unwrap_err().to_string();
    assert_eq!(error, format!("{}: the private key does not belong to the certificate", key.display()));
    assert_eq!(seen(&authority, &server), first);
    fs::remove_file(&chain).unwrap();
    let error = server.reload().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: it cannot be read: ", chain.display())), "{error}");
    assert_eq!(seen(&authority, &server), first);
}

#[test]
fn sessions_do_not_outlive_the_authority_of_their_client() {
    let (authority, directory) = (Authority::new(), Directory::new("reload-roots"));
    let roots = directory.write("clients.pem", &authority.pem());
    let server = TlsServerConfig::builder()
        .identity(authority.server(&[NAME]).tls())
        .require_client_certificates(TlsRoots::from_pem_file(&roots))
        .build()
        .unwrap();
    let client = client(&authority).identity(authority.client().tls()).build().unwrap();
    assert!(resumes(&client, &server));
    server.reload().unwrap();
    assert!(Pair::shaken(&client, &server).client.info().resumed);
    directory.write("clients.pem", &Authority::new().pem());
    server.reload().unwrap();
    assert!(Pair::shaken(&client, &server).server.error.is_some());
}

#[test]
fn a_change_of_files_is_noticed() {
    let (authority, directory) = (Authority::new(), Directory::new("reload-on-change"));
    let identity = authority.server(&[NAME]);
    let both = directory.write("both.pem", &format!("{}{}", identity.chain, identity.key));
    let identity = TlsIdentity::from_pem_file(&both);
    let server = TlsServerConfig::builder().identity(identity).build().unwrap();
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let watching = server.reload_on_change(&reactor, Duration::from_secs(5));
    let first = seen(&authority, &server);
    let tick = |reactor: &mut Reactor| memory.run_for(reactor, Duration::from_secs(5));
    replace(&both, "nonsense");
    tick(&mut reactor);
    assert_eq!(seen(&authority, &server), first);
    let next = authority.server(&[NAME]);
    replace(&both, &format!("{}{}", next.chain, next.key));
    assert_eq!(seen(&authority, &server), first);
    tick(&mut reactor);
    let second = seen(&authority, &server);
    assert_ne!(second, first);
    watching.stop();
    fs::remove_file(&both).unwrap();
    tick(&mut reactor);
    assert_eq!(seen(&authority, &server), second);
}

/// As a renewal does it: another file takes the name.
fn replace(path: &Path, content: &str) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(&new, path).unwrap();
}
