//! Connecting.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::refuse_beside_endpoint;
use super::super::tcp;
use super::values::{Protocols, Version};
use super::{bad_config, identity};
use crate::{
    ClientEndpoint, DescriptionError, EndpointArguments, EndpointParameter, TcpClientEndpoint,
    TlsClientConfig, TlsClientConfigBuilder, TlsClientEndpoint, TlsRoots,
};

/// The keys besides the host and the port.
pub(in super::super) const CLIENT_KEYS: [&str; 12] = [
    "timeout",
    "bind_address",
    "ca",
    "cert",
    "key",
    "chain",
    "password",
    "server_name",
    "alpn",
    "min_version",
    "endpoint",
    "dangerous_accept_any_certificate",
];

pub(in super::super) fn client(
    arguments: &EndpointArguments<'_>,
) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    let (address, keyed) = arguments.parameters(["host", "port"], CLIENT_KEYS)?;
    client_of(address, keyed)
}

/// TLS as the values of [`CLIENT_KEYS`] say.
pub(in super::super) fn client_of(
    [host, port]: [EndpointParameter<'_>; 2],
    keyed: [EndpointParameter<'_>; CLIENT_KEYS.len()],
) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    let [
        timeout,
        bind_address,
        ca,
        cert,
        key,
        chain,
        password,
        server_name,
        alpn,
        min_version,
        endpoint,
        dangerous,
    ] = keyed;
    let inner: Box<dyn ClientEndpoint> = match endpoint.nested_client()? {
        Some(nested) => {
            // Twisted wants a port all the same.
            port.optional::<u16>()?;
            refuse_beside_endpoint(&[timeout, bind_address])?;
            Box::new(nested)
        }
        None => Box::new(tcp_endpoint([host, port, timeout, bind_address])?),
    };
    let mut builder = verified(TlsClientConfig::builder(), ca, dangerous)?;
    if let Some(identity) = identity([cert, key], chain.optional()?, password.optional()?)? {
        builder = builder.identity(identity);
    }
    if let Some(Protocols(names)) = alpn.optional()? {
        builder = builder.alpn(names);
    }
    if let Some(Version(version)) = min_version.optional()? {
        builder = builder.min_version(version);
    }
    let config = builder.build().map_err(|error| bad_config(&error, &[ca, cert, key, chain, host]))?;
    with_tls(inner, if server_name.is_given() { server_name } else { host }, config)
}

/// `ssl`.
pub(in super::super) fn twisted_client(
    arguments: &EndpointArguments<'_>,
) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    let ([host, port], [timeout, bind_address, cert, key, ca_certs_dir, hostname]) = arguments.parameters(
        ["host", "port"],
        ["timeout", "bind_address", "cert_key", "private_key", "ca_certs_dir", "hostname"],
    )?;
    let inner = tcp_endpoint([host, port, timeout, bind_address])?;
    let mut builder = TlsClientConfig::builder();
    if let Some(directory) = ca_certs_dir.optional::<PathBuf>()? {
        builder = builder.roots(roots_in(&directory).map_err(|complaint| ca_certs_dir.error(complaint))?);
    }
    if let Some(identity) = identity([cert, key], None, None)? {
        builder = builder.identity(identity);
    }
    let config = builder.build().map_err(|error| bad_config(&error, &[ca_certs_dir, cert, key, host]))?;
    with_tls(inner, if hostname.is_given() { hostname } else { host }, config)
}

fn tcp_endpoint(
    [host, port, timeout, bind_address]: [EndpointParameter<'_>; 4],
) -> Result<TcpClientEndpoint, DescriptionError> {
    let endpoint: TcpClientEndpoint = tcp::connect_to(host, port)?;
    Ok(endpoint.with_options(tcp::connect_options(timeout, bind_address)?))
}

/// TLS to the server that `name` names.
fn with_tls<E: ClientEndpoint + 'static>(
    inner: E,
    name: EndpointParameter<'_>,
    config: TlsClientConfig,
) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    let text: String = name.required()?;
    let plain = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
    let endpoint = TlsClientEndpoint::new(inner, plain, config);
    Ok(Box::new(endpoint.map_err(|error| name.error(error.to_string()))?))
}

/// Says whom to trust.
fn verified(
    builder: TlsClientConfigBuilder,
    ca: EndpointParameter<'_>,
    dangerous: EndpointParameter<'_>,
) -> Result<TlsClientConfigBuilder, DescriptionError> {
    if dangerous.optional::<bool>()? == Some(true) {
        if ca.is_given() {
            return Err(
                ca.error("it has no meaning where any certificate is accepted: leave one of them out")
            );
        }
        return Ok(builder.dangerous().accept_any_certificate());
    }
    Ok(match ca.optional::<PathBuf>()? {
        Some(file) => builder.roots(TlsRoots::from_pem_file(file)),
        None => builder,
    })
}

/// The authorities in all files of a directory that end in `.pem`.
fn roots_in(directory: &Path) -> Result<TlsRoots, String> {
    let unreadable = |error: io::Error| format!("{}: it cannot be read: {error}", directory.display());
    let mut roots: Option<TlsRoots> = None;
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            let more = TlsRoots::from_pem_file(path);
            roots = Some(match roots {
                Some(roots) => roots.and(more),
                None => more,
            });
        }
    }
    roots.ok_or_else(|| format!("{}: there is no file in it whose name ends in .pem", directory.display()))
}
