//! Why a peer's certificate is not accepted.

use std::fmt;
use std::time::{Duration, SystemTime};

/// Why a peer's certificate is not accepted. `Display` is a clause that goes with "the peer's certificate".
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// It was valid until this time.
    Expired(Option<SystemTime>),
    /// It will be valid from this time on.
    NotValidYet(Option<SystemTime>),
    /// No authority that this side trusts has signed it; perhaps it has signed itself.
    UnknownIssuer,
    /// It is for other names than the one wanted.
    WrongName {
        /// The name that was wanted.
        wanted: String,
        /// The names that the certificate is for.
        present: Vec<String>,
    },
    /// It was not made by the authority that it names, or was changed since; or the peer does not have its private key.
    BadSignature,
    /// Its authority has taken it back.
    Revoked,
    /// It is not for this use: a server's is not for clients, nor the other way round, and an authority's own is for
    /// neither.
    WrongPurpose,
    /// The peer has shown none.
    Missing,
    /// Something else; the text says what.
    Other(String),
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(None) => formatter.write_str("has expired"),
            Self::Expired(Some(end)) => write!(formatter, "expired on {}", Date(*end)),
            Self::NotValidYet(None) => formatter.write_str("is not valid yet"),
            Self::NotValidYet(Some(start)) => write!(formatter, "is not valid before {}", Date(*start)),
            Self::UnknownIssuer => formatter.write_str(
                "is not signed by an authority that this side trusts: unknown issuer, or it is self-signed",
            ),
            Self::WrongName { wanted, present } if present.is_empty() => {
                write!(formatter, "is not for {wanted:?}: it names nobody")
            }
            Self::WrongName { wanted, present } => {
                write!(formatter, "is not for {wanted:?} but for {}", present.join(", "))
            }
            Self::BadSignature => formatter.write_str("is forged: a signature is wrong"),
            Self::Revoked => formatter.write_str("has been revoked by its authority"),
            Self::WrongPurpose => formatter.write_str("is not meant for this use"),
            Self::Missing => formatter.write_str("is missing"),
            Self::Other(problem) => write!(formatter, "is not acceptable: {problem}"),
        }
    }
}

/// The day of a time, in UTC.
struct Date(SystemTime);

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs() / 86_400;
        let (year, month, day) = civil(days);
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    }
}

/// Year, month and day in the Gregorian calendar. Counts from the first of March of the year 0, so that the leap day is
/// the last of its year.
fn civil(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named_as_in_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Date(time).to_string(), date);
        }
    }
}
