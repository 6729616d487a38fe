//! Refusing connections in a process that has no descriptors left.

use std::fs::File;
use std::io::{self, Read};
use std::net::TcpStream;
use std::process::Command;

use super::{ANY_PORT, CHILD, Listener, Token, World, only_test};

#[test]
fn without_descriptors_the_reserve_refuses() {
    if std::env::var_os(CHILD).is_some() {
        without_descriptors();
        println!("{DONE}");
        return;
    }
    let (program, arguments) = only_test("refusing::without_descriptors_the_reserve_refuses");
    let child = Command::new("sh")
        .args(["-c", r#"ulimit -n 40 && exec "$0" "$@""#])
        .arg(program)
        .args(arguments)
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains(DONE), "{child:?}");
}

/// What the child says at the end, lest a test that did not run be taken for one that passed.
const DONE: &str = "refused as expected";

fn without_descriptors() {
    let mut world = World::new();
    let (mut listener, address) = world.listen(ANY_PORT, Token(0));
    let mut near: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
    world.wait(Token(0), |ready| ready.readable);
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
        assert!(hoard.len() < 40, "the limit does not work");
    }
    let Err(error) = listener.accept() else { panic!("accepted without a descriptor") };
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));

    // The reserve is there, again and again.
    for near in near.drain(..2) {
        listener.refuse().unwrap();
        assert_closed(near);
    }

    // Another thread was faster, and keeps what it got: nothing can be done, but neither is anything broken.
    world.driver.shared.lose_reserve();
    hoard.push(File::open("/dev/null").unwrap());
    for _ in 0..2 {
        assert_eq!(listener.refuse().unwrap_err().raw_os_error(), Some(libc::EMFILE));
    }
    hoard.pop();
    listener.refuse().unwrap();
    assert_closed(near.remove(0));

    // The reserve is back.
    assert!(File::open("/dev/null").is_err());
    assert_eq!(listener.refuse().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[track_caller]
fn assert_closed(mut stream: TcpStream) {
    assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0);
    // Its descriptor must not become the one that is missing.
    std::mem::forget(stream);
}
