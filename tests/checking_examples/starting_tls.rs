//! The conversation that becomes TLS.

#[path = "../../examples/starttls.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod starttls;

use std::cell::OnceCell;

use ropewalk::{Factory, TlsServerConfig};

use crate::{check, said};

/// A configuration that takes its time to make.
fn config() -> TlsServerConfig {
    thread_local! {
        static CONFIG: OnceCell<TlsServerConfig> = const { OnceCell::new() };
    }
    let make = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        TlsServerConfig::from_pem(made.cert.pem(), made.signing_key.serialize_pem()).unwrap()
    };
    CONFIG.with(|config| config.get_or_init(make).clone())
}

fn mail() -> impl Factory {
    starttls::mail(config())
}

#[test]
fn words_before_tls() {
    let heard = said(mail, "EHLO a\r\nWHAT\r\nNOOP\nQUIT\r\nNOOP\r\n");
    assert_eq!(
        heard,
        "220 localhost ESMTP\r\n250-localhost\r\n250 STARTTLS\r\n\
         502 This is but an example: EHLO, STARTTLS, NOOP, QUIT\r\n\
         250 everybody on the way can read this\r\n221 Bye\r\n"
    );
}

#[test]
fn what_follows_without_tls_is_an_error() {
    let outcome = check(mail).run_exactly("STARTTLS\r\nNOOP\r\n");
    assert_eq!(outcome.written, b"220 localhost ESMTP\r\n220 Go ahead\r\n");
}
