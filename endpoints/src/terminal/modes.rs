//! Terminals of UNIX.

use std::io::{self, Stdin};
use std::os::fd::AsFd;

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

/// The modes of a terminal, which are put back in the end.
pub(super) struct Modes<F: AsFd = Stdin> {
    terminal: F,
    before: Termios,
    changed: bool,
}

impl Modes {
    pub(super) fn of_stdin() -> Option<Self> {
        Self::of(io::stdin())
    }
}

impl<F: AsFd> Modes<F> {
    fn of(terminal: F) -> Option<Self> {
        let before = tcgetattr(&terminal).ok()?;
        Some(Self { terminal, before, changed: false })
    }

    /// Changes what is wanted, and leaves or puts back all else.
    pub(super) fn set(&mut self, hides_input: bool, gives_keys: bool) -> io::Result<()> {
        if !self.changed && !hides_input && !gives_keys {
            return Ok(());
        }
        let mut modes = self.before.clone();
        if hides_input {
            modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        }
        if gives_keys {
            modes.local_modes.remove(LocalModes::ICANON);
            // A read waits for one key, and no longer.
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        }
        tcsetattr(&self.terminal, OptionalActions::Now, &modes)?;
        self.changed = hides_input || gives_keys;
        Ok(())
    }
}

impl<F: AsFd> Drop for Modes<F> {
    fn drop(&mut self) {
        // Nobody is left to hear that the terminal is gone.
        let _ = self.set(false, false);
    }
}

pub(super) fn window_size() -> Option<(u16, u16)> {
    window_size_of(io::stdout()).or_else(|| window_size_of(io::stdin()))
}

fn window_size_of(terminal: impl AsFd) -> Option<(u16, u16)> {
    let size = tcgetwinsize(terminal).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use rustix::fs::{Mode, OFlags, open};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{Winsize, tcsetwinsize};

    use super::*;

    /// A keyboard with its screen, and the terminal that the program has.
    fn pseudo_terminal() -> (File, File) {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let terminal = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        (keyboard.into(), terminal.into())
    }

    /// What there is to be read.
    #[track_caller]
    fn read(file: &File) -> String {
        let (sender, receiver) = channel();
        let mut file = file.try_clone().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 100];
            let count = file.read(&mut buffer).unwrap();
            let _ = sender.send(String::from_utf8_lossy(&buffer[..count]).into_owned());
        });
        receiver.recv_timeout(Duration::from_secs(30)).expect("nothing comes")
    }

    /// What the screen shows when a line is typed and the program then says `done`.
    fn shown_of_a_line(mut keyboard: &File, mut terminal: &File) -> String {
        keyboard.write_all(b"hemp\n").unwrap();
        assert_eq!(read(terminal), "hemp\n");
        terminal.write_all(b"done").unwrap();
        let mut shown = String::new();
        while !shown.ends_with("done") {
            shown += &read(keyboard);
        }
        shown
    }

    fn local_modes(terminal: &File) -> LocalModes {
        tcgetattr(terminal).unwrap().local_modes
    }

    #[test]
    fn what_is_typed_is_hidden_and_shown_again() {
        let (keyboard, terminal) = pseudo_terminal();
        let mut modes = Modes::of(&terminal).unwrap();
        assert_eq!(shown_of_a_line(&keyboard, &terminal), "hemp\r\ndone");
        modes.set(true, false).unwrap();
        assert_eq!(shown_of_a_line(&keyboard, &terminal), "done");
        modes.set(false, false).unwrap();
        assert_eq!(shown_of_a_line(&keyboard, &terminal), "hemp\r\ndone");
    }

    #[test]
    fn keys_come_as_they_are_typed_and_lines_again() {
        let (mut keyboard, terminal) = pseudo_terminal();
        let mut modes = Modes::of(&terminal).unwrap();
        modes.set(true, true).unwrap();
        keyboard.write_all(b"k").unwrap();
        assert_eq!(read(&terminal), "k");
        modes.set(false, false).unwrap();
        // The terminal edits: a character is erased before the program sees it.
        keyboard.write_all(b"ab\x7fc\n").unwrap();
        assert_eq!(read(&terminal), "ac\n");
    }

    #[test]
    fn the_terminal_is_put_back_and_left_alone_if_nothing_was_changed() {
        let (_keyboard, terminal) = pseudo_terminal();
        let before = local_modes(&terminal);
        let mut modes = Modes::of(&terminal).unwrap();
        modes.set(true, true).unwrap();
        assert_eq!(before - local_modes(&terminal), LocalModes::ECHO | LocalModes::ICANON);
        drop(modes);
        assert_eq!(local_modes(&terminal), before);

        let mut unused = Modes::of(&terminal).unwrap();
        unused.set(false, false).unwrap();
        let mut others = Modes::of(&terminal).unwrap();
        others.set(true, false).unwrap();
        drop(unused);
        assert_eq!(before - local_modes(&terminal), LocalModes::ECHO);
    }

    #[test]
    fn a_file_is_no_terminal() {
        let file = tempfile::tempfile().unwrap();
        assert!(Modes::of(&file).is_none());
        assert_eq!(window_size_of(&file), None);
    }

    #[test]
    fn a_window_has_its_size_once_that_is_known() {
        let (_keyboard, terminal) = pseudo_terminal();
        assert_eq!(window_size_of(&terminal), None);
        tcsetwinsize(&terminal, Winsize { ws_row: 50, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        assert_eq!(window_size_of(&terminal), Some((100, 50)));
    }
}
