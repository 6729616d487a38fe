//! The page, before a person's eyes.

use ropewalk_interop::Browser;

const ENTER: &str = "\u{e007}";

/// A browser that shows the page.
pub(crate) struct Page(pub(crate) Browser);

impl Page {
    #[track_caller]
    pub(crate) fn open(url: &str) -> Self {
        let mut browser = Browser::start();
        browser.open(url);
        Self(browser)
    }

    /// One who has entered the room under a name.
    #[track_caller]
    pub(crate) fn enter(url: &str, name: &str) -> Self {
        let mut page = Self::open(url);
        page.types_name(name);
        page.is_in_the_room();
        page
    }

    #[track_caller]
    pub(crate) fn types_name(&mut self, name: &str) {
        self.0.wait_until("!document.querySelector('#enter').hidden");
        self.0.type_into("#name", &format!("{name}{ENTER}"));
    }

    #[track_caller]
    pub(crate) fn is_in_the_room(&mut self) {
        self.0.wait_until(
            "document.querySelector('#enter').hidden && !document.querySelector('#send').disabled",
        );
        self.0.wait_until("document.querySelector('#status').textContent === 'connected'");
    }

    /// Types without touching anything: where the keys go is up to the page.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) {
        self.0.type_into(":focus", &format!("{text}{ENTER}"));
        let mine = ".message.mine bdi:last-child";
        self.0
            .wait_until(&format!("[...document.querySelectorAll({mine:?})].pop()?.textContent === {text:?}"));
    }

    /// The log has a message, which reads exactly so.
    #[track_caller]
    pub(crate) fn sees_message(&mut self, name: &str, text: &str) {
        let message = format!(
            "({{ children: [who, said] }}) => who.textContent === {name:?} && said.textContent === {text:?}"
        );
        self.0.wait_until(&format!("[...document.querySelectorAll('.message')].some({message})"));
    }

    /// The log has a line that nobody has said.
    #[track_caller]
    pub(crate) fn sees_notice(&mut self, text: &str) {
        let notices = "[...document.querySelectorAll('.notice')]";
        self.0.wait_until(&format!("{notices}.some((line) => line.textContent === {text:?})"));
    }

    /// Exactly these names are in the list of those who are there.
    #[track_caller]
    pub(crate) fn shows_people(&mut self, names: &[&str]) {
        let shown = "[...document.querySelectorAll('#people bdi')].map((name) => name.textContent)";
        self.0.wait_until(&format!("JSON.stringify({shown}) === JSON.stringify({names:?})"));
    }

    /// What a piece of the page is wider than it shows, in CSS pixels.
    #[track_caller]
    pub(crate) fn overflow(&mut self, selector: &str) -> i32 {
        let element = format!("document.querySelector({selector:?})");
        self.0.run(&format!("return {element}.scrollWidth - {element}.clientWidth")).parse().unwrap()
    }
}
