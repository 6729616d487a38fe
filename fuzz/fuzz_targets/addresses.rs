//! A text is an address, whose shown form is read as itself, or an error that quotes it; all that std reads is read.
#![no_main]

use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use ropewalk::{
    AddressError, Socks5Target, TcpClientEndpoint, TcpServerEndpoint, UdpEndpoint, UnixClientEndpoint,
    UnixServerEndpoint, check_host_name,
};

fuzz_target!(|text: &str| {
    for (shown, may_be_name) in [
        (shown::<TcpServerEndpoint>(text), false),
        (shown::<UdpEndpoint>(text), false),
        (shown::<TcpClientEndpoint>(text), true),
        (shown::<Socks5Target>(text), true),
    ] {
        let literal = text.parse::<SocketAddr>();
        if let Ok(address) = literal {
            assert_eq!(shown, Some(address.to_string()));
        } else if let Some(shown) = shown {
            let (name, port) = shown.rsplit_once(':').expect("a port is always shown");
            assert!(port.parse::<u16>().is_ok() && check_host_name(name).is_ok(), "{shown}");
            assert!(may_be_name || name == "localhost", "{shown}");
        }
    }
    // Abstract names are shown with escapes.
    if !text.starts_with('@') {
        shown::<UnixServerEndpoint>(text);
        shown::<UnixClientEndpoint>(text);
    }
});

/// The form in which an address is shown; none if it is no address.
fn shown<T: FromStr<Err = AddressError> + Display>(text: &str) -> Option<String> {
    match text.parse::<T>() {
        Ok(endpoint) => {
            let shown = endpoint.to_string();
            let again = shown.parse::<T>().expect("what is shown can be read").to_string();
            assert_eq!(again, shown);
            Some(shown)
        }
        Err(error) => {
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
            None
        }
    }
}
