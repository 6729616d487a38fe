//! Listening and accepting.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};

use super::{
    ANY_PORT, ConnectOptions, Driver, ListenOptions, Listener, MioListener, NEAR, Stream, Token, World, tcp,
};

/// Whether the machine has IPv6. Tests that need it say so and pass without it.
fn has_ipv6() -> bool {
    let has = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has {
        eprintln!("skipped: no IPv6 here");
    }
    has
}

/// On Linux this shows that accepted sockets inherit the option: there nothing sets it on them.
#[test]
fn accepted_streams_send_at_once() {
    let mut world = World::new();
    let (listener, address) = world.listen(ANY_PORT, Token(0));
    let near = TcpStream::connect(address).unwrap();
    assert!(!near.nodelay().unwrap(), "this system sets it anyway, so the test shows nothing");
    let (far, peer) = world.accept(&listener, Token(0));
    assert!(far.socket.nodelay().unwrap());
    assert_eq!(peer, near.local_addr().unwrap());
}

#[test]
fn the_loop_can_use_all_of_it_through_the_traits() {
    let mut world = World::new();
    let mut listener = world.driver.listen(&ANY_PORT.into(), &ListenOptions::default()).unwrap();
    listener.register(Token(0)).unwrap();
    let Err(error) = listener.accept() else { panic!("accepted nobody") };
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    let address = tcp(&listener.local_address().unwrap());
    let mut near = world.driver.connect(&address.into(), &ConnectOptions::default()).unwrap();
    near.register(NEAR).unwrap();
    world.wait(Token(0), |ready| ready.readable);
    let (_far, peer) = listener.accept().unwrap();
    world.wait(NEAR, |ready| ready.writable);
    assert!(near.finish_connect().unwrap());
    assert_eq!(near.local_address().unwrap(), peer);
}

#[test]
fn ipv6_works() {
    if !has_ipv6() {
        return;
    }
    let mut world = World::new();
    let (listener, address) = world.listen(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), Token(0));
    let near = world.connect(address, &ConnectOptions::default(), NEAR);
    let (far, peer) = world.accept(&listener, Token(0));
    assert!(peer.is_ipv6());
    assert_eq!(tcp(&near.local_address().unwrap()), peer);
    assert_eq!(tcp(&far.local_address().unwrap()), address);
}

#[test]
fn the_ipv6_wildcard_takes_ipv4_and_shows_it_as_such() {
    if !has_ipv6() {
        return;
    }
    let mut world = World::new();
    let (listener, address) = world.listen(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), Token(0));
    let near = TcpStream::connect((Ipv4Addr::LOCALHOST, address.port())).unwrap();
    let (far, peer) = world.accept(&listener, Token(0));
    assert_eq!(peer, near.local_addr().unwrap());
    assert!(peer.is_ipv4());
    assert_eq!(tcp(&far.local_address().unwrap()), near.peer_addr().unwrap());
}

#[test]
fn the_ipv6_wildcard_can_leave_ipv4_alone() {
    if !has_ipv6() {
        return;
    }
    let world = World::new();
    let options = ListenOptions { dual_stack: Some(false), ..ListenOptions::default() };
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let listener = MioListener::listen(&world.driver.shared, any, &options).unwrap();
    let port = tcp(&listener.local_address().unwrap()).port();
    let error = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
}

#[test]
fn an_address_in_use_is_an_error() {
    let mut world = World::new();
    let (_listener, address) = world.listen(ANY_PORT, Token(0));
    let Err(error) = world.driver.listen(&address.into(), &ListenOptions::default()) else {
        panic!("listens twice")
    };
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn a_port_can_be_shared() {
    let mut world = World::new();
    let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
    let first = match world.driver.listen(&ANY_PORT.into(), &options) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return,
        first => first.unwrap(),
    };
    let address = tcp(&first.local_address().unwrap());
    let second = world.driver.listen(&address.into(), &options).unwrap();
    assert_eq!(tcp(&second.local_address().unwrap()), address);
}

#[test]
fn any_backlog_will_do() {
    let mut world = World::new();
    for backlog in [0, u32::MAX] {
        let options = ListenOptions { backlog, ..ListenOptions::default() };
        let listener = world.driver.listen(&ANY_PORT.into(), &options).unwrap();
        TcpStream::connect(tcp(&listener.local_address().unwrap())).unwrap();
    }
}

#[test]
fn refusing_closes_one_connection() {
    let mut world = World::new();
    let (mut listener, address) = world.listen(ANY_PORT, Token(0));
    assert_eq!(listener.refuse().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let mut near = TcpStream::connect(address).unwrap();
    world.wait(Token(0), |ready| ready.readable);
    listener.refuse().unwrap();
    assert_eq!(listener.refuse().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(io::Read::read(&mut near, &mut [0; 10]).unwrap(), 0);
}
