//! Routers whose connections are members of a group.

use std::rc::Rc;

use ropewalk::testing::Peer;
use ropewalk::{Delimiter, Group, Router};

use super::named;
use super::world::{Log, World, kind};

/// Opens a connection of the router.
fn enter<S: 'static>(world: &mut World, router: &Router<S>) -> Peer {
    world.open(super::protocol(router)).0
}

fn say(world: &mut World, peer: &Peer, text: &str) {
    peer.send(text);
    world.settle();
}

fn heard(peer: &Peer) -> String {
    String::from_utf8(peer.received()).unwrap()
}

#[test]
fn handlers_speak_to_the_others() {
    let room = Group::new();
    let router = || {
        Router::new().in_group(&room).any(|context, data| {
            context.tell_others(data);
            context.tell_others("");
            Ok(())
        })
    };
    for router in [router(), router().per_line(Delimiter::Lf)] {
        let mut world = World::new();
        let [ann, bob, cyd] = [(); 3].map(|()| enter(&mut world, &router));
        say(&mut world, &ann, "hello\n");
        assert_eq!([&ann, &bob, &cyd].map(|peer| heard(peer).trim().to_owned()), ["", "hello", "hello"]);
        cyd.finish();
        say(&mut world, &bob, "still here\n");
        assert_eq!([&ann, &bob, &cyd].map(|peer| heard(peer).trim().to_owned()), ["still here", "", ""]);
        room.broadcast("to all");
        world.settle();
        assert_eq!([heard(&ann), heard(&bob), heard(&cyd)], ["to all", "to all", ""]);
        drop(world);
        assert!(room.is_empty());
    }
}

#[test]
fn a_connection_is_a_member_from_its_first_handler_to_its_last() {
    let (room, log) = (Group::new(), Log::default());
    let (at_first, at_last, told) = (room.clone(), room.clone(), log.clone());
    let router = Router::with_state(|_| "somebody")
        .in_group(&room)
        .connection_made(move |context| {
            assert!(at_first.contains(&context.id()));
            context.tell_others(format!("{} has come;", context.state));
        })
        .connection_lost(move |context, reason| {
            assert!(at_last.contains(&context.id()));
            context.tell_others(format!("{} has left;", context.state));
            told.add(format!("{}, one of {}", kind(reason), at_last.len()));
        });
    let mut world = World::new();
    let [ann, bob, cyd] = [(); 3].map(|()| enter(&mut world, &router));
    assert_eq!(
        [&ann, &bob, &cyd].map(heard),
        ["somebody has come;somebody has come;", "somebody has come;", ""]
    );
    bob.finish();
    world.settle();
    assert_eq!([heard(&ann), heard(&cyd)], ["somebody has left;"; 2]);
    ann.reset();
    cyd.reset();
    world.settle();
    assert!(room.is_empty());
    let broken = |of: usize| format!("broken ConnectionReset, one of {of}");
    assert_eq!(log.take(), ["closed, one of 3".to_owned(), broken(2), broken(1)]);
}

#[test]
fn what_comes_of_work_in_threads_may_be_told_to_the_others() {
    let router = Router::new().in_group(&Group::new()).any(|context, data| {
        let data = data.to_vec();
        context.run_in_thread(
            move || data.len(),
            |context, length| {
                context.tell_others(format!("{} bytes", length?));
                Ok(())
            },
        );
        Ok(())
    });
    let mut world = World::new();
    let [ann, bob] = [(); 2].map(|()| enter(&mut world, &router));
    say(&mut world, &ann, "hello");
    assert_eq!([heard(&ann), heard(&bob)], ["", "5 bytes"]);
}

#[test]
fn who_switches_to_another_router_of_the_group_stays_a_member() {
    let room = Group::new();
    let mut world = World::new();
    let talk = Router::new().in_group(&room).any(|context, data| {
        context.tell_others(data);
        Ok(())
    });
    let listener = enter(&mut world, &talk);
    let enters = Router::new().in_group(&room).any(move |context, data| {
        context.switch_protocol(super::protocol(&talk), data);
        Ok(())
    });
    let talker = enter(&mut world, &enters);
    say(&mut world, &talker, "hello");
    assert_eq!((heard(&listener), room.len()), ("hello".to_owned(), 2));
}

#[test]
fn a_connection_whose_key_is_taken_ends_and_says_so() {
    let (room, log) = (Group::new(), Log::default());
    let told = log.clone();
    let router = Router::new().in_group(&room).connection_lost(move |context, reason| {
        context.tell_others("nobody hears this");
        told.add(reason.to_string());
    });
    let mut world = World::new();
    let listener = enter(&mut world, &router);
    let stranger = Router::new().connection_made(move |context| {
        context.keep(Rc::new(room.join(context.id(), context).unwrap()));
        context.switch_protocol(super::protocol(&router), "");
    });
    let peer = enter(&mut world, &stranger);
    peer.finish();
    world.settle();
    assert!(peer.is_closed());
    assert_eq!(heard(&listener), "");
    let taken = "another member of the group has this key";
    assert_eq!(log.take(), [format!("the connection was closed because of an error: {taken}")]);
}

#[test]
fn without_a_group_there_is_nobody_to_tell() {
    let router = Router::new()
        .prefix("say", |context, data| {
            context.tell_others(data);
            Ok(())
        })
        .any(named("on"));
    let mut world = World::new();
    let [ann, bob] = [(); 2].map(|()| enter(&mut world, &router));
    say(&mut world, &ann, "say");
    say(&mut world, &ann, "more");
    assert_eq!([heard(&ann), heard(&bob)], ["on(more)", ""]);
}
