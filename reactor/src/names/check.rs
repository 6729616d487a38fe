//! What is a name of a host, and which need no lookup.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name, without a trailing dot: RFC 1035 §2.3.4 in the form that is read.
const NAME_LENGTH_MAX: usize = 253;

/// The longest part between dots: RFC 1035 §2.3.4.
const LABEL_LENGTH_MAX: usize = 63;

/// What is wrong with the name of a host. `Display` goes on after "the name".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NameProblem {
    /// There is nothing.
    Empty,
    /// It is longer than 253 bytes, a trailing dot not counted.
    TooLong,
    /// There is nothing before a dot.
    EmptyLabel,
    /// A part between dots is longer than 63 bytes.
    LabelTooLong,
    /// It is not ASCII.
    NotAscii,
    /// It contains something else than letters, digits, hyphens, underscores and dots.
    BadCharacter(char),
    /// Its last part is a number, which the operating system might take for an IPv4 address in an old form.
    Number,
}

/// Checks that `name` can be the name of a host: up to 253 bytes in parts of up to 63 between dots (RFC 1035 §2.3.4), made
/// of ASCII letters, digits and hyphens (RFC 1123 §2.1), or underscores, which are in use. A trailing dot is allowed.
///
/// Names in other scripts are not converted: write them in punycode (RFC 5891).
///
/// # Errors
/// Says what is wrong.
///
/// ```
/// use ropewalk_reactor::{NameProblem, check_host_name};
///
/// assert_eq!(check_host_name("www.example.org."), Ok(()));
/// assert_eq!(check_host_name("www..org"), Err(NameProblem::EmptyLabel));
/// ```
pub fn check_host_name(name: &str) -> Result<(), NameProblem> {
    if name.is_empty() {
        return Err(NameProblem::Empty);
    }
    check_characters(name)?;
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > NAME_LENGTH_MAX {
        return Err(NameProblem::TooLong);
    }
    let mut last = "";
    for label in name.split('.') {
        match label.len() {
            0 => return Err(NameProblem::EmptyLabel),
            1..=LABEL_LENGTH_MAX => last = label,
            _ => return Err(NameProblem::LabelTooLong),
        }
    }
    if is_number(last) { Err(NameProblem::Number) } else { Ok(()) }
}

fn check_characters(name: &str) -> Result<(), NameProblem> {
    if !name.is_ascii() {
        return Err(NameProblem::NotAscii);
    }
    match name.chars().find(|letter| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_' | '.')) {
        Some(letter) => Err(NameProblem::BadCharacter(letter)),
        None => Ok(()),
    }
}

/// Whether `inet_aton` would take `label` for a number: decimal, octal or hexadecimal.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// The addresses of what needs no lookup: an IP address, and `localhost` with all below it, which is this host whatever
/// others say (RFC 6761 §6.3).
pub(super) fn known_addresses(name: &str) -> Option<Vec<IpAddr>> {
    if let Ok(address) = name.parse() {
        return Some(vec![address]);
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or(name);
    let local = last.eq_ignore_ascii_case("localhost") && check_host_name(name).is_ok();
    local.then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
}

impl fmt::Display for NameProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "is empty",
            Self::TooLong => "is longer than 253 bytes",
            Self::EmptyLabel => "has nothing before a dot",
            Self::LabelTooLong => "has more than 63 bytes between dots",
            Self::NotAscii => {
                "is not ASCII: write it in punycode, as in xn--bcher-kva.example for b\u{fc}cher.example"
            }
            Self::BadCharacter(letter) => {
                return write!(
                    formatter,
                    "contains {letter:?}: names are made of letters, digits, hyphens, underscores and dots"
                );
            }
            Self::Number => {
                "ends in a number: an IPv4 address is four numbers from 0 to 255, as in 127.0.0.1"
            }
        })
    }
}

impl std::error::Error for NameProblem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_is_none() {
        let long_label = "a".repeat(63);
        let longest = format!("{long_label}.{long_label}.{long_label}.{}", "b".repeat(61));
        assert_eq!(longest.len(), 253);
        for name in
            ["a", "a.", "example.org", "EXAMPLE.org.", "_x.a-b", "3com.com", "1.2.3.4x", "a.0xg", &longest]
        {
            assert_eq!(check_host_name(name), Ok(()), "{name:?}");
        }
        assert_eq!(check_host_name(&format!("{longest}.")), Ok(()));
        let cases = [
            ("", NameProblem::Empty),
            (&format!("{longest}b"), NameProblem::TooLong),
            (".", NameProblem::EmptyLabel),
            (".a", NameProblem::EmptyLabel),
            ("a..", NameProblem::EmptyLabel),
            ("a..b", NameProblem::EmptyLabel),
            (&format!("a.{long_label}a"), NameProblem::LabelTooLong),
            ("b\u{fc}cher.example", NameProblem::NotAscii),
            ("a b", NameProblem::BadCharacter(' ')),
            ("a\0", NameProblem::BadCharacter('\0')),
            ("a:80", NameProblem::BadCharacter(':')),
            ("[::1]", NameProblem::BadCharacter('[')),
            ("127.1", NameProblem::Number),
            ("2130706433", NameProblem::Number),
            ("0x7f.0x1", NameProblem::Number),
            ("256.0.0.1", NameProblem::Number),
        ];
        for (name, problem) in cases {
            assert_eq!(check_host_name(name), Err(problem), "{name:?}");
        }
    }

    #[test]
    fn localhost_and_literals_are_known() {
        let local = || Some(vec![IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()]);
        for name in ["localhost", "LocalHost.", "a.b.localhost", "a.localhost."] {
            assert_eq!(known_addresses(name), local(), "{name:?}");
        }
        for name in ["localhost.example.org", "mylocalhost", "localhost..", ".localhost", "a b.localhost", ""]
        {
            assert_eq!(known_addresses(name), None, "{name:?}");
        }
        assert_eq!(known_addresses("10.0.0.1"), Some(vec![[10, 0, 0, 1].into()]));
        assert_eq!(known_addresses("::1"), Some(vec![Ipv6Addr::LOCALHOST.into()]));
    }
}
