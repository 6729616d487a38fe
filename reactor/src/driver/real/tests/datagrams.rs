//! Settings of UDP sockets reach the operating system.

use std::net::{Ipv6Addr, SocketAddr};

use socket2::SockRef;

use super::{ANY_PORT, World};
use crate::driver::Datagram;
use crate::driver::real::MioUdp;
use crate::{DatagramOptions, DatagramSetting};

#[test]
fn settings_of_ipv4() {
    let world = World::new();
    let mut udp = MioUdp::bind(&world.driver.shared, ANY_PORT, &DatagramOptions::default()).unwrap();
    for (ttl, flag) in [(0, false), (17, true), (255, false)] {
        udp.set(&DatagramSetting::MulticastTtl(ttl)).unwrap();
        udp.set(&DatagramSetting::MulticastLoop(flag)).unwrap();
        udp.set(&DatagramSetting::Broadcast(flag)).unwrap();
        let socket = SockRef::from(&udp.socket);
        assert_eq!(socket.multicast_ttl_v4().unwrap(), u32::from(ttl));
        assert_eq!(socket.multicast_loop_v4().unwrap(), flag);
        assert_eq!(socket.broadcast().unwrap(), flag);
    }
}

#[test]
fn settings_of_ipv6() {
    let world = World::new();
    let any = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0);
    let mut udp = MioUdp::bind(&world.driver.shared, any, &DatagramOptions::default()).unwrap();
    for (ttl, flag) in [(0, false), (17, true), (255, false)] {
        udp.set(&DatagramSetting::MulticastTtl(ttl)).unwrap();
        udp.set(&DatagramSetting::MulticastLoop(flag)).unwrap();
        let socket = SockRef::from(&udp.socket);
        assert_eq!(socket.multicast_hops_v6().unwrap(), u32::from(ttl));
        assert_eq!(socket.multicast_loop_v6().unwrap(), flag);
    }
}
