//! Names of hosts and their addresses.

mod check;
mod error;
mod system;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub use check::{NameProblem, check_host_name};
pub use error::ResolveError;
pub use system::SystemResolver;

use crate::core::Phase;
use crate::deferred::Resolver;
use crate::event_loop::callbacks::catch;
use crate::{Deferred, DelayedCall, ReactorHandle};

/// How long [`ReactorHandle::resolve`] waits.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Finds the addresses of names. [`ReactorHandle::set_name_resolver`] has a reactor use another than [`SystemResolver`].
///
/// ```
/// use std::net::IpAddr;
/// use std::rc::Rc;
/// use ropewalk_reactor::{Deferred, NameResolver, Reactor, ReactorHandle, ResolveError, SystemResolver};
///
/// /// Knows one name more than the system.
/// struct WithPrinter;
///
/// impl NameResolver for WithPrinter {
///     fn resolve(&self, reactor: &ReactorHandle, name: &str) -> Deferred<Result<Vec<IpAddr>, ResolveError>> {
///         match name {
///             "printer" => Deferred::resolved(reactor, Ok(vec![IpAddr::from([10, 0, 0, 9])])),
///             _ => SystemResolver.resolve(reactor, name),
///         }
///     }
/// }
///
/// let mut reactor = Reactor::new()?;
/// reactor.set_name_resolver(Rc::new(WithPrinter));
/// let handle = reactor.handle();
/// reactor.resolve("printer").then(move |addresses| {
///     assert_eq!(addresses.ok(), Some(vec![IpAddr::from([10, 0, 0, 9])]));
///     handle.stop();
/// });
/// reactor.run()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait NameResolver {
    /// Finds the addresses of `name`, in the order in which they are to be tried. Called by the loop, once for all who ask
    /// at the same time. The name is valid, in small letters, neither an IP address nor `localhost`; it may end with a
    /// dot.
    ///
    /// The deferred is cancelled when nobody waits any more. No addresses count as [`ResolveError::NotFound`]. A panic
    /// in here is caught and logged, and fails the lookup. To ask others, ask another resolver;
    /// [`ReactorHandle::resolve`] would wait for this one.
    fn resolve(&self, reactor: &ReactorHandle, name: &str) -> Deferred<Result<Vec<IpAddr>, ResolveError>>;
}

type Resolved = Result<Vec<IpAddr>, ResolveError>;

/// The lookups of one reactor.
#[derive(Default)]
pub(crate) struct Names {
    /// `None` for [`SystemResolver`].
    resolver: Option<Rc<dyn NameResolver>>,
    /// What is being looked up, by name.
    lookups: BTreeMap<String, Waiting>,
    /// The number of the last waiter.
    last: u64,
    /// Cloned into each lookup that the driver holds.
    outstanding: Arc<()>,
}

/// Those who wait for one lookup.
struct Waiting {
    /// The number of the one who began it, which tells it from later lookups of the name.
    lookup: u64,
    /// Invariant: somebody is in here.
    waiters: BTreeMap<u64, Waiter>,
    /// `None` until the resolver was asked, in the next batch of commands.
    operation: Option<Deferred<()>>,
}

struct Waiter {
    resolver: Resolver<Resolved>,
    timer: DelayedCall,
}

impl Waiter {
    fn resolve(self, result: Resolved) {
        // Has gone off, if it is what gives the waiter up.
        let _ = self.timer.cancel();
        self.resolver.resolve(result);
    }
}

impl ReactorHandle {
    /// Finds the addresses of `name`, in the order in which they are to be tried. Waits for at most 10 seconds.
    ///
    /// An IP address is its own address. `localhost` and names that end with `.localhost` are 127.0.0.1 and ::1 (RFC 6761
    /// §6.3). Everything else that [`check_host_name`] lets pass is asked of the resolver, by default the
    /// [`SystemResolver`]; nothing is kept for later. Those who ask for the same name at the same time share one lookup.
    ///
    /// Cancelling ends the waiting, and the lookup too if it is the last who waits. Stopping or draining the reactor ends
    /// all lookups.
    ///
    /// ```
    /// # let mut reactor = ropewalk_reactor::Reactor::new()?;
    /// let handle = reactor.handle();
    /// reactor.resolve("localhost").then(move |result| {
    ///     match result {
    ///         Ok(addresses) => println!("{addresses:?}"), // [127.0.0.1, ::1]
    ///         Err(error) => println!("{error}"),
    ///     }
    ///     handle.stop();
    /// });
    /// reactor.run()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn resolve(&self, name: &str) -> Deferred<Result<Vec<IpAddr>, ResolveError>> {
        self.resolve_within(name, DEFAULT_TIMEOUT)
    }

    /// As [`resolve`](Self::resolve), for who waits longer or shorter: the waiting ends with [`ResolveError::TimedOut`] after
    /// `timeout`, the lookup when nobody waits any more.
    pub fn resolve_within(
        &self,
        name: &str,
        timeout: Duration,
    ) -> Deferred<Result<Vec<IpAddr>, ResolveError>> {
        if let Some(addresses) = check::known_addresses(name) {
            return Deferred::resolved(self, Ok(addresses));
        }
        if let Err(problem) = check_host_name(name) {
            return Deferred::resolved(self, Err(ResolveError::BadName { name: name.to_owned(), problem }));
        }
        let name = name.to_ascii_lowercase();
        if self.core().phase.get() == Phase::Gone {
            return Deferred::resolved(self, Err(ResolveError::Shutdown { name }));
        }
        self.wait_for_lookup(name, timeout)
    }

    /// Has names looked up by `resolver` from now on. Lookups that are under way go on with the one before.
    pub fn set_name_resolver(&self, resolver: Rc<dyn NameResolver>) {
        let before = self.core().names.borrow_mut().resolver.replace(resolver);
        // It may have a destructor of its own: the borrow has ended.
        drop(before);
    }

    fn wait_for_lookup(&self, name: String, timeout: Duration) -> Deferred<Resolved> {
        let (deferred, resolver) = Deferred::new(self);
        let mut names = self.core().names.borrow_mut();
        names.last += 1;
        let waiter = names.last;
        let (reactor, cancelled) = (self.clone(), name.clone());
        deferred.on_cancel(move || {
            reactor.give_up_waiting(&cancelled, waiter, |name| ResolveError::Cancelled { name });
        });
        let timed_out = name.clone();
        let timer = self.call_later(timeout, move |reactor| {
            reactor
                .give_up_waiting(&timed_out, waiter, |name| ResolveError::TimedOut { name, after: timeout });
        });
        if !names.lookups.contains_key(&name) {
            let name = name.clone();
            self.core().call(Box::new(move |reactor| reactor.begin_lookup(&name, waiter)));
        }
        let fresh = || Waiting { lookup: waiter, waiters: BTreeMap::new(), operation: None };
        let waiters = &mut names.lookups.entry(name).or_insert_with(fresh).waiters;
        waiters.insert(waiter, Waiter { resolver, timer });
        deferred
    }

    /// Asks the resolver, which is user code, if somebody still waits.
    fn begin_lookup(&self, name: &str, lookup: u64) {
        if !self.core().names.borrow_mut().is_under_way(name, lookup) {
            return;
        }
        if !self.is_running() {
            // Asked for while the reactor shut down.
            self.finish_lookup(name, lookup, Err(ResolveError::Shutdown { name: name.to_owned() }));
            return;
        }
        let resolver = self.core().names.borrow().resolver.clone();
        let asked = catch(|| match resolver {
            Some(resolver) => resolver.resolve(self, name),
            None => SystemResolver.resolve(self, name),
        });
        match asked {
            Ok(answer) => self.await_answer(name, lookup, answer),
            Err(message) => {
                self.core().report_panic("a name resolver", &message);
                let source = Arc::new(io::Error::other("the name resolver panicked"));
                self.finish_lookup(name, lookup, Err(ResolveError::Failed { name: name.to_owned(), source }));
            }
        }
    }

    fn await_answer(&self, name: &str, lookup: u64, answer: Deferred<Resolved>) {
        let (reactor, owned) = (self.clone(), name.to_owned());
        let operation = answer.map(move |result| reactor.finish_lookup(&owned, lookup, result));
        if let Some(unwanted) = self.core().names.borrow_mut().keep(name, lookup, operation) {
            // Given up by the resolver's own doing.
            unwanted.cancel();
        }
    }

    /// Gives all who wait the result. After they have gone, nothing.
    fn finish_lookup(&self, name: &str, lookup: u64, result: Resolved) {
        let mut names = self.core().names.borrow_mut();
        if !names.is_under_way(name, lookup) {
            return;
        }
        let waiting = names.lookups.remove(name);
        drop(names);
        let result = result.and_then(|addresses| without_duplicates(name, addresses));
        for waiter in waiting.into_iter().flat_map(|waiting| waiting.waiters.into_values()) {
            waiter.resolve(result.clone());
        }
    }

    /// One who waits leaves; the last to leave ends the lookup.
    fn give_up_waiting(&self, name: &str, waiter: u64, error: impl FnOnce(String) -> ResolveError) {
        let mut names = self.core().names.borrow_mut();
        let Some(waiting) = names.lookups.get_mut(name) else {
            return;
        };
        let left = waiting.waiters.remove(&waiter);
        let abandoned = if waiting.waiters.is_empty() { names.lookups.remove(name) } else { None };
        drop(names);
        if let Some(waiter) = left {
            waiter.resolve(Err(error(name.to_owned())));
        }
        if let Some(operation) = abandoned.and_then(|waiting| waiting.operation) {
            self.core().run_guarded("a name resolver", || operation.cancel());
        }
    }

    /// Ends all lookups.
    pub(crate) fn end_lookups(&self, error: impl Fn(String) -> ResolveError) {
        let lookups = std::mem::take(&mut self.core().names.borrow_mut().lookups);
        for (name, waiting) in lookups {
            for waiter in waiting.waiters.into_values() {
                waiter.resolve(Err(error(name.clone())));
            }
            if let Some(operation) = waiting.operation {
                self.core().run_guarded("a name resolver", || operation.cancel());
            }
        }
    }
}

impl Names {
    fn is_under_way(&self, name: &str, lookup: u64) -> bool {
        self.lookups.get(name).is_some_and(|waiting| waiting.lookup == lookup)
    }

    /// Keeps what can be cancelled, or gives it back if the lookup was given up.
    fn keep(&mut self, name: &str, lookup: u64, operation: Deferred<()>) -> Option<Deferred<()>> {
        match self.lookups.get_mut(name) {
            Some(waiting) if waiting.lookup == lookup => waiting.operation.replace(operation),
            _ => Some(operation),
        }
    }
}

fn without_duplicates(name: &str, mut addresses: Vec<IpAddr>) -> Resolved {
    let mut seen = HashSet::new();
    addresses.retain(|address| seen.insert(*address));
    if addresses.is_empty() { Err(ResolveError::NotFound { name: name.to_owned() }) } else { Ok(addresses) }
}
