//! `Transport::when_drained`, by which groups learn that a member reads again.

use std::cell::Cell;
use std::rc::Rc;

use ropewalk::Transport;

use super::world::{Echo, SECOND, World, limits};

fn blocked() -> (World, ropewalk::testing::Peer, Transport) {
    let (world, peer, transport) = World::with(Echo);
    peer.set_window(Some(0));
    transport.set_limits(limits(|limits| (limits.high_water, limits.low_water) = (100, 20)));
    (world, peer, transport)
}

fn await_drain(transport: &Transport) -> Rc<Cell<bool>> {
    let drained = Rc::new(Cell::new(false));
    let tell = Rc::clone(&drained);
    transport.when_drained().then(move |()| tell.set(true));
    drained
}

#[test]
fn it_comes_at_the_low_water_mark_for_all_who_wait() {
    let (mut world, peer, transport) = blocked();
    transport.write([0; 101]);
    world.settle();
    let waiting = [await_drain(&transport), await_drain(&transport)];
    peer.open_window(80);
    world.settle();
    assert!(waiting.iter().all(|drained| !drained.get()));
    peer.open_window(1);
    world.settle();
    assert!(waiting.iter().all(|drained| drained.get()));
}

#[test]
fn it_comes_at_once_when_no_more_waits_than_the_mark() {
    let (mut world, _peer, transport) = blocked();
    transport.write([0; 100]);
    let drained = await_drain(&transport);
    world.settle();
    assert!(drained.get());
    assert_eq!(transport.buffered(), 100);
}

#[test]
fn it_comes_when_the_output_is_never_sent() {
    for way in 0..4 {
        let (mut world, peer, transport) = blocked();
        transport.write([0; 1_000]);
        let drained = await_drain(&transport);
        world.settle();
        assert!(!drained.get());
        match way {
            0 => transport.abort_connection(),
            1 => peer.reset(),
            2 => transport.lose_connection(),
            _ => world.reactor.stop(),
        }
        world.run_for(70 * SECOND);
        assert!(drained.get(), "way {way}");
        if way != 3 {
            let later = await_drain(&transport);
            world.settle();
            assert!(later.get(), "after the loss it comes at once");
        }
    }
}

#[test]
fn in_a_task_it_paces_whoever_writes() {
    let (mut world, peer, transport) = World::with(Echo);
    peer.set_window(Some(1_000));
    let (writer, most) = (transport, Rc::new(Cell::new(0)));
    let seen = Rc::clone(&most);
    let task = world.reactor.spawn(async move {
        for _ in 0..1_000 {
            writer.write([0; 1_000]);
            seen.set(seen.get().max(writer.buffered()));
            writer.when_drained().await;
        }
    });
    task.detach();
    let mut received = 0;
    while received < 1_000_000 {
        world.settle();
        let arrived = peer.received().len();
        assert!(arrived > 0, "after {received}");
        received += arrived;
    }
    assert!((131_072..132_500).contains(&most.get()), "{}", most.get());
}
