//! Two ends of tinyproto that both transmit of their own accord hear everything once and in order.

use std::io::Cursor;
use std::net::SocketAddr;

use ropewalk::simulation::{Simulation, simulate};
use ropewalk::testing::Dice;
use ropewalk::{
    Delivery, ReactorHandle, Reason, Result, TcpClientEndpoint, TinyMessages, TinyProtocol, TinyReceiver,
    TinyTask, Transmit, Transport, connect_tiny, for_protocol,
};

use super::{End, MILLISECOND, PORT, SECOND, Trouble, await_connection, connect, hosts};

/// Has messages of more bytes than this delivered in pieces.
const WHOLE_MAX: u32 = 1_000;

/// Hears messages, and now and then says something to one.
struct Talker {
    end: End,
    said: End,
    dice: Dice,
    /// What has come of a message that comes in pieces.
    pieces: Vec<u8>,
}

impl TinyProtocol for Talker {
    fn connection_made(&mut self, transport: &Transport) {
        self.end.made(transport);
        self.said.made(transport);
    }

    fn message_begun(&mut self, _: &Transport, size: u32) -> Delivery {
        if size > WHOLE_MAX { Delivery::Pieces } else { Delivery::Whole }
    }

    fn piece_received(&mut self, _: &Transport, piece: &[u8]) -> Result {
        self.pieces.extend_from_slice(piece);
        Ok(())
    }

    fn message_ended(&mut self, transport: &Transport) -> Result {
        let message = std::mem::take(&mut self.pieces);
        self.message_received(transport, &message)
    }

    fn message_received(&mut self, _: &Transport, message: &[u8]) -> Result {
        self.end.hear(message);
        if self.dice.chance(0.2) {
            say(&self.said, &self.dice);
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.end.end(reason);
    }
}

/// Transmits a message, and notes it.
fn say(said: &End, dice: &Dice) {
    if let Some(transport) = said.transport() {
        let message = dice.bytes(*dice.pick(&[0, 10, 300, 5_000, 100_000]));
        said.hear(&message);
        if dice.chance(0.3) {
            let size = message.len() as u32;
            transport.transmit_from(Cursor::new(message), size).then(|_| ());
        } else {
            transport.transmit(message);
        }
    }
}

/// What one end has heard, and what it has said.
#[derive(Clone, Default)]
struct Talk {
    heard: End,
    said: End,
}

impl Talk {
    fn talker(&self, seed: u64) -> Talker {
        Talker { end: self.heard.clone(), said: self.said.clone(), dice: Dice::new(seed), pieces: Vec::new() }
    }
}

fn talk(simulation: &mut Simulation) -> (Talk, Talk, Trouble) {
    // Some of these networks are slower than anybody waits for.
    let patience = 100_000 * SECOND;
    let (server, client) = (Talk::default(), Talk::default());
    let seed = simulation.dice().number();
    let talk = server.clone();
    let pair = hosts(simulation, move || {
        let talk = talk.clone();
        let receiver = move || TinyReceiver::server(talk.talker(seed)).collision_timeout(patience);
        Box::new(for_protocol(receiver))
    });
    let talk = client.clone();
    let receiver = move || TinyReceiver::client(talk.talker(seed + 1)).collision_timeout(patience);
    connect(simulation, &pair, receiver);
    let (dice, trouble) = (simulation.dice(), Trouble::any(&simulation.dice()));
    let rounds = 1 + dice.roll(20);
    let troubled = dice.roll(rounds);
    for round in 0..rounds {
        if round == troubled {
            trouble.befalls(simulation, &pair, (&server.heard, &client.heard));
        }
        for _ in 0..dice.roll(8) {
            say(&client.said, &dice);
            say(&server.said, &dice);
        }
        simulation.run_for(MILLISECOND * dice.roll(200) as u32);
    }
    await_connection(simulation, &client.heard);
    simulation.run_for(20_000 * SECOND);
    if let Some(transport) = client.heard.transport() {
        transport.close_after_transmission();
    }
    simulation.run_for(10_000 * SECOND);
    (server, client, trouble)
}

#[test]
fn both_ends_talk_all_the_time_and_everything_arrives_once_and_in_order() {
    simulate(150, |simulation| {
        let (server, client, trouble) = talk(simulation);
        for (hears, says) in [(&server, &client), (&client, &server)] {
            let (heard, said) = (hears.heard.messages(), says.said.messages());
            assert!(said.starts_with(&heard), "{trouble:?}");
            let both_clean = server.heard.ended_cleanly() && client.heard.ended_cleanly();
            if both_clean || (trouble == Trouble::None && client.heard.transport().is_some()) {
                assert!(both_clean, "{:?} and {:?}", server.heard.lost(), client.heard.lost());
                assert_eq!(heard.len(), said.len(), "{trouble:?}");
            }
        }
    });
}

/// A server that asks a question until it gets no more answers, written in a line.
async fn ask(messages: TinyMessages, end: End) -> Result {
    for number in 0.. {
        messages.send(format!("question {number}")).await?;
        let Some(answer) = messages.receive().await? else { break };
        end.hear(&answer);
    }
    Ok(())
}

/// A client that answers so many questions and then leaves.
async fn answer(
    reactor: ReactorHandle,
    endpoint: TcpClientEndpoint,
    questions: u64,
    end: End,
    pause: u32,
) -> Result {
    let messages = connect_tiny(&reactor, &endpoint, |receiver| receiver).await?;
    end.made(messages.transport());
    for number in 0..questions {
        let Some(question) = messages.receive().await? else { return Err("the server has left".into()) };
        assert_eq!(String::from_utf8(question)?, format!("question {number}"));
        reactor.sleep(MILLISECOND * pause).await;
        messages.send(format!("answer {number}")).await?;
        end.hear(format!("answer {number}").as_bytes());
    }
    Ok(())
}

#[test]
fn conversations_that_are_written_in_a_line_go_step_by_step() {
    simulate(100, |simulation| {
        let dice = simulation.dice();
        let (server, client) = (End::default(), End::default());
        let end = server.clone();
        let pair = hosts(simulation, move || {
            let end = end.clone();
            Box::new(for_protocol(move || {
                let end = end.clone();
                TinyReceiver::server(TinyTask::new(move |messages| ask(messages, end)))
            }))
        });
        let (end, questions, pause) = (client.clone(), dice.roll(30), dice.roll(50) as u32);
        let endpoint = TcpClientEndpoint::from(SocketAddr::from((pair.0.address(), PORT)));
        let reactor = simulation.reactor(&pair.1);
        reactor.spawn(answer(reactor.clone(), endpoint, questions, end, pause)).detach();
        simulation.run_for(MILLISECOND * dice.roll(5_000) as u32);
        let trouble = Trouble::any(&dice);
        trouble.befalls(simulation, &pair, (&server, &client));
        simulation.run_for(20_000 * SECOND);
        let (heard, said) = (server.messages(), client.messages());
        let expected: Vec<_> = (0..questions).map(|number| format!("answer {number}").into_bytes()).collect();
        assert!(expected.starts_with(&heard) && expected.starts_with(&said), "{trouble:?}");
        if trouble == Trouble::None && client.transport().is_some() {
            assert_eq!((heard.len(), said.len()), (expected.len(), expected.len()));
            assert_eq!(simulation.reactor_stats(&pair.0).connections, 0, "the end of the code closes it");
        }
    });
}
