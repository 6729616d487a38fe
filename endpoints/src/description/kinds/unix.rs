//! `unix`.

use ropewalk_reactor::{ConnectOptions, ListenOptions};

use crate::{
    AddressError, ClientEndpoint, DescriptionError, EndpointArguments, EndpointParameter, FromArgument,
    ServerEndpoint, UnixClientEndpoint, UnixServerEndpoint,
};

pub(super) fn server(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    let ([path, mode, backlog, lockfile], []) =
        arguments.parameters(["path", "mode", "backlog", "lockfile"], [])?;
    let text: String = path.required()?;
    let endpoint: UnixServerEndpoint = text.parse().map_err(|error| bad_path(path, &error))?;
    let mut options = ListenOptions::default();
    options.backlog = backlog.optional()?.unwrap_or(options.backlog);
    options.mode = mode.optional()?.map(|Mode(mode)| mode);
    if text.starts_with('@') && mode.is_given() {
        return Err(mode.error("an abstract name has no permissions: everybody may connect"));
    }
    if lockfile.optional::<bool>()?.is_some() {
        log::debug!("lockfile has no meaning: sockets that are left behind are recognised without");
    }
    Ok(Box::new(endpoint.with_options(options)))
}

pub(super) fn client(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    let ([path, timeout], [lockfile, check_pid]) =
        arguments.parameters(["path", "timeout"], ["lockfile", "check_pid"])?;
    let text: String = path.required()?;
    let endpoint: UnixClientEndpoint = text.parse().map_err(|error| bad_path(path, &error))?;
    let mut options = ConnectOptions::default();
    options.timeout = timeout.optional()?.unwrap_or(options.timeout);
    if lockfile.optional::<bool>()?.is_some() || check_pid.optional::<bool>()?.is_some() {
        log::debug!("lockfile and checkPID have no meaning: who connects finds out whether somebody listens");
    }
    Ok(Box::new(endpoint.with_options(options)))
}

fn bad_path(path: EndpointParameter<'_>, error: &AddressError) -> DescriptionError {
    path.error(error.to_string())
}

/// The permissions of a socket's file.
struct Mode(u32);

impl FromArgument for Mode {
    fn from_argument(text: &str) -> Result<Self, String> {
        let is_octal = (1..=4).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        let mode = if is_octal { u32::from_str_radix(text, 8).ok() } else { None };
        let mode = mode.filter(|mode| *mode <= 0o777);
        mode.map(Self).ok_or_else(|| "it must be an octal number from 0 to 777, as in 660".to_owned())
    }
}
