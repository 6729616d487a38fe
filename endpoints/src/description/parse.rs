//! The grammar.

use std::borrow::Cow;
use std::fmt;

use super::error::DescriptionProblem;
use super::secrets::shown_value;

/// Quotes a text for use as an argument of a description, or as the value of one, so that it is read as it is.
///
/// The characters `\`, `:` and `=` get a backslash, and so does a `[` at the beginning unless it is the bracket of an
/// address.
///
/// ```
/// use ropewalk_endpoints::quote_argument;
///
/// assert_eq!(quote_argument("/run/a=b:c"), r"/run/a\=b\:c");
/// assert_eq!(quote_argument("[::1]"), "[::1]");
/// ```
pub fn quote_argument(text: &str) -> String {
    let (bracketed, rest) = split_brackets(text);
    let mut quoted = String::with_capacity(text.len());
    for character in bracketed.chars() {
        if character == '\\' {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    for (position, character) in rest.char_indices() {
        let opens = character == '[' && position == 0 && bracketed.is_empty();
        if opens || matches!(character, '\\' | ':' | '=') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

/// What stands in brackets at the beginning, and the rest.
fn split_brackets(text: &str) -> (&str, &str) {
    match text.find(']') {
        Some(end) if text.starts_with('[') => text.split_at(end + 1),
        _ => ("", text),
    }
}

/// A text taken apart. `Display` writes it in canonical form, which is read as the same description but for its passwords.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Description {
    /// In lower case.
    pub(super) kind: String,
    pub(super) arguments: Vec<Argument>,
    /// Where the arguments begin, in bytes from the beginning of the text.
    pub(super) arguments_start: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Argument {
    /// Where it begins, in bytes from the beginning of the text.
    pub(super) position: usize,
    /// Where it ends, as `position`.
    pub(super) end: usize,
    pub(super) key: Option<String>,
    pub(super) value: String,
}

impl Description {
    /// Reads `text` from `start` on. The error is the position of the problem, and the problem.
    pub(super) fn parse(text: &str, start: usize) -> Result<Self, (usize, DescriptionProblem)> {
        let mut reader = Reader::new(text, start);
        let kind = reader.part(&[':'])?.to_ascii_lowercase();
        reader.take(':');
        let arguments_start = reader.position;
        let mut arguments = Vec::new();
        // A colon after the kind is no argument; the others have one on either side.
        if reader.peek().is_some() {
            arguments.push(reader.argument()?);
        }
        while reader.take(':') {
            arguments.push(reader.argument()?);
        }
        Ok(Self { kind, arguments, arguments_start })
    }
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", quote_argument(&self.kind))?;
        for (index, argument) in self.arguments.iter().enumerate() {
            if index > 0 {
                formatter.write_str(":")?;
            }
            argument.fmt(formatter)?;
        }
        Ok(())
    }
}

impl Argument {
    /// Whether it has this key, which one without a key has not.
    pub(super) fn has_key(&self, name: &str) -> bool {
        self.key.as_deref().is_some_and(|key| same_key(key, name))
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(formatter, "{}=", quote_argument(key))?;
        }
        formatter.write_str(&quote_argument(&shown_value(self.key.as_deref(), &self.value)))
    }
}

/// The text with another value of one of its arguments.
pub(super) fn with_value<'a>(text: &'a str, argument: &Argument, value: &str) -> Cow<'a, str> {
    if value == argument.value {
        return text.into();
    }
    let other = Argument { value: value.to_owned(), ..argument.clone() };
    format!("{}{other}{}", &text[..argument.position], &text[argument.end..]).into()
}

/// Whether two keys are the same: case and underscores do not matter.
pub(super) fn same_key(one: &str, other: &str) -> bool {
    let plain = |key: &str| key.replace('_', "").to_ascii_lowercase();
    plain(one) == plain(other)
}

pub(super) struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, position: usize) -> Self {
        Self { text, position }
    }

    /// How far it has read, in bytes from the beginning of the text.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    fn argument(&mut self) -> Result<Argument, (usize, DescriptionProblem)> {
        let position = self.position;
        let first = self.part(&[':', '='])?;
        let (key, value) = if self.take('=') { (Some(first), self.part(&[':'])?) } else { (None, first) };
        Ok(Argument { position, end: self.position, key, value })
    }

    /// Goes on somewhere else.
    pub(super) fn skip_to(&mut self, position: usize) {
        self.position = position;
    }

    /// Reads up to a separator that is neither escaped nor in brackets at the beginning, and leaves it.
    pub(super) fn part(&mut self, separators: &[char]) -> Result<String, (usize, DescriptionProblem)> {
        let start = self.position;
        let mut part = String::new();
        let mut in_brackets = self.peek() == Some('[');
        while let Some(character) = self.peek() {
            match character {
                '\\' => part.push(self.escaped()?),
                _ if separators.contains(&character) && !in_brackets => break,
                _ => {
                    in_brackets &= character != ']';
                    part.push(character);
                    self.position += character.len_utf8();
                }
            }
        }
        if in_brackets { Err((start, DescriptionProblem::UnclosedBracket)) } else { Ok(part) }
    }

    fn escaped(&mut self) -> Result<char, (usize, DescriptionProblem)> {
        let backslash = self.position;
        self.position += 1;
        let character = self.peek().ok_or((backslash, DescriptionProblem::LoneBackslash))?;
        self.position += character.len_utf8();
        Ok(character)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    pub(super) fn take(&mut self, character: char) -> bool {
        let found = self.peek() == Some(character);
        if found {
            self.position += character.len_utf8();
        }
        found
    }
}
