//! What the values may be.

use std::time::Duration;

use crate::{FromArgument, TlsVersion};

/// Names of application protocols, separated by commas.
pub(super) struct Protocols(pub(super) Vec<String>);

impl FromArgument for Protocols {
    fn from_argument(text: &str) -> Result<Self, String> {
        let names: Vec<String> = text.split(',').map(str::to_owned).collect();
        if names.iter().any(|name| !(1..=255).contains(&name.len())) {
            return Err(
                "it must be names of 1 to 255 bytes, separated by commas, as in h2,http/1.1".to_owned()
            );
        }
        Ok(Self(names))
    }
}

/// A version.
pub(super) struct Version(pub(super) TlsVersion);

impl FromArgument for Version {
    fn from_argument(text: &str) -> Result<Self, String> {
        match text {
            "1.2" => Ok(Self(TlsVersion::Tls12)),
            "1.3" => Ok(Self(TlsVersion::Tls13)),
            _ => Err("it must be 1.2 or 1.3".to_owned()),
        }
    }
}

/// Whether clients need a certificate.
pub(super) enum ClientCertificate {
    Required,
    Optional,
}

impl FromArgument for ClientCertificate {
    fn from_argument(text: &str) -> Result<Self, String> {
        match text {
            "required" => Ok(Self::Required),
            "optional" => Ok(Self::Optional),
            _ => Err("it must be required or optional".to_owned()),
        }
    }
}

/// How often files are looked at.
pub(super) struct Interval(pub(super) Duration);

impl FromArgument for Interval {
    fn from_argument(text: &str) -> Result<Self, String> {
        let interval = Duration::from_argument(text)?;
        if interval.is_zero() { Err("it must be more than 0 seconds".to_owned()) } else { Ok(Self(interval)) }
    }
}
