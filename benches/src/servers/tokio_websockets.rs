//! WebSockets on tokio's single-threaded runtime, by two libraries, as the example of an echo server of each does it.

use std::error::Error;
use std::future::ready;

use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, unconstrained};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Kind;

pub(crate) fn serve(kind: Kind) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(LocalSet::new().run_until(accept(kind)))
}

async fn accept(kind: Kind) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(async move {
            // An error ends this connection, as the end of input does.
            let _ = match kind {
                Kind::FastWebSockets => unconstrained(echo_fast(stream)).await,
                _ => echo_tungstenite(stream).await,
            };
        });
    }
}

async fn echo_tungstenite(stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let (sink, messages) = accept_async(stream).await?.split();
    let messages = messages.try_filter(|message| ready(message.is_text() || message.is_binary()));
    Ok(messages.forward(sink).await?)
}

async fn echo_fast(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    answer_upgrade(&mut stream).await?;
    let mut socket = FragmentCollector::new(WebSocket::after_handshake(stream, Role::Server));
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

/// Its own handshake needs hyper, which stays below the WebSocket and would only cost it more.
async fn answer_upgrade(stream: &mut TcpStream) -> Result<(), Box<dyn Error>> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let request = String::from_utf8(request)?;
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let accept = derive_accept_key(key.ok_or("no key")?.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Ok(stream.write_all(answer.as_bytes()).await?)
}
