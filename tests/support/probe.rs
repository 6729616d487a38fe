//! A protocol that notes everything it hears, and does what a test tells it to.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::{Factory, Protocol, Reason, Result, Transport, for_protocol};

/// One thing that a protocol heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    Made,
    Data(Vec<u8>),
    EndOfInput,
    WritingPaused,
    WritingResumed,
    ReadingResumed,
    /// An event that was a string.
    Posted(String),
    /// The reason as text.
    Lost(String),
}

/// What all protocols that share this log heard, in order.
#[derive(Clone, Default)]
pub(crate) struct Log {
    events: Rc<RefCell<Vec<Event>>>,
    transports: Rc<RefCell<Vec<Transport>>>,
}

impl Log {
    pub(crate) fn push(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    pub(crate) fn has(&self, event: &Event) -> bool {
        self.events.borrow().contains(event)
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.borrow().iter().filter(|event| wanted(event)).count()
    }

    /// All data, joined.
    pub(crate) fn data(&self) -> Vec<u8> {
        let events = self.events.borrow();
        let pieces = events.iter().filter_map(|event| match event {
            Event::Data(data) => Some(data.as_slice()),
            _ => None,
        });
        pieces.collect::<Vec<_>>().concat()
    }

    /// How many bytes came.
    pub(crate) fn received(&self) -> usize {
        self.events
            .borrow()
            .iter()
            .map(|event| if let Event::Data(data) = event { data.len() } else { 0 })
            .sum()
    }

    /// Why the connection was lost, if one was.
    pub(crate) fn lost(&self) -> Option<String> {
        self.events.borrow().iter().find_map(|event| match event {
            Event::Lost(reason) => Some(reason.clone()),
            _ => None,
        })
    }

    pub(crate) fn losses(&self) -> usize {
        self.count(|event| matches!(event, Event::Lost(_)))
    }

    /// The transport of the connection made last.
    #[track_caller]
    pub(crate) fn transport(&self) -> Transport {
        self.transports.borrow().last().expect("a connection was made").clone()
    }

    pub(crate) fn transports(&self) -> Vec<Transport> {
        self.transports.borrow().clone()
    }

    /// What was heard except data, in one word each: for asserting the order of callbacks.
    pub(crate) fn callbacks(&self) -> Vec<Event> {
        self.events().into_iter().filter(|event| !matches!(event, Event::Data(_))).collect()
    }
}

type Hook = Rc<dyn Fn(&Transport)>;
type DataHook = Rc<dyn Fn(&Transport, &[u8]) -> Result>;

/// The protocol. Without hooks it only notes; at the end of input it closes, as a protocol does by default.
#[derive(Clone)]
pub(crate) struct Probe {
    log: Log,
    made: Hook,
    data: DataHook,
    end_of_input: Rc<dyn Fn(&Transport) -> Result>,
    writing_paused: Hook,
    writing_resumed: Hook,
    lost: Hook,
}

impl Probe {
    pub(crate) fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            made: Rc::new(|_| ()),
            data: Rc::new(|_, _| Ok(())),
            end_of_input: Rc::new(|transport| {
                transport.lose_connection();
                Ok(())
            }),
            writing_paused: Rc::new(|_| ()),
            writing_resumed: Rc::new(|_| ()),
            lost: Rc::new(|_| ()),
        }
    }

    /// One that writes back what it hears.
    pub(crate) fn echo(log: &Log) -> Self {
        Self::new(log).on_data(|transport, data| {
            transport.write(data);
            Ok(())
        })
    }

    pub(crate) fn on_made(mut self, hook: impl Fn(&Transport) + 'static) -> Self {
        self.made = Rc::new(hook);
        self
    }

    pub(crate) fn on_data(mut self, hook: impl Fn(&Transport, &[u8]) -> Result + 'static) -> Self {
        self.data = Rc::new(hook);
        self
    }

    pub(crate) fn on_end_of_input(mut self, hook: impl Fn(&Transport) + 'static) -> Self {
        self.end_of_input = Rc::new(move |transport| {
            hook(transport);
            Ok(())
        });
        self
    }

    pub(crate) fn failing_at_end_of_input(mut self, error: &'static str) -> Self {
        self.end_of_input = Rc::new(move |_| Err(error.into()));
        self
    }

    pub(crate) fn on_writing_paused(mut self, hook: impl Fn(&Transport) + 'static) -> Self {
        self.writing_paused = Rc::new(hook);
        self
    }

    pub(crate) fn on_writing_resumed(mut self, hook: impl Fn(&Transport) + 'static) -> Self {
        self.writing_resumed = Rc::new(hook);
        self
    }

    pub(crate) fn on_lost(mut self, hook: impl Fn(&Transport) + 'static) -> Self {
        self.lost = Rc::new(hook);
        self
    }

    /// A factory of protocols like this one, which share its log.
    pub(crate) fn factory(self) -> impl Factory {
        for_protocol(move || self.clone())
    }
}

impl Protocol for Probe {
    fn connection_made(&mut self, transport: &Transport) {
        self.log.transports.borrow_mut().push(transport.clone());
        self.log.push(Event::Made);
        (self.made)(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.log.push(Event::Data(data.to_vec()));
        (self.data)(transport, data)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.log.push(Event::EndOfInput);
        (self.end_of_input)(transport)
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.log.push(Event::WritingPaused);
        (self.writing_paused)(transport);
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.log.push(Event::WritingResumed);
        (self.writing_resumed)(transport);
    }

    fn reading_resumed(&mut self, _transport: &Transport) -> Result {
        self.log.push(Event::ReadingResumed);
        Ok(())
    }

    fn event_received(&mut self, _transport: &Transport, event: Box<dyn Any>) {
        let text = event.downcast::<String>().map_or_else(|_| "not a string".to_owned(), |text| *text);
        self.log.push(Event::Posted(text));
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.log.push(Event::Lost(reason.to_string()));
        (self.lost)(transport);
    }
}
