//! Passwords, which are not shown.

use std::borrow::Cow;
use std::ops::Range;

use super::parse::{Argument, Reader, quote_argument};
use super::registry::NESTING_MAX;
use crate::AddressError;

/// What is shown in the place of a password.
const HIDDEN: &str = "***";

/// A description without its passwords, however broken it is.
pub(super) struct Shown {
    pub(super) text: String,
    /// What was replaced in the original, in order, and the length of what is there now.
    replaced: Vec<(Range<usize>, usize)>,
}

impl Shown {
    pub(super) fn of(text: &str) -> Self {
        Self::at(1, text)
    }

    /// Of the description number `depth` in one another.
    fn at(depth: usize, text: &str) -> Self {
        let mut shown = Self { text: String::with_capacity(text.len()), replaced: Vec::new() };
        let mut copied = 0;
        for (range, replacement) in hidden_values(depth, text) {
            shown.text.push_str(&text[copied..range.start]);
            shown.text.push_str(&replacement);
            copied = range.end;
            shown.replaced.push((range, replacement.len()));
        }
        shown.text.push_str(&text[copied..]);
        shown
    }

    /// Where something is that was at `position`. What was in a password is where that begins.
    pub(super) fn position(&self, position: usize) -> usize {
        let mut shown = position;
        for (range, length) in &self.replaced {
            if position >= range.end {
                shown = shown + length - range.len();
            } else if position > range.start {
                shown -= position - range.start;
            }
        }
        shown
    }
}

/// An address that was found wrong, as it may be shown: what looked like one may be a description without its kind.
pub(super) fn shown_address(error: &AddressError) -> AddressError {
    AddressError::new(&Shown::of(error.address()).text, error.problem())
}

/// What stands where the kind should be, as it may be shown.
pub(super) fn shown_kind(kind: &str) -> String {
    match kind.split_once('=') {
        Some((key, _)) if is_secret(key) => format!("{key}={HIDDEN}"),
        _ => kind.to_owned(),
    }
}

/// A value as it may be shown: not if it is a password, and not those of a description that it may be.
pub(super) fn shown_value<'a>(key: Option<&str>, value: &'a str) -> Cow<'a, str> {
    shown_value_at(1, key, value)
}

fn shown_value_at<'a>(depth: usize, key: Option<&str>, value: &'a str) -> Cow<'a, str> {
    // Nothing reads a description so deep in others, and taking it apart would need a stack as deep as the text is long.
    let is_too_deep = depth >= NESTING_MAX;
    match key {
        Some(key) if is_secret(key) => HIDDEN.into(),
        _ if is_too_deep && may_hold_secret(value) => HIDDEN.into(),
        _ if is_too_deep => value.into(),
        _ => Shown::at(depth + 1, value).text.into(),
    }
}

/// The description as it may be shown where its kind takes `ordered` arguments without a key: if it takes a password, whatever more
/// there is may be that.
pub(super) fn without_surplus<'a>(
    text: &'a str,
    arguments: &[Argument],
    ordered: usize,
    names: &[&str],
) -> Cow<'a, str> {
    let surplus = arguments.iter().filter(|argument| argument.key.is_none()).nth(ordered);
    match surplus.filter(|_| names.iter().any(|name| is_secret(name))) {
        Some(surplus) => format!("{}{HIDDEN}", &text[..surplus.position]).into(),
        None => text.into(),
    }
}

/// Where the password of a user is at the beginning of a URL without its scheme, as in `//user:password@host`.
fn password_of_user(text: &str) -> Option<Range<usize>> {
    let authority = text.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    let user = &authority[..authority.rfind('@')?];
    let colon = user.find(':')?;
    Some("//".len() + colon + 1.."//".len() + user.len())
}

/// Whether the key of a password may be anywhere in a text.
fn may_hold_secret(text: &str) -> bool {
    text.replace(['_', '\\'], "").to_ascii_lowercase().contains("passw")
}

/// Whether a key is `password`, or meant to be.
fn is_secret(key: &str) -> bool {
    key.replace('_', "").to_ascii_lowercase().starts_with("passw")
}

/// What is not to be shown, and what stands for it: values, also one where the kind should be, and the password in a URL.
fn hidden_values(depth: usize, text: &str) -> Vec<(Range<usize>, String)> {
    let mut reader = Reader::new(text, 0);
    let mut hidden = Vec::new();
    let mut is_kind = true;
    loop {
        let (mut key, mut start) = (None, reader.position());
        let mut part = reader.part(&[':', '=']);
        if part.is_ok() && reader.take('=') {
            (key, start) = (part.ok(), reader.position());
            part = reader.part(&[':']);
        }
        let Ok(value) = part else {
            let secret = broken_off_secret(key.as_deref(), &text[start..]);
            hidden.extend(secret.map(|secret| (start + secret..text.len(), HIDDEN.to_owned())));
            return hidden;
        };
        if !is_kind || key.is_some() {
            let shown = shown_value_at(depth, key.as_deref(), &value);
            if shown != value {
                hidden.push((start..reader.position(), quote_argument(&shown)));
            }
        }
        if !reader.take(':') {
            return hidden;
        }
        let rest = reader.position();
        if let Some(password) = password_of_user(&text[rest..]).filter(|_| is_kind) {
            reader.skip_to(rest + password.end);
            hidden.push((rest + password.start..rest + password.end, HIDDEN.to_owned()));
        }
        is_kind = false;
    }
}

/// Where a password begins in a value, or an argument, whose end is missing. It swallows what follows it, passwords too.
fn broken_off_secret(key: Option<&str>, rest: &str) -> Option<usize> {
    if key.is_some_and(is_secret) {
        return Some(0);
    }
    let ends_key = |equals: usize| {
        let key = rest[..equals].rsplit(':').next().unwrap_or_default();
        is_secret(&key.replace('\\', ""))
    };
    rest.match_indices('=')
        .map(|(equals, _)| equals)
        .find(|equals| ends_key(*equals))
        .map(|equals| equals + 1)
}
