//! However the input is cut, what a byte stream is asked for is what a model that sees all of the input gives.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use ropewalk::testing::{Events, Memory};
use ropewalk::{ByteStream, StreamError, TcpClientEndpoint, connect_stream};
use ropewalk_fuzz::{Choices, cuts};

/// How often a stream is asked.
const QUESTIONS: usize = 4;

#[derive(Clone, Copy)]
enum Question {
    Line,
    Exactly(usize),
    Until(&'static [u8], usize),
    ToEnd(usize),
}

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let questions = [(); QUESTIONS].map(|()| question(&mut choices));
    let size = choices.byte();
    let input = choices.rest();
    let mut rest = input;
    let expected = questions.map(|question| format!("{:?}", model(&mut rest, question)));
    for parts in cuts(input, size) {
        assert_eq!(ask(&parts, questions), expected);
    }
});

fn question(choices: &mut Choices<'_>) -> Question {
    match choices.below(4) {
        0 => Question::Line,
        1 => Question::Exactly(choices.byte().into()),
        2 => Question::Until(choices.one_of(&[b"aab", b"\r\n", b";"]), choices.byte().into()),
        _ => Question::ToEnd(choices.byte().into()),
    }
}

/// What comes of the questions to a stream that gets the parts of an input.
fn ask(parts: &[&[u8]], questions: [Question; QUESTIONS]) -> Vec<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let peer = memory.expect_connect(address);
    peer.accept();
    let (handle, events) = (reactor.handle(), Events::new());
    let answers = events.clone();
    let client = async move {
        let connected = connect_stream(&handle, &TcpClientEndpoint::from(address)).await;
        let mut stream = connected.expect("the peer accepts");
        for question in questions {
            answers.record(format_args!("{:?}", answer(&mut stream, question).await));
        }
    };
    reactor.spawn(client).detach();
    memory.settle(&mut reactor);
    for part in parts {
        peer.send(part);
        memory.settle(&mut reactor);
    }
    peer.finish();
    memory.settle(&mut reactor);
    events.take()
}

async fn answer(stream: &mut ByteStream, question: Question) -> Result<Option<Vec<u8>>, StreamError> {
    match question {
        Question::Line => stream.read_line().await,
        Question::Exactly(length) => stream.read_exact(length).await.map(Some),
        Question::Until(delimiter, limit) => stream.read_until(delimiter, limit).await,
        Question::ToEnd(limit) => stream.read_to_end(limit).await.map(Some),
    }
}

/// The answer to a question if `rest` is all that is left.
fn model(rest: &mut &[u8], question: Question) -> Result<Option<Vec<u8>>, StreamError> {
    match question {
        Question::Line => {
            let line = until(rest, b"\n", 16_384)?;
            Ok(line.map(|line| line.strip_suffix(b"\r").map(<[u8]>::to_vec).unwrap_or(line)))
        }
        Question::Exactly(length) if length <= rest.len() => Ok(Some(take(rest, length))),
        Question::Exactly(_) => Err(StreamError::Ended),
        Question::Until(delimiter, limit) => until(rest, delimiter, limit),
        Question::ToEnd(limit) if rest.len() > limit => Err(StreamError::TooLong { limit }),
        Question::ToEnd(_) => Ok(Some(std::mem::take(rest).to_vec())),
    }
}

fn until(rest: &mut &[u8], delimiter: &[u8], limit: usize) -> Result<Option<Vec<u8>>, StreamError> {
    match rest.windows(delimiter.len()).position(|window| window == delimiter) {
        Some(length) if length <= limit => {
            let found = take(rest, length);
            take(rest, delimiter.len());
            Ok(Some(found))
        }
        None if rest.is_empty() => Ok(None),
        None if rest.len() < limit + delimiter.len() => Err(StreamError::Ended),
        _ => Err(StreamError::TooLong { limit }),
    }
}

fn take(rest: &mut &[u8], length: usize) -> Vec<u8> {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken.to_vec()
}
