//! What one end compresses, however, the other inflates; whatever is inflated, the same comes of it however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::testing::Probe;
use ropewalk::{DeflateOptions, EncodedMessage, MessageKind, WebSocket};
use ropewalk_fuzz::websocket::{Manners, converse, receiver};
use ropewalk_fuzz::{Choices, bounded, cuts};

/// What an end and its compression hold at most, in bytes of heap, beside what is recorded here.
const HEAP_MAX: usize = 1024 * 1024;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let options = DeflateOptions::new().context_takeover(choices.yes()).threshold(choices.below(20));
    if choices.yes() {
        compress(choices, options);
    } else {
        inflate(choices, options);
    }
});

/// A server sends messages in all ways there are, and a client hears them.
fn compress(mut choices: Choices<'_>, options: DeflateOptions) {
    let options = options.level(choices.below(10) as u32);
    let manners = Manners {
        is_client: true,
        deflate: Some(options),
        in_pieces: choices.yes(),
        pauses: false,
        limit: 100_000,
    };
    let (client, heard) = receiver(manners);
    let mut client = Probe::new(client);
    let asked = client.written();
    let (server, _) = receiver(Manners { is_client: false, ..manners });
    let mut server = Probe::new(server);
    server.deliver(&asked);
    client.deliver(server.written());
    let mut sent = Vec::new();
    while !choices.are_over() {
        let way = choices.below(3);
        let mut parts = vec![choices.bytes().repeat(1 + choices.below(200))];
        if way == 2 {
            parts.push(choices.bytes().to_vec());
            parts.push(choices.bytes().to_vec());
        }
        sent.push((MessageKind::Binary, parts.concat()));
        act(&mut server, move |socket| send(socket, way, &parts));
        client.deliver(server.written());
    }
    assert_eq!(heard.borrow().messages, sent);
    assert_eq!(heard.borrow().ended, sent.len());
}

fn send(socket: &WebSocket, way: usize, parts: &[Vec<u8>]) {
    match (way, parts) {
        (0, [message]) => socket.send(message),
        (1, [message]) => socket.send_encoded(&EncodedMessage::new(message)),
        (_, [first, middle, last]) => {
            let mut message = socket.begin(MessageKind::Binary).expect("no other was begun");
            message.send(first);
            message.send(middle);
            message.finish(last);
        }
        _ => unreachable!("only the third way has three parts"),
    }
}

/// Has a protocol's side do something with its WebSocket.
fn act(probe: &mut Probe, act: impl FnOnce(&WebSocket) + 'static) {
    let act: Box<dyn FnOnce(&WebSocket)> = Box::new(act);
    probe.transport().post(act);
    probe.settle();
}

/// A client hears one message, in two frames, and another one.
fn inflate(mut choices: Choices<'_>, options: DeflateOptions) {
    let (in_pieces, pauses) = (choices.yes(), choices.yes());
    let manners = Manners { is_client: true, deflate: Some(options), in_pieces, pauses, limit: 10_000 };
    let (size, first) = (choices.byte(), choices.bytes());
    let rest = choices.rest();
    let frames = [frame(0x42, first), frame(0x80, rest), frame(0xc2, first)].concat();
    let [whole, others @ ..] = cuts(&frames, size).map(|parts| {
        let recorded = if in_pieces { 4_000 * frames.len() } else { 20_000 + 20 * frames.len() };
        bounded(HEAP_MAX + recorded, || converse(&parts, manners))
    });
    for other in others {
        assert_eq!(other, whole);
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let length = match length {
        0..126 => vec![length as u8],
        126..0x1_0000 => [&[126], &(length as u16).to_be_bytes()[..]].concat(),
        _ => [&[127], &(length as u64).to_be_bytes()[..]].concat(),
    };
    [&[first], &length[..], payload].concat()
}
