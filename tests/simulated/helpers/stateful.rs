//! A protocol of states goes from one to the next, whatever the network does.

use ropewalk::simulation::simulate;
use ropewalk::{
    NetstringReceiver, Reason, Result, SendString, Stateful, StatefulStringProtocol, StringProtocol,
    StringTransport, Transport, for_protocol,
};

use super::{End, MILLISECOND, SECOND, Trouble, connect, hosts};

/// Adds numbers up: hears how many there will be, then so many, then says the sum and begins again.
struct Adder {
    end: End,
}

enum State {
    ExpectCount,
    ExpectNumbers { left: u64, sum: u64 },
}

fn number(string: &[u8]) -> Result<u64> {
    Ok(std::str::from_utf8(string)?.parse()?)
}

impl StatefulStringProtocol for Adder {
    type State = State;

    fn connection_made(&mut self, transport: &mut StringTransport<'_>) -> State {
        self.end.made(transport);
        State::ExpectCount
    }

    fn string_received(
        &mut self,
        transport: &mut StringTransport<'_>,
        state: State,
        string: &[u8],
    ) -> Result<State> {
        let number = number(string)?;
        let (left, sum) = match state {
            State::ExpectCount => (number, 0),
            State::ExpectNumbers { left, sum } => (left - 1, sum + number),
        };
        if left > 0 {
            return Ok(State::ExpectNumbers { left, sum });
        }
        transport.send_netstring(sum.to_string());
        Ok(State::ExpectCount)
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.end.end(reason);
    }
}

struct Client {
    end: End,
}

impl StringProtocol for Client {
    fn connection_made(&mut self, transport: &mut StringTransport<'_>) {
        self.end.made(transport);
    }

    fn string_received(&mut self, _: &mut StringTransport<'_>, string: &[u8]) -> Result {
        self.end.hear(string);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.end.end(reason);
    }
}

#[test]
fn sums_are_right_and_in_order() {
    simulate(100, |simulation| {
        let (server, client) = (End::default(), End::default());
        let end = server.clone();
        let pair = hosts(simulation, move || {
            let end = end.clone();
            Box::new(for_protocol(move || NetstringReceiver::new(Stateful::new(Adder { end: end.clone() }))))
        });
        let end = client.clone();
        connect(simulation, &pair, move || NetstringReceiver::new(Client { end: end.clone() }));
        let (dice, trouble) = (simulation.dice(), Trouble::any(&simulation.dice()));
        let mut sums: Vec<Vec<u8>> = Vec::new();
        for _ in 0..1 + dice.roll(10) {
            simulation.run_for(MILLISECOND * dice.roll(500) as u32);
            let Some(transport) = client.transport() else { continue };
            let numbers: Vec<u64> = (0..dice.roll(20)).map(|_| dice.roll(1 << 40)).collect();
            transport.send_netstring(numbers.len().to_string());
            for number in &numbers {
                transport.send_netstring(number.to_string());
            }
            sums.push(numbers.iter().sum::<u64>().to_string().into_bytes());
        }
        trouble.befalls(simulation, &pair, (&server, &client));
        if let Some(transport) = client.transport() {
            transport.lose_write_connection();
        }
        simulation.run_for(10_000 * SECOND);
        assert!(sums.starts_with(&client.messages()), "{trouble:?}");
        if client.ended_cleanly() && server.ended_cleanly() {
            assert_eq!(client.messages().len(), sums.len(), "{trouble:?}");
        }
    });
}
