//! The arguments of a description, as the kinds of endpoints read them.

use std::array;

use super::described::DescribedEndpoint;
use super::error::{DescriptionError, DescriptionProblem};
use super::parse::{Argument, Description, same_key, with_value};
use super::registry::EndpointRegistry;
use super::secrets::without_surplus;
use super::value::FromArgument;
use crate::{ClientEndpoint, ServerEndpoint};

/// What follows the kind in a description. The parser of a kind either names its [`parameters`](Self::parameters) or
/// takes the whole as [another description](Self::nested_server).
#[derive(Clone, Copy, Debug)]
pub struct EndpointArguments<'a> {
    pub(super) text: &'a str,
    pub(super) description: &'a Description,
    pub(super) registry: &'a EndpointRegistry,
    pub(super) depth: usize,
    /// Where the description begins that the kind takes as the whole.
    pub(super) nested_start: usize,
}

impl<'a> EndpointArguments<'a> {
    /// Assigns the arguments to the parameters of a kind: those without a key to `ordered`, one after the other, those
    /// with a key to either. Keys are compared without regard to case and underscores, so that Twisted's `bindAddress`
    /// is `bind_address` too.
    ///
    /// Every parameter may be missing; [`EndpointParameter`] says which must be there.
    ///
    /// # Errors
    /// If an argument is left over, or a parameter has two.
    pub fn parameters<const ORDERED: usize, const KEYED: usize>(
        &self,
        ordered: [&'a str; ORDERED],
        keyed: [&'a str; KEYED],
    ) -> Result<([EndpointParameter<'a>; ORDERED], [EndpointParameter<'a>; KEYED]), DescriptionError> {
        let assigned = self.assign(&ordered, &keyed)?;
        let parameter = |name, argument| EndpointParameter { arguments: *self, name, argument };
        Ok((
            array::from_fn(|index| parameter(ordered[index], assigned[index])),
            array::from_fn(|index| parameter(keyed[index], assigned[ORDERED + index])),
        ))
    }

    /// The argument of each parameter.
    fn assign(
        &self,
        ordered: &[&str],
        keyed: &[&str],
    ) -> Result<Vec<Option<&'a Argument>>, DescriptionError> {
        let names = [ordered, keyed].concat();
        let mut assigned = vec![None; names.len()];
        let mut in_order = 0..ordered.len();
        for argument in &self.description.arguments {
            let index = match &argument.key {
                None => in_order
                    .next()
                    .ok_or_else(|| DescriptionProblem::TooManyArguments { known: owned(ordered) }),
                Some(key) => names
                    .iter()
                    .position(|name| same_key(name, key))
                    .ok_or_else(|| DescriptionProblem::UnknownKey { key: key.clone(), known: owned(&names) }),
            };
            let error = |problem| {
                let text = without_surplus(self.text, &self.description.arguments, ordered.len(), &names);
                DescriptionError::new(&text, argument.position, problem)
            };
            let index = index.map_err(error)?;
            if assigned[index].replace(argument).is_some() {
                return Err(error(DescriptionProblem::Repeated { name: names[index].to_owned() }));
            }
        }
        Ok(assigned)
    }

    /// A parameter that may come first, by its key, and what follows it, which is [another description](Self::nested_server).
    pub(super) fn leading(&self, name: &'a str) -> (EndpointParameter<'a>, Self) {
        let mut arguments = self.description.arguments.iter();
        let argument = arguments.next().filter(|argument| argument.has_key(name));
        let nested_start = match (argument, arguments.next()) {
            (None, _) => self.nested_start,
            (Some(_), Some(next)) => next.position,
            (Some(_), None) => self.text.len(),
        };
        (EndpointParameter { arguments: *self, name, argument }, Self { nested_start, ..*self })
    }

    /// The last argument with this key, wherever it is.
    pub(super) fn last(&self, name: &'a str) -> Option<EndpointParameter<'a>> {
        let argument = self.description.arguments.iter().rfind(|argument| argument.has_key(name));
        argument.map(|_| EndpointParameter { arguments: *self, name, argument })
    }

    /// Everything after the kind, as the description of a place to listen on. It needs no quoting.
    ///
    /// # Errors
    /// If it describes none, with the position in the whole text; or if it is nested more than eight times.
    pub fn nested_server(&self) -> Result<DescribedEndpoint<dyn ServerEndpoint>, DescriptionError> {
        self.registry.server_at(self.text, self.nested_start, self.depth + 1)
    }

    /// Everything after the kind, as the description of a place to connect to. It needs no quoting.
    ///
    /// # Errors
    /// As [`nested_server`](Self::nested_server).
    pub fn nested_client(&self) -> Result<DescribedEndpoint<dyn ClientEndpoint>, DescriptionError> {
        self.registry.client_at(self.text, self.nested_start, self.depth + 1)
    }

    /// The whole description as a URL, if it has the form of one: what follows the kind begins with two slashes.
    pub(super) fn url(&self) -> Option<String> {
        let is_url = self.text[self.description.arguments_start..].starts_with("//");
        is_url.then(|| {
            let arguments = self.description.arguments.iter().map(|argument| match &argument.key {
                Some(key) => format!("{key}={}", argument.value),
                None => argument.value.clone(),
            });
            format!("{}:{}", self.description.kind, arguments.collect::<Vec<_>>().join(":"))
        })
    }

    /// What a parser says about a [`url`](Self::url) that it cannot use.
    pub(super) fn bad_url(&self, url: &str, complaint: &str) -> DescriptionError {
        let position = self.description.arguments_start;
        self.error(position, DescriptionProblem::bad_value("URL", url, complaint))
    }

    /// What a parser says if one of several parameters must be there and none is.
    pub fn needs_one_of(&self, names: &[&str]) -> DescriptionError {
        self.error(self.text.len(), DescriptionProblem::MissingOneOf { names: owned(names) })
    }

    /// That the program is built without what this kind needs.
    #[cfg(not(feature = "tls"))]
    pub(super) fn needs_feature(&self, feature: &'static str) -> DescriptionError {
        let kind = self.description.kind.clone();
        self.error(self.description.arguments_start, DescriptionProblem::MissingFeature { kind, feature })
    }

    fn error(&self, position: usize, problem: DescriptionProblem) -> DescriptionError {
        DescriptionError::new(self.text, position, problem)
    }
}

/// A parameter of a kind, and the argument that was given for it, if one was.
#[derive(Clone, Copy, Debug)]
pub struct EndpointParameter<'a> {
    arguments: EndpointArguments<'a>,
    name: &'a str,
    argument: Option<&'a Argument>,
}

impl EndpointParameter<'_> {
    /// The value, which must be there.
    ///
    /// # Errors
    /// If it is missing or not what it must be.
    pub fn required<T: FromArgument>(&self) -> Result<T, DescriptionError> {
        let value = self.optional()?;
        value.ok_or_else(|| {
            let problem = DescriptionProblem::MissingArgument { name: self.name.to_owned() };
            self.arguments.error(self.arguments.text.len(), problem)
        })
    }

    /// The value, if it is given.
    ///
    /// # Errors
    /// If it is not what it must be.
    pub fn optional<T: FromArgument>(&self) -> Result<Option<T>, DescriptionError> {
        let value = self.argument.map(|argument| T::from_argument(&argument.value));
        value.transpose().map_err(|complaint| self.error(complaint))
    }

    /// Whether there is an argument for it.
    pub fn is_given(&self) -> bool {
        self.argument.is_some()
    }

    /// The place to listen on that the value describes, if it is given. In the text the description is quoted, as in
    /// `endpoint=unix\:/run/web.sock`; see [`quote_argument`](crate::quote_argument).
    ///
    /// # Errors
    /// If it describes none, or is nested more than eight times.
    pub fn nested_server(&self) -> Result<Option<DescribedEndpoint<dyn ServerEndpoint>>, DescriptionError> {
        let EndpointArguments { registry, depth, .. } = self.arguments;
        self.nested(|description| registry.server_at(description, 0, depth + 1))
    }

    /// As [`nested_server`](Self::nested_server), for a place to connect to.
    ///
    /// # Errors
    /// As [`nested_server`](Self::nested_server).
    pub fn nested_client(&self) -> Result<Option<DescribedEndpoint<dyn ClientEndpoint>>, DescriptionError> {
        let EndpointArguments { registry, depth, .. } = self.arguments;
        self.nested(|description| registry.client_at(description, 0, depth + 1))
    }

    fn nested<E>(
        &self,
        read: impl FnOnce(&str) -> Result<E, DescriptionError>,
    ) -> Result<Option<E>, DescriptionError> {
        let Some(argument) = self.argument else { return Ok(None) };
        read(&argument.value).map(Some).map_err(|error| {
            // It alone knows what in it may not be shown.
            let shown = error.description();
            let text = with_value(self.arguments.text, argument, shown);
            let problem = DescriptionProblem::bad_value(self.name, shown, &error.to_string());
            DescriptionError::new(&text, argument.position, problem)
        })
    }

    /// What a parser says about a value that it cannot use, such as "it must be a name that can be looked up".
    pub fn error(&self, complaint: impl Into<String>) -> DescriptionError {
        let (position, value) = match self.argument {
            Some(argument) => (argument.position, argument.value.as_str()),
            None => (self.arguments.text.len(), ""),
        };
        self.arguments.error(position, DescriptionProblem::bad_value(self.name, value, &complaint.into()))
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
