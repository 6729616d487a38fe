//! The chat over TCP and WebSockets, with members who are cut off, crash, leave and are slow.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;

use ropewalk::simulation::{Faults, Host, Link, Simulation, simulate};
use ropewalk::testing::Dice;
use ropewalk::{
    ClientEndpoint, ConnectOptions, ListenOptions, ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint,
    WebSocketClientConfig, WebSocketClientEndpoint, WebSocketServerConfig, WebSocketServerEndpoint,
    for_protocol,
};

use super::chat::chat;
use super::member::Member;
use super::{MILLISECOND, PORT, SECOND};

/// Where WebSockets come in.
const WEB_PORT: u16 = 8080;

/// What becomes of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Stays,
    IsSlow,
    /// For a while nothing gets through between it and the server.
    IsCutOff,
    Leaves,
    IsKilled,
    Crashes,
}

impl Fate {
    fn any(dice: &Dice) -> Self {
        let all = [Self::Stays, Self::IsSlow, Self::IsCutOff, Self::Leaves, Self::IsKilled, Self::Crashes];
        all[dice.roll(6) as usize]
    }

    /// Whether it is there to the end, and hears everything.
    const fn stays(self) -> bool {
        matches!(self, Self::Stays | Self::IsSlow | Self::IsCutOff)
    }
}

struct Person {
    name: String,
    host: Host,
    member: Member,
    fate: Fate,
    /// Comes over a WebSocket.
    has_browser: bool,
    said: Vec<String>,
    is_gone: bool,
}

impl Person {
    fn join(&self, simulation: &mut Simulation, server: &Host) -> Member {
        let (member, name, is_slow) = (Member::default(), self.name.clone(), self.fate == Fate::IsSlow);
        let ears = member.clone();
        let factory = for_protocol(move || ears.protocol(&name, is_slow));
        let reactor = simulation.reactor(&self.host);
        if self.has_browser {
            let server = TcpClientEndpoint::from(SocketAddr::from((server.address(), WEB_PORT)));
            let config = WebSocketClientConfig::new("ws://server/".parse().unwrap()).text();
            let _ = WebSocketClientEndpoint::new(server, config).connect(reactor, factory);
        } else {
            let _ = reactor.connect((server.address(), PORT), &ConnectOptions::default(), factory);
        }
        member
    }

    fn speak(&mut self) {
        let line = format!("line {} of {}", self.said.len(), self.name);
        self.member.say(&line);
        self.said.push(line);
    }

    fn meets_its_fate(&mut self, simulation: &mut Simulation, server: &Host) {
        match self.fate {
            Fate::Stays | Fate::IsSlow => return,
            Fate::IsCutOff => {
                simulation.partition(&[&self.host], &[server]);
                let (host, server) = (self.host.clone(), server.clone());
                let outage = SECOND * (1 + simulation.dice().roll(60)) as u32;
                simulation.after(outage, move |simulation| {
                    simulation.unclog(&host, &server);
                    simulation.unclog(&server, &host);
                });
                return;
            }
            Fate::Leaves => self.member.leave(),
            Fate::IsKilled => simulation.kill(&self.host),
            Fate::Crashes => simulation.crash(&self.host),
        }
        self.is_gone = true;
    }
}

/// A room full of people who have been welcomed.
fn gather(simulation: &mut Simulation) -> (Host, Vec<Person>) {
    let server = simulation.host("server", |reactor| {
        let room = Rc::new(chat());
        reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), Rc::clone(&room))?;
        let web = TcpServerEndpoint::from(SocketAddr::from(([0, 0, 0, 0], WEB_PORT)));
        // Longer than anybody is cut off, and what was lost meanwhile is sent again.
        let config = WebSocketServerConfig::new().text().heartbeat(200 * SECOND);
        WebSocketServerEndpoint::new(web, config).listen(reactor, room)?;
        Ok(())
    });
    let dice = simulation.dice();
    let mut link = Link::default();
    (link.jitter, link.loss) = (MILLISECOND * dice.roll(200) as u32, dice.roll(20) as f64 / 100.0);
    link.buffer = [300, 5_000, 256 * 1024][dice.roll(3) as usize];
    simulation.set_default_link(link);
    if dice.chance(0.5) {
        simulation.set_faults(&server, Faults::rough());
    }
    let mut people = Vec::new();
    for number in 0..12 {
        let host = simulation.host(&format!("host-{number}"), |_| Ok(()));
        let (name, fate, has_browser) = (format!("member-{number}"), Fate::any(&dice), number % 2 == 1);
        let (member, said) = (Member::default(), Vec::new());
        let mut person = Person { name, host, member, fate, has_browser, said, is_gone: false };
        person.member = person.join(simulation, &server);
        people.push(person);
    }
    let all: Vec<Member> = people.iter().map(|person| person.member.clone()).collect();
    assert!(simulation.run_until(600 * SECOND, |_| all.iter().all(Member::is_welcome)));
    (server, people)
}

fn talk(simulation: &mut Simulation, server: &Host, people: &mut [Person]) {
    let dice = simulation.dice();
    let mut still_to_come: Vec<usize> = (0..people.len()).collect();
    dice.shuffle(&mut still_to_come);
    for round in 0..40 {
        for _ in 0..dice.roll(5) {
            let speaker = &mut people[dice.roll(12) as usize];
            if !speaker.is_gone {
                speaker.speak();
            }
        }
        simulation.run_for(MILLISECOND * dice.roll(3_000) as u32);
        if round % 3 == 2 {
            if let Some(number) = still_to_come.pop() {
                people[number].meets_its_fate(simulation, server);
            }
        }
    }
}

#[test]
fn who_stays_hears_the_same_lines_in_the_same_order() {
    simulate(40, |simulation| {
        let (server, mut people) = gather(simulation);
        talk(simulation, &server, &mut people);
        simulation.run_for(1_000 * SECOND);
        let stayed: Vec<&Person> = people.iter().filter(|person| person.fate.stays()).collect();
        for listener in &stayed {
            assert!(!listener.member.is_lost(), "{}, who {:?}", listener.name, listener.fate);
        }
        for speaker in &people {
            let listeners = stayed.iter().filter(|listener| listener.name != speaker.name);
            let mut heard = listeners.map(|listener| listener.member.heard_from(&speaker.name));
            let Some(first) = heard.next() else { continue };
            assert!(heard.all(|other| other == first), "all hear the same of {}", speaker.name);
            assert!(speaker.said.starts_with(&first));
            if speaker.fate.stays() || speaker.fate == Fate::Leaves {
                assert_eq!(first.len(), speaker.said.len(), "of {}, who {:?}", speaker.name, speaker.fate);
            }
        }
    });
}

#[test]
fn everybody_knows_who_is_there() {
    simulate(40, |simulation| {
        let (server, mut people) = gather(simulation);
        talk(simulation, &server, &mut people);
        // What is said to those who have crashed shows that they are gone.
        people.iter_mut().filter(|person| !person.is_gone).for_each(Person::speak);
        simulation.run_for(1_000 * SECOND);
        let there = people.iter().filter(|person| !person.is_gone);
        let names: BTreeSet<String> = there.clone().map(|person| person.name.clone()).collect();
        for person in there {
            let mut all = person.member.company();
            assert!(all.insert(person.name.clone()), "nobody is company to oneself");
            assert_eq!(all, names, "as {} sees it", person.name);
        }
    });
}

#[test]
fn names_are_free_again_when_their_owners_are_gone() {
    simulate(40, |simulation| {
        let (server, mut people) = gather(simulation);
        talk(simulation, &server, &mut people);
        // By then it is known of all who crashed: they have left what was said to them unanswered.
        people.iter_mut().filter(|person| !person.is_gone).for_each(Person::speak);
        simulation.run_for(1_000 * SECOND);
        for person in &people {
            if !simulation.is_running(&person.host) {
                simulation.restart(&person.host);
            }
        }
        let gone: Vec<&Person> = people.iter().filter(|person| person.is_gone).collect();
        let there: Vec<&Person> = people.iter().filter(|person| !person.is_gone).collect();
        let back: Vec<Member> = gone.iter().map(|person| person.join(simulation, &server)).collect();
        let again: Vec<Member> = there.iter().map(|person| person.join(simulation, &server)).collect();
        simulation.run_for(300 * SECOND);
        if !there.is_empty() {
            assert!(back.iter().all(|member| member.is_welcome() && !member.was_refused()));
        }
        assert!(again.iter().all(|member| member.was_refused() && !member.is_welcome()), "it is taken");
        people.iter().filter(|person| !person.is_gone).for_each(|person| person.member.leave());
        back.iter().filter(|member| member.is_welcome()).chain(&again).for_each(Member::leave);
        simulation.run_for(300 * SECOND);
        if !there.is_empty() {
            assert_eq!(simulation.reactor_stats(&server).connections, 0);
            assert_eq!(simulation.descriptors(&server), 2);
        }
    });
}
