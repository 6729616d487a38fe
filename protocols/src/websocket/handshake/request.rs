//! A request, as a server sees it.

use super::headers::Fields;

/// A request in HTTP: for a WebSocket or for a page.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) fields: Fields<'a>,
}

impl<'a> HttpRequest<'a> {
    /// The method: `GET`, or `HEAD` for a page of which only the head is wanted.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// What is asked for, as the peer wrote it: path and query.
    pub fn target(&self) -> &'a str {
        self.target
    }

    /// The path, without the query.
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// What comes behind the first question mark.
    pub fn query(&self) -> Option<&'a str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The value of a header field, the first one if there are several; `None` also if it is not UTF-8. The case of the name
    /// means nothing.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.fields.all(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    pub(crate) fn has_origin(&self) -> bool {
        self.fields.all("Origin").next().is_some()
    }

    /// The page that a browser's request came from, such as `https://example.org`. Programs other than browsers may send what they
    /// like.
    pub fn origin(&self) -> Option<&'a str> {
        self.header("Origin")
    }
}
