//! Header fields, received and to be sent.

use std::fmt::Write;

/// The fields of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(&'a [httparse::Header<'a>]);

impl<'a> Fields<'a> {
    pub(crate) fn new(fields: &'a [httparse::Header<'a>]) -> Self {
        Self(fields)
    }

    /// The values of all fields of a name, whose case means nothing.
    pub(crate) fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// The value of the only field of a name.
    pub(crate) fn only(self, name: &str) -> Option<&'a [u8]> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// The members of the lists, separated by commas, in all fields of a name.
    pub(crate) fn list(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let members = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
    }

    /// Whether a list has a member, whose case means nothing.
    pub(crate) fn has(self, name: &str, member: &str) -> bool {
        self.list(name).any(|other| other.eq_ignore_ascii_case(member.as_bytes()))
    }
}

/// Adds a field to a head. What could end the field or the head is left out of the name, and is a space in the value.
pub(crate) fn push(head: &mut String, name: &str, value: &str) {
    head.extend(name.chars().filter(|letter| letter.is_ascii_graphic() && *letter != ':'));
    let value: String = value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    // Writing to a string does not fail.
    let _ = write!(head, ": {}\r\n", value.trim());
}
