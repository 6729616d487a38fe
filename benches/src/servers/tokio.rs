//! The services as tokio's documentation and examples write them, on its single-threaded runtime: codecs for lines, and for
//! chat a task and a channel per member.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::{Framed, LinesCodec};

use super::Service;
use crate::tls;

type Room = Rc<RefCell<HashMap<SocketAddr, mpsc::UnboundedSender<Rc<str>>>>>;

pub(crate) fn serve(service: Service) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(LocalSet::new().run_until(accept(service)))
}

async fn accept(service: Service) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let acceptor = TlsAcceptor::from(tls::server_config()?);
    let room = Room::default();
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (room, acceptor) = (Rc::clone(&room), acceptor.clone());
        tokio::task::spawn_local(async move {
            // An error ends this connection, as the end of input does.
            let _ = match service {
                Service::Echo => echo(stream).await,
                Service::Lines => lines(stream).await,
                Service::Chat => chat(stream, peer, room).await,
                Service::TlsEcho => tls_echo(stream, acceptor).await,
                Service::WebSocketEcho => unreachable!("it has servers of its own"),
            };
        });
    }
}

async fn echo(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let mut buffer = vec![0; 8 * 1024];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

async fn tls_echo(stream: TcpStream, acceptor: TlsAcceptor) -> Result<(), Box<dyn Error>> {
    let mut stream = acceptor.accept(stream).await?;
    // As long as a record at its longest.
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(stream.shutdown().await?);
        }
        stream.write_all(&buffer[..count]).await?;
        stream.flush().await?;
    }
}

async fn lines(stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let (mut sink, mut lines) = Framed::new(stream, LinesCodec::new_with_max_length(16_384)).split();
    while let Some(line) = lines.next().await {
        sink.feed(line?).await?;
        // Answers to lines that came together leave together.
        while let Some(Some(line)) = futures_util::FutureExt::now_or_never(lines.next()) {
            sink.feed(line?).await?;
        }
        sink.flush().await?;
    }
    Ok(())
}

async fn chat(stream: TcpStream, peer: SocketAddr, room: Room) -> Result<(), Box<dyn Error>> {
    let mut framed = Framed::new(stream, LinesCodec::new_with_max_length(16_384));
    let (sender, mut receiver) = mpsc::unbounded_channel::<Rc<str>>();
    room.borrow_mut().insert(peer, sender);
    let result = loop {
        tokio::select! {
            Some(line) = receiver.recv() => if let Err(error) = framed.send(&*line).await { break Err(error.into()) },
            line = framed.next() => match line {
                Some(Ok(line)) => {
                    let line: Rc<str> = line.into();
                    for member in room.borrow().values() {
                        // A member that is gone is removed by its own task.
                        let _ = member.send(Rc::clone(&line));
                    }
                }
                Some(Err(error)) => break Err(error.into()),
                None => break Ok(()),
            },
        }
    };
    room.borrow_mut().remove(&peer);
    result
}
