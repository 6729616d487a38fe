//! tinyproto for code that asks and waits.

use std::cell::Cell;
use std::future::ready;
use std::rc::Rc;

use ropewalk_protocols::{TinyMessages, TinyReceiver, TinyTask};
use ropewalk_reactor::{ConnectError, Deferred, ReactorHandle};

use crate::{ClientEndpoint, connect_protocol};

/// Connects to `endpoint` as a client of tinyproto whose messages are awaited. `options` sets what the receiver has other than
/// its defaults, such as [`max_message`](TinyReceiver::max_message), [`polite`](TinyReceiver::polite) or a
/// [`plugin`](TinyReceiver::plugin). Cancelling the deferred, or no longer awaiting it, gives the attempt up.
///
/// The connection stands when this has its result, but the peer may not have shown yet that it speaks tinyproto: if it does not,
/// the first to send or to receive hears so. Whoever speaks another protocol before does so in a [layer](ropewalk_reactor::Layer):
/// a [`Policy`](crate::Policy) whose protocol is another one at first makes the result [`ConnectError::NoProtocol`].
///
/// ```no_run
/// # use ropewalk_endpoints::{TcpClientEndpoint, connect_tiny};
/// # use ropewalk_reactor::ReactorHandle;
/// async fn ask(reactor: &ReactorHandle) -> Result<(), Box<dyn std::error::Error>> {
///     let endpoint: TcpClientEndpoint = "127.0.0.1:9123".parse()?;
///     let messages = connect_tiny(reactor, &endpoint, |receiver| receiver.max_message(64 * 1024)).await?;
///     messages.send("How are you?").await?;
///     if let Some(answer) = messages.receive().await? {
///         println!("{}", String::from_utf8_lossy(&answer));
///     }
///     Ok(())
/// }
/// ```
pub fn connect_tiny(
    reactor: &ReactorHandle,
    endpoint: &(impl ClientEndpoint + ?Sized),
    options: impl FnOnce(TinyReceiver<TinyTask>) -> TinyReceiver<TinyTask>,
) -> Deferred<Result<TinyMessages, ConnectError>> {
    let place = Rc::new(Cell::new(None));
    let made = Rc::clone(&place);
    let task = TinyTask::new(move |messages| {
        made.set(Some(messages));
        ready(Ok(()))
    });
    connect_protocol(reactor, endpoint, options(TinyReceiver::client(task))).map(move |result| {
        let transport = result?;
        place.take().ok_or_else(|| {
            // Some policy has put another protocol in front.
            transport.lose_connection();
            ConnectError::NoProtocol { address: transport.peer().clone() }
        })
    })
}
