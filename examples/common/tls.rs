//! What the examples over TLS share: a certificate that they make themselves.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use ropewalk::{Address, Factory, TlsIdentity, TlsServerConfig, TlsServerEndpoint, server_endpoint};

use super::common::{Outcome, serve_at, where_it_listens};

/// Serves over TLS, with the certificate and the key in `file`; makes them if there is no such file.
pub(crate) fn serve(description: &str, file: &str, factory: impl Factory + 'static) -> Outcome {
    // A bad endpoint must not leave a file behind.
    let endpoint = server_endpoint(description)?;
    provide(file.as_ref())?;
    let config = TlsServerConfig::builder().identity(TlsIdentity::from_pem_file(file)).build()?;
    serve_at(&[Box::new(TlsServerEndpoint::new(endpoint, config))], factory, |addresses| {
        let place = addresses.iter().map(place_for_openssl).collect::<String>();
        eprintln!("try it with: openssl s_client -CAfile {file} {place}");
        where_it_listens(addresses)
    })
}

/// How OpenSSL's client is told whereto.
fn place_for_openssl(address: &Address) -> String {
    match address {
        Address::Tcp(address) if address.ip().is_unspecified() => {
            format!("-connect localhost:{}", address.port())
        }
        Address::Unix(path) => format!("-unix {path}"),
        address => format!("-connect {address}"),
    }
}

/// Makes a certificate for this host and its key, unless there is one.
fn provide(file: &Path) -> Outcome {
    if file.exists() {
        return Ok(());
    }
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // The key is nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut output = options.open(file).map_err(|error| format!("making {}: {error}", file.display()))?;
    write!(output, "{}{}", made.cert.pem(), made.signing_key.serialize_pem())?;
    eprintln!("made {}: a certificate for localhost and its key", file.display());
    Ok(())
}
