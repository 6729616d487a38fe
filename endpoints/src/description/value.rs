//! What a value may be.

use std::path::PathBuf;
use std::time::Duration;

/// A type that arguments of descriptions are read as.
///
/// Numbers are written in decimal digits, without a sign. A [`Duration`] is a number of seconds, with a decimal point if
/// need be. A `bool` is `yes` or `no` (`true`, `false`, `1` and `0` are understood too).
pub trait FromArgument: Sized {
    /// Reads a value, with all quoting undone.
    ///
    /// # Errors
    /// What is wrong with it, or what it must be, such as "it must be a number from 0 to 65535".
    fn from_argument(text: &str) -> Result<Self, String>;
}

impl FromArgument for String {
    fn from_argument(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl FromArgument for PathBuf {
    fn from_argument(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("it must not be empty".to_owned()) } else { Ok(text.into()) }
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl FromArgument for $number {
            fn from_argument(text: &str) -> Result<Self, String> {
                let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
                let number = if digits_only { text.parse().ok() } else { None };
                number.ok_or_else(|| format!("it must be a number from 0 to {}", Self::MAX))
            }
        }
    )*};
}

numbers!(u16, u32, u64, usize);

impl FromArgument for Duration {
    fn from_argument(text: &str) -> Result<Self, String> {
        let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let seconds = if decimal { text.parse().ok() } else { None };
        seconds
            .and_then(|seconds| Self::try_from_secs_f64(seconds).ok())
            .ok_or_else(|| "it must be a number of seconds, as in 5 or 0.5".to_owned())
    }
}

impl FromArgument for bool {
    fn from_argument(text: &str) -> Result<Self, String> {
        match text {
            "yes" | "true" | "1" => Ok(true),
            "no" | "false" | "0" => Ok(false),
            _ => Err("it must be yes or no".to_owned()),
        }
    }
}
