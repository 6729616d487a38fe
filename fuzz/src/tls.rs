//! Both sides of TLS, who trust each other.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ropewalk::{TlsClientConfig, TlsIdentity, TlsRoots, TlsServerConfig, TlsVersion};

/// The server's name.
pub const NAME: &str = "server.example";

/// A client and a server who trust each other, with certificates of both.
#[derive(Debug)]
pub struct Friends {
    pub client: TlsClientConfig,
    pub server: TlsServerConfig,
}

thread_local! {
    /// Those who speak TLS 1.2 at most, and those who speak TLS 1.3 too. Making keys takes time, so they are made once.
    static FRIENDS: [Friends; 2] = [friends(TlsVersion::Tls12), friends(TlsVersion::Tls13)];
}

/// Calls `run` with friends who speak `highest`.
pub fn with_friends<T>(highest: TlsVersion, run: impl FnOnce(&Friends) -> T) -> T {
    FRIENDS.with(|[older, newer]| run(if highest == TlsVersion::Tls12 { older } else { newer }))
}

/// Friends who know no version above `highest`.
fn friends(highest: TlsVersion) -> Friends {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("ring makes keys");
    let authority = CertifiedIssuer::self_signed(params, key).expect("the parameters are good");
    let roots = TlsRoots::from_pem(authority.pem());
    let identity = |name: &str| {
        let params = CertificateParams::new([name.to_owned()]).expect("it is a good name");
        let key = KeyPair::generate().expect("ring makes keys");
        let certificate = params.signed_by(&key, &authority).expect("the parameters are good");
        TlsIdentity::from_pem(certificate.pem(), key.serialize_pem())
    };
    let client = TlsClientConfig::builder().roots(roots.clone()).identity(identity("client.example"));
    let server = TlsServerConfig::builder().identity(identity(NAME)).accept_client_certificates(roots);
    Friends {
        client: client.alpn(["chat"]).max_version(highest).build().expect("the configuration is good"),
        server: server.alpn(["chat"]).max_version(highest).build().expect("the configuration is good"),
    }
}
