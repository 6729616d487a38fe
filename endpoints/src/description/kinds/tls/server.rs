//! Listening.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{Factory, ListeningPort, LoopingCall, ReactorHandle};

use super::super::refuse_beside_endpoint;
use super::super::tcp;
use super::values::{ClientCertificate, Interval, Protocols, Version};
use super::{bad_config, identity};
use crate::{
    DescriptionError, EndpointArguments, EndpointParameter, ServerEndpoint, TlsRoots, TlsServerConfig,
    TlsServerConfigBuilder, TlsServerEndpoint,
};

/// The keys besides the port.
pub(in super::super) const SERVER_KEYS: [&str; 13] = [
    "cert",
    "key",
    "chain",
    "password",
    "interface",
    "backlog",
    "reuse_port",
    "endpoint",
    "alpn",
    "client_ca",
    "client_cert",
    "min_version",
    "reload",
];

pub(in super::super) fn server(
    arguments: &EndpointArguments<'_>,
) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    let ([port], keyed) = arguments.parameters(["port"], SERVER_KEYS)?;
    server_of(arguments, port, keyed)
}

/// TLS as the values of [`SERVER_KEYS`] say.
pub(in super::super) fn server_of(
    arguments: &EndpointArguments<'_>,
    port: EndpointParameter<'_>,
    keyed: [EndpointParameter<'_>; SERVER_KEYS.len()],
) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    let [
        cert,
        key,
        chain,
        password,
        interface,
        backlog,
        reuse_port,
        endpoint,
        alpn,
        client_ca,
        client_cert,
        min_version,
        reload,
    ] = keyed;
    let inner: Box<dyn ServerEndpoint> = match endpoint.nested_server()? {
        Some(nested) => {
            refuse_beside_endpoint(&[port, interface, backlog, reuse_port])?;
            Box::new(nested)
        }
        None => Box::new(tcp::listen_at([port, interface, backlog, reuse_port])?),
    };
    let identity = identity([cert, key], chain.optional()?, password.optional()?)?;
    let identity = identity.ok_or_else(|| arguments.needs_one_of(&["cert", "key"]))?;
    let mut builder = TlsServerConfig::builder().identity(identity);
    if let Some(Protocols(names)) = alpn.optional()? {
        builder = builder.alpn(names);
    }
    if let Some(Version(version)) = min_version.optional()? {
        builder = builder.min_version(version);
    }
    let config = with_clients(builder, client_ca, client_cert)?
        .build()
        .map_err(|error| bad_config(&error, &[cert, key, chain, client_ca]))?;
    let tls = TlsServerEndpoint::new(inner, config.clone());
    Ok(match reload.optional()? {
        Some(Interval(interval)) => Box::new(Reloading::new(tls, config, interval)),
        None => Box::new(tls),
    })
}

fn with_clients(
    builder: TlsServerConfigBuilder,
    client_ca: EndpointParameter<'_>,
    client_cert: EndpointParameter<'_>,
) -> Result<TlsServerConfigBuilder, DescriptionError> {
    if !client_ca.is_given() && !client_cert.is_given() {
        return Ok(builder);
    }
    let roots = TlsRoots::from_pem_file(client_ca.required::<PathBuf>()?);
    Ok(match client_cert.optional()? {
        Some(ClientCertificate::Optional) => builder.accept_client_certificates(roots),
        Some(ClientCertificate::Required) | None => builder.require_client_certificates(roots),
    })
}

/// `ssl`.
pub(in super::super) fn twisted_server(
    arguments: &EndpointArguments<'_>,
) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    let ([port], [key, cert, chain, interface, backlog, reuse_port]) = arguments.parameters(
        ["port"],
        ["private_key", "cert_key", "extra_cert_chain", "interface", "backlog", "reuse_port"],
    )?;
    let inner = tcp::listen_at([port, interface, backlog, reuse_port])?;
    let identity = identity([cert, key], chain.optional()?, None)?;
    let identity = identity.ok_or_else(|| arguments.needs_one_of(&["privateKey", "certKey"]))?;
    let config = TlsServerConfig::builder().identity(identity).build();
    let config = config.map_err(|error| bad_config(&error, &[cert, key, chain]))?;
    Ok(Box::new(TlsServerEndpoint::new(inner, config)))
}

/// An endpoint whose certificates are reloaded when they change, from the time when it is first listened on.
struct Reloading<E> {
    endpoint: E,
    config: TlsServerConfig,
    interval: Duration,
    /// Only one, in the reactor where it was listened on last: the configuration is the same for all.
    call: RefCell<Option<LoopingCall>>,
}

impl<E> Reloading<E> {
    fn new(endpoint: E, config: TlsServerConfig, interval: Duration) -> Self {
        Self { endpoint, config, interval, call: RefCell::new(None) }
    }
}

impl<E: ServerEndpoint> ServerEndpoint for Reloading<E> {
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        let port = self.endpoint.listen_shared(reactor, factory)?;
        let call = self.config.reload_on_change(reactor, self.interval);
        if let Some(earlier) = self.call.replace(Some(call)) {
            earlier.stop();
        }
        Ok(port)
    }
}
