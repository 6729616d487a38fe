//! Commands without parameters.

use crate::stage::{CHARACTER_MODE, CHARACTER_MODE_GRANTED, IAC, bytes, check, check_bytes};

const NOTHING: u8 = 241;
const DATA_MARK: u8 = 242;
const BREAK: u8 = 243;
const INTERRUPT: u8 = 244;
const ABORT_OUTPUT: u8 = 245;
const ARE_YOU_THERE: u8 = 246;
const ERASE_CHARACTER: u8 = 247;
const ERASE_LINE: u8 = 248;
const GO_AHEAD: u8 = 249;
const END_OF_FILE: u8 = 236;
const SUSPEND: u8 = 237;
const ABORT: u8 = 238;

#[test]
fn data_before_a_command_is_delivered_before_the_command() {
    let outcome = check_bytes(bytes(&[b"ab", &[IAC, INTERRUPT], b"c", &[IAC, BREAK, IAC, ABORT], b"d"]));
    assert_eq!(outcome.events, ["data ab", "Interrupt", "data c", "Break", "Break", "data d"]);
    assert_eq!(outcome.written, b"abcd");
}

#[test]
fn each_command_of_a_person_is_told() {
    let commands = [ABORT_OUTPUT, ERASE_CHARACTER, ERASE_LINE, INTERRUPT];
    let outcome = check_bytes(commands.map(|command| [IAC, command]).concat());
    assert_eq!(outcome.events, ["AbortOutput", "EraseCharacter", "EraseLine", "Interrupt"]);
}

#[test]
fn what_means_nothing_here_changes_nothing() {
    // The last ones are not defined, and one ends what has not begun.
    let commands = [NOTHING, DATA_MARK, GO_AHEAD, SUSPEND, 239, 0, 240];
    let input = commands.map(|command| [b'x', IAC, command]).concat();
    let outcome = check_bytes(input);
    assert_eq!(outcome.events, ["data xxxxxxx"]);
    assert_eq!(outcome.written, b"xxxxxxx");
}

#[test]
fn are_you_there_is_answered_in_its_place() {
    let outcome = check(bytes(&[b"one\r\n", &[IAC, ARE_YOU_THERE], b"tw", &[IAC, ARE_YOU_THERE], b"o\r\n"]));
    assert_eq!(outcome.events, ["line one", "line two", "eof "]);
    assert_eq!(outcome.written, b"[one]\r\n[Yes]\r\n[Yes]\r\n[two]\r\n");
}

#[test]
fn an_end_of_file_ends_the_input() {
    let outcome = check(bytes(&[b"one\r\ntw", &[IAC, END_OF_FILE], b"o\r\n"]));
    assert_eq!(outcome.events, ["line one", "eof tw"]);
    assert_eq!(outcome.connection, "the connection was closed cleanly");
}

#[test]
fn an_end_of_file_within_an_edited_line_ends_nothing() {
    let outcome =
        check(bytes(&[CHARACTER_MODE, b"a", &[IAC, END_OF_FILE], b"b\r\0", &[IAC, END_OF_FILE], b"c\r\0"]));
    assert_eq!(outcome.events[2..], ["line ab", "eof "]);
}

#[test]
fn where_the_line_is_edited_here_commands_edit_it() {
    let (erase, erase_all) = ([IAC, ERASE_CHARACTER], [IAC, ERASE_LINE]);
    let outcome = check(bytes(&[CHARACTER_MODE, b"ab", &erase, b"c\r\0xy", &erase_all, b"z\r\0"]));
    assert_eq!(outcome.events[2..], ["line ac", "line z", "eof "]);
    let shown = b"ab\x08 \x08c\r\n[ac]\r\nxy\x08 \x08\x08 \x08z\r\n[z]\r\n";
    assert_eq!(outcome.written, bytes(&[CHARACTER_MODE_GRANTED, shown]));
}

#[test]
fn an_interrupt_throws_away_what_is_edited_here() {
    let outcome = check(bytes(&[CHARACTER_MODE, b"ab", &[IAC, INTERRUPT], b"c\r\0"]));
    assert_eq!(outcome.events[2..], ["Interrupt", "line c", "eof "]);
    assert_eq!(outcome.written, bytes(&[CHARACTER_MODE_GRANTED, b"ab\r\ninterrupted\r\nc\r\n[c]\r\n"]));
}
