//! `tls`, and `ssl` as Twisted has it.

mod client;
mod server;
mod values;

use std::path::{Path, PathBuf};

use crate::{DescriptionError, EndpointParameter, TlsConfigError, TlsIdentity};

pub(super) use client::{CLIENT_KEYS, client, client_of, twisted_client};
pub(super) use server::{SERVER_KEYS, server, server_of, twisted_server};

/// The certificate and the key in two files, or both in one, if there is any.
fn identity(
    [cert, key]: [EndpointParameter<'_>; 2],
    chain: Option<PathBuf>,
    password: Option<String>,
) -> Result<Option<TlsIdentity>, DescriptionError> {
    let identity = match (cert.optional::<PathBuf>()?, key.optional::<PathBuf>()?) {
        (Some(cert), Some(key)) => TlsIdentity::from_pem_files(cert, key),
        (Some(both), None) | (None, Some(both)) => TlsIdentity::from_pem_file(both),
        (None, None) => return Ok(None),
    };
    let identity = match chain {
        Some(chain) => identity.with_chain_file(chain),
        None => identity,
    };
    Ok(Some(match password {
        Some(password) => identity.with_password(&password),
        None => identity,
    }))
}

/// What is wrong with the files that `parameters` name. The error is about the one that it names, or the first.
fn bad_config(error: &TlsConfigError, parameters: &[EndpointParameter<'_>]) -> DescriptionError {
    let names = |parameter: &&EndpointParameter<'_>| {
        let path = parameter.optional::<PathBuf>().ok().flatten();
        path.is_some_and(|path| Path::new(error.place()).starts_with(path))
    };
    let given = parameters.iter().find(|parameter| parameter.is_given());
    let at_fault = parameters.iter().find(names).or(given).unwrap_or(&parameters[0]);
    at_fault.error(error.to_string())
}
