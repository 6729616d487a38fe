//! `socks5`.

use super::tcp;
use crate::{
    ClientEndpoint, DescriptionError, EndpointArguments, EndpointParameter, Socks5ClientEndpoint,
    Socks5Credentials, Socks5Options, TcpClientEndpoint,
};

pub(super) fn client(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    if let Some(url) = arguments.url() {
        return Err(arguments.bad_url(
            &url,
            "it takes no URL: write it as in socks5:localhost:1080:example.org:80:username=alice:password=…",
        ));
    }
    let ([proxy_host, proxy_port, host, port], [timeout, bind_address, username, password]) = arguments
        .parameters(
            ["proxy_host", "proxy_port", "host", "port"],
            ["timeout", "bind_address", "username", "password"],
        )?;
    let proxy: TcpClientEndpoint = tcp::connect_to(proxy_host, proxy_port)?;
    let connect_options = tcp::connect_options(timeout, bind_address)?;
    let options =
        Socks5Options { timeout: connect_options.timeout, credentials: credentials(username, password)? };
    let proxy = proxy.with_options(connect_options);
    Ok(Box::new(Socks5ClientEndpoint::new(proxy, tcp::connect_to(host, port)?).with_options(options)))
}

fn credentials(
    username: EndpointParameter<'_>,
    password: EndpointParameter<'_>,
) -> Result<Option<Socks5Credentials>, DescriptionError> {
    if !username.is_given() && !password.is_given() {
        return Ok(None);
    }
    let credentials = Socks5Credentials::new(username.required::<String>()?, password.required::<String>()?);
    credentials.map(Some).map_err(|error| username.error(error.to_string()))
}
