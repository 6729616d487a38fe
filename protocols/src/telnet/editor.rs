//! Editing a line, for peers that send each character as it is typed.

/// The longest line that can be edited, in bytes. As many as terminals on UNIX take.
pub(super) const LINE_MAX: usize = 4096;

const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;
const CONTROL_C: u8 = 3;
const CONTROL_D: u8 = 4;
const CONTROL_U: u8 = 21;
const BELL: u8 = 7;

/// How much of what is typed is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Echo {
    /// Nothing: the peer shows it itself.
    Nothing,
    /// The ends of lines, such as that of a password.
    LineEnds,
    /// Everything.
    Everything,
}

/// What a key has done.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Key {
    /// Changed the line, or nothing.
    Edited,
    /// Asked for an interrupt.
    Interrupt,
    /// Ended the input, on an empty line.
    End,
}

/// The line that is being typed.
#[derive(Default, Debug)]
pub(super) struct Editor {
    line: Vec<u8>,
}

impl Editor {
    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// A key was pressed, but for Enter. What is to be shown is appended to `shown`.
    pub(super) fn press(&mut self, byte: u8, echo: Echo, shown: &mut Vec<u8>) -> Key {
        match byte {
            BACKSPACE | DELETE => self.erase_character(echo, shown),
            CONTROL_U => self.erase_line(echo, shown),
            CONTROL_C => {
                show(echo, byte, shown);
                self.interrupt(echo, shown);
                return Key::Interrupt;
            }
            CONTROL_D if self.line.is_empty() => return Key::End,
            CONTROL_D => {}
            _ if self.line.len() == LINE_MAX => {
                if echo == Echo::Everything {
                    shown.push(BELL);
                }
            }
            byte => {
                self.line.push(byte);
                show(echo, byte, shown);
            }
        }
        Key::Edited
    }

    /// Enter was pressed: the line is done.
    pub(super) fn enter(&mut self, echo: Echo, shown: &mut Vec<u8>) -> Vec<u8> {
        show_line_end(echo, shown);
        self.take()
    }

    /// The line as far as it was typed.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.line)
    }

    /// The line is not wanted any more.
    pub(super) fn interrupt(&mut self, echo: Echo, shown: &mut Vec<u8>) {
        self.line.clear();
        show_line_end(echo, shown);
    }

    pub(super) fn erase_line(&mut self, echo: Echo, shown: &mut Vec<u8>) {
        while !self.line.is_empty() {
            self.erase_character(echo, shown);
        }
    }

    /// Erases one character of UTF-8.
    pub(super) fn erase_character(&mut self, echo: Echo, shown: &mut Vec<u8>) {
        while let Some(byte) = self.line.pop() {
            if is_continuation(byte) && !self.line.is_empty() {
                continue;
            }
            if echo == Echo::Everything {
                let places = if is_shown_as_two(byte) { 2 } else { 1 };
                shown.extend_from_slice(&b"\x08 \x08".repeat(places));
            }
            return;
        }
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

fn is_shown_as_two(byte: u8) -> bool {
    byte < b' ' && byte != b'\t'
}

fn show(echo: Echo, byte: u8, shown: &mut Vec<u8>) {
    match byte {
        _ if echo != Echo::Everything => {}
        // A terminal would move by as many places as it likes, and then nobody knows how many to erase.
        b'\t' => shown.push(b' '),
        byte if is_shown_as_two(byte) => shown.extend_from_slice(&[b'^', byte ^ 0x40]),
        byte => shown.push(byte),
    }
}

fn show_line_end(echo: Echo, shown: &mut Vec<u8>) {
    if echo != Echo::Nothing {
        shown.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8], echo: Echo) -> (Vec<u8>, Vec<u8>) {
        let (mut editor, mut shown) = (Editor::default(), Vec::new());
        for key in keys {
            assert_eq!(editor.press(*key, echo, &mut shown), Key::Edited);
        }
        (editor.enter(echo, &mut shown), shown)
    }

    #[test]
    fn what_is_typed_is_shown() {
        assert_eq!(typed(b"a\tb c", Echo::Everything), (b"a\tb c".to_vec(), b"a b c\r\n".to_vec()));
        assert_eq!(typed(b"a\x1bb", Echo::Everything), (b"a\x1bb".to_vec(), b"a^[b\r\n".to_vec()));
    }

    #[test]
    fn both_keys_erase_a_whole_character() {
        for key in [BACKSPACE, DELETE] {
            let keys = ["a\u{e9}\u{1f980}".as_bytes(), &[key, key]].concat();
            let (line, shown) = typed(&keys, Echo::Everything);
            assert_eq!(line, b"a");
            assert_eq!(shown, "a\u{e9}\u{1f980}\x08 \x08\x08 \x08\r\n".as_bytes());
        }
    }

    #[test]
    fn what_takes_two_places_is_erased_from_two() {
        assert_eq!(
            typed(b"\x01\x7f", Echo::Everything),
            (b"".to_vec(), b"^A\x08 \x08\x08 \x08\r\n".to_vec())
        );
    }

    #[test]
    fn nothing_is_erased_before_the_beginning() {
        assert_eq!(typed(b"\x7f\x15\x08", Echo::Everything), (b"".to_vec(), b"\r\n".to_vec()));
        // Bytes that are not UTF-8 are erased, too.
        assert_eq!(typed(b"\x80\x80\x7f", Echo::Everything).0, b"");
    }

    #[test]
    fn the_whole_line_is_erased() {
        assert_eq!(
            typed(b"ab\x15c", Echo::Everything),
            (b"c".to_vec(), b"ab\x08 \x08\x08 \x08c\r\n".to_vec())
        );
    }

    #[test]
    fn a_password_is_not_shown_and_neither_is_its_length() {
        assert_eq!(typed(b"pa\x01\x7fss\x15word", Echo::LineEnds), (b"word".to_vec(), b"\r\n".to_vec()));
        assert_eq!(typed(&[b'x'; LINE_MAX + 1], Echo::LineEnds).1, b"\r\n");
        assert_eq!(typed(b"word", Echo::Nothing), (b"word".to_vec(), b"".to_vec()));
    }

    #[test]
    fn a_line_has_an_end() {
        let (line, shown) = typed(&[b'x'; LINE_MAX + 2], Echo::Everything);
        assert_eq!(line.len(), LINE_MAX);
        assert_eq!(shown.len(), LINE_MAX + b"\x07\x07\r\n".len());
    }

    #[test]
    fn an_interrupt_throws_the_line_away() {
        let (mut editor, mut shown) = (Editor::default(), Vec::new());
        editor.press(b'a', Echo::Everything, &mut shown);
        assert_eq!(editor.press(CONTROL_C, Echo::Everything, &mut shown), Key::Interrupt);
        assert!(editor.is_empty());
        assert_eq!(shown, b"a^C\r\n");
    }

    #[test]
    fn the_input_ends_on_an_empty_line_only() {
        let (mut editor, mut shown) = (Editor::default(), Vec::new());
        editor.press(b'a', Echo::Everything, &mut shown);
        assert_eq!(editor.press(CONTROL_D, Echo::Everything, &mut shown), Key::Edited);
        assert_eq!(editor.take(), b"a");
        assert_eq!(editor.press(CONTROL_D, Echo::Everything, &mut shown), Key::End);
        assert_eq!(shown, b"a");
    }
}
