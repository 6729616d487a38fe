//! Joining, leaving, and who hears what.

use std::rc::Rc;

use ropewalk::testing::Probe;
use ropewalk::{Bytes, Group, KeyTaken};

use super::world::{Echo, Log, World};
use super::{Guest, Place};

#[test]
fn members_hear_what_the_others_say() {
    let (mut world, group, log) = (World::new(), Group::new(), Log::default());
    let [ann, bob, cyd] = ["ann", "bob", "cyd"].map(|name| Guest::join(&mut world, &group, name, &log));
    bob.peer.send("hello");
    world.settle();
    assert_eq!([ann.heard(), bob.heard(), cyd.heard()], ["hello", "", "hello"]);
    group.broadcast("to all, ");
    group.broadcast("");
    group.broadcast_except(&["ann".to_owned(), "cyd".to_owned(), "eve".to_owned()], String::from("to bob"));
    world.settle();
    assert_eq!([ann.heard(), bob.heard(), cyd.heard()], ["to all, ", "to all, to bob", "to all, "]);
}

#[test]
fn whoever_drops_the_membership_or_the_connection_has_left() {
    let (mut world, group, log) = (World::new(), Group::new(), Log::default());
    let [ann, bob, cyd] = ["ann", "bob", "cyd"].map(|name| Guest::join(&mut world, &group, name, &log));
    assert_eq!(format!("{group:?}"), r#"{"ann", "bob", "cyd"}"#);
    ann.place.take();
    assert!(!group.contains("ann") && ann.transport.is_open());
    bob.peer.reset();
    world.settle();
    assert_eq!(log.take(), ["bob lost broken ConnectionReset"]);
    group.broadcast("who is here?");
    world.settle();
    assert_eq!([ann.heard(), bob.heard(), cyd.heard()], ["", "", "who is here?"]);
    cyd.peer.hang_up();
    world.settle();
    assert!(group.is_empty());
    group.broadcast("nobody hears this");
}

#[test]
fn a_panic_in_a_callback_leaves_the_group_too() {
    let mut world = World::new();
    let group = Group::new();
    let joined = group.clone();
    let kept = Place::default();
    let script = super::world::Script::new(&Log::default()).on_data(move |transport, _| {
        *kept.borrow_mut() = joined.join("ann".to_owned(), transport).ok();
        assert!(joined.contains("ann"));
        panic!("on purpose");
    });
    let (peer, _) = world.open(script);
    peer.send("join");
    world.settle();
    assert!(group.is_empty() && peer.is_closed());
}

#[test]
fn a_key_that_is_taken_comes_back_and_is_free_after_its_member() {
    let group = Group::new();
    let probes = [Probe::new(Echo), Probe::new(Echo)];
    let first = group.join("ann".to_owned(), probes[0].transport()).unwrap();
    let Err(KeyTaken(key)) = group.join("ann".to_owned(), probes[1].transport()) else {
        panic!("two members have one key");
    };
    assert_eq!((key.as_str(), group.len()), ("ann", 1));
    assert_eq!(group.transport("ann").unwrap().id(), probes[0].transport().id());
    drop(first);
    assert!(group.transport("ann").is_none() && group.lag("ann").is_none());
    let second = group.join(key, probes[1].transport()).unwrap();
    assert_eq!((second.key().as_str(), second.group().len()), ("ann", 1));
    assert_eq!(KeyTaken(1).to_string(), "another member of the group has this key");
}

#[test]
fn a_snapshot_stays_while_members_leave() {
    let (mut world, group, log) = (World::new(), Group::new(), Log::default());
    let guests = ["bob", "ann", "cyd"].map(|name| Guest::join(&mut world, &group, name, &log));
    let mut told = Vec::new();
    for (name, transport) in group.members() {
        // Everybody leaves at the first, and one joins.
        guests.iter().for_each(|guest| drop(guest.place.take()));
        let newcomer = group.join(format!("not {name}"), &transport).unwrap();
        transport.write(&name);
        told.push(name);
        drop(newcomer);
    }
    assert_eq!(told, ["ann", "bob", "cyd"], "in the order of the keys");
    world.settle();
    assert_eq!(guests.map(|guest| guest.heard()), ["bob", "ann", "cyd"]);
    assert!(group.is_empty());
}

#[test]
fn keys_may_be_anything_and_use_the_group_when_dropped() {
    /// A key that looks at its group when it goes.
    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
    struct Key(u32);
    thread_local! {
        static GROUP: Group<Key> = Group::new();
    }
    impl Drop for Key {
        fn drop(&mut self) {
            let _ = GROUP.try_with(|group| (group.len(), group.clone().broadcast("gone")));
        }
    }
    let probe = Probe::new(Echo);
    let group = GROUP.with(Clone::clone);
    let membership = group.join(Key(1), probe.transport()).unwrap();
    assert!(group.join(Key(1), probe.transport()).is_err());
    drop(membership);
    assert!(group.is_empty());
}

#[test]
fn a_member_of_two_groups_hears_both_in_order() {
    let mut world = World::new();
    let (red, blue, log) = (Group::new(), Group::new(), Log::default());
    let ann = Guest::join(&mut world, &red, "ann", &log);
    let also: Place = Rc::default();
    *also.borrow_mut() = blue.join("ann".to_owned(), &ann.transport).ok();
    red.broadcast("red ");
    blue.broadcast("blue ");
    red.broadcast(Bytes::from_static(b"red"));
    world.settle();
    assert_eq!(ann.heard(), "red blue red");
    assert_eq!(ann.peer.writes(), 1, "a turn is one write");
}
