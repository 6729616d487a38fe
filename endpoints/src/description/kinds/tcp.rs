//! `tcp` and `tcp6`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;

use ropewalk_reactor::{ConnectOptions, ListenOptions, check_host_name};

use crate::{
    AddressError, ClientEndpoint, DescriptionError, EndpointArguments, EndpointParameter, FromArgument,
    ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint,
};

pub(super) fn server(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    let ([port, interface, backlog], [reuse_port]) =
        arguments.parameters(["port", "interface", "backlog"], ["reuse_port"])?;
    Ok(Box::new(listen_at([port, interface, backlog, reuse_port])?))
}

pub(super) fn listen_at(
    [port, interface, backlog, reuse_port]: [EndpointParameter<'_>; 4],
) -> Result<TcpServerEndpoint, DescriptionError> {
    let PortHere(port) = port.required()?;
    let Interface(mut address) = interface.optional()?.unwrap_or(Interface::ALL);
    address.set_port(port);
    Ok(TcpServerEndpoint::from(address).with_options(listen_options(backlog, reuse_port)?))
}

pub(super) fn server_ipv6(
    arguments: &EndpointArguments<'_>,
) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    // Twisted has another order here.
    let ([port, backlog, interface], [reuse_port, dual_stack]) =
        arguments.parameters(["port", "backlog", "interface"], ["reuse_port", "dual_stack"])?;
    let PortHere(port) = port.required()?;
    let HostIpv6(mut address) = interface.optional()?.unwrap_or(HostIpv6::ALL);
    address.set_port(port);
    let mut options = listen_options(backlog, reuse_port)?;
    options.dual_stack = dual_stack.optional()?;
    Ok(Box::new(TcpServerEndpoint::from(SocketAddr::V6(address)).with_options(options)))
}

fn listen_options(
    backlog: EndpointParameter<'_>,
    reuse_port: EndpointParameter<'_>,
) -> Result<ListenOptions, DescriptionError> {
    let mut options = ListenOptions::default();
    options.backlog = backlog.optional()?.unwrap_or(options.backlog);
    options.reuse_port = reuse_port.optional()?.unwrap_or(options.reuse_port);
    Ok(options)
}

pub(super) fn client(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    let ([host, port], [timeout, bind_address]) =
        arguments.parameters(["host", "port"], ["timeout", "bind_address"])?;
    let endpoint: TcpClientEndpoint = connect_to(host, port)?;
    Ok(Box::new(endpoint.with_options(connect_options(timeout, bind_address)?)))
}

/// A host, by its IP address or by name, and a port.
pub(super) fn connect_to<T: FromStr<Err = AddressError>>(
    host: EndpointParameter<'_>,
    port: EndpointParameter<'_>,
) -> Result<T, DescriptionError> {
    let text: String = host.required()?;
    if !port.is_given() && text.parse::<u16>().is_ok() {
        return Err(host.error("it is a port: write the host before it, as in localhost:8123"));
    }
    let port: u16 = port.required()?;
    let address = match text.parse::<Ipv6Addr>() {
        Ok(_) => format!("[{text}]:{port}"),
        Err(_) => format!("{text}:{port}"),
    };
    address.parse().map_err(|error: AddressError| host.error(error.to_string()))
}

pub(super) fn client_ipv6(
    arguments: &EndpointArguments<'_>,
) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    let ([host, port], [timeout, bind_address]) =
        arguments.parameters(["host", "port"], ["timeout", "bind_address"])?;
    let PeerIpv6(HostIpv6(mut address)) = host.required()?;
    address.set_port(port.required()?);
    let options = connect_options(timeout, bind_address)?;
    Ok(Box::new(TcpClientEndpoint::from(SocketAddr::V6(address)).with_options(options)))
}

pub(super) fn connect_options(
    timeout: EndpointParameter<'_>,
    bind_address: EndpointParameter<'_>,
) -> Result<ConnectOptions, DescriptionError> {
    let mut options = ConnectOptions::default();
    options.timeout = timeout.optional()?.unwrap_or(options.timeout);
    options.bind = bind_address.optional()?.map(|BindAddress(address)| address);
    Ok(options)
}

/// A port to listen on. Clients write the host before it, so whoever listens may have done so too.
struct PortHere(u16);

impl FromArgument for PortHere {
    fn from_argument(text: &str) -> Result<Self, String> {
        u16::from_argument(text).map(Self).map_err(|complaint| match Interface::from_argument(text) {
            Ok(_) if !text.is_empty() => {
                format!(
                    "{complaint}; the address to listen on comes behind it, as in 8123:interface=127.0.0.1"
                )
            }
            _ => complaint,
        })
    }
}

/// An address of this host to listen on, without a port; empty means all of IPv4.
struct Interface(SocketAddr);

impl Interface {
    const ALL: Self = Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
}

impl FromArgument for Interface {
    fn from_argument(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::ALL);
        }
        let address = match text.parse() {
            Ok(address) => Some(SocketAddr::new(IpAddr::V4(address), 0)),
            Err(_) if text.eq_ignore_ascii_case("localhost") => Some((Ipv4Addr::LOCALHOST, 0).into()),
            Err(_) => ipv6(text).map(SocketAddr::V6),
        };
        address.map(Self).ok_or_else(|| with_interface_hint(text, "it must be an IP address or localhost"))
    }
}

/// An IPv6 address, without a port.
struct HostIpv6(SocketAddrV6);

impl HostIpv6 {
    const ALL: Self = Self(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0));
}

impl FromArgument for HostIpv6 {
    fn from_argument(text: &str) -> Result<Self, String> {
        let text = if text.eq_ignore_ascii_case("localhost") { "::1" } else { text };
        ipv6(text)
            .map(Self)
            .ok_or_else(|| with_interface_hint(text, "it must be an IPv6 address, as in [::1], or localhost"))
    }
}

/// An IPv6 address to connect to.
struct PeerIpv6(HostIpv6);

impl FromArgument for PeerIpv6 {
    fn from_argument(text: &str) -> Result<Self, String> {
        HostIpv6::from_argument(text).map(Self).map_err(|complaint| match check_host_name(text) {
            Ok(()) => {
                format!("{complaint}; a name is for tcp, which looks up its addresses of IPv6 and IPv4")
            }
            Err(_) => complaint,
        })
    }
}

/// An address to connect from. Port 0 lets the system choose one.
struct BindAddress(SocketAddr);

impl FromArgument for BindAddress {
    fn from_argument(text: &str) -> Result<Self, String> {
        let address =
            text.parse().ok().or_else(|| text.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, 0)));
        let address = address.or_else(|| ipv6(text).map(SocketAddr::V6));
        address
            .map(Self)
            .ok_or_else(|| r"it must be an IP address, as in 127.0.0.1 or 127.0.0.1\:4000".to_owned())
    }
}

/// A complaint about what is no address, maybe for the name of an interface.
fn with_interface_hint(text: &str, complaint: &str) -> String {
    let hint = if text.contains('%') { "; an interface is told by its number, as in fe80::1%2" } else { "" };
    format!("{complaint}{hint}")
}

/// With brackets or without, and with a scope as in `fe80::1%2`.
fn ipv6(text: &str) -> Option<SocketAddrV6> {
    let host = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    format!("[{host}]:0").parse().ok()
}
