//! Connections with TLS.

use ropewalk::{TcpClientEndpoint, TcpServerEndpoint, for_protocol};

use crate::asker::{Asker, Ending};
use crate::certificates::{client_of, server_of};
use crate::scenes::{Scene, one};
use crate::stage::Stage;
use crate::streams::Echo;

pub(crate) const TLS: Scene = Scene { play: tls, spoils: one, tells_of_gaps: true };

/// Echoes through TLS.
fn tls(stage: &mut Stage) {
    let (server, address) = (stage.server.clone(), stage.address());
    let endpoint = server_of(TcpServerEndpoint::from(Stage::everywhere()));
    stage.listen(&server, &endpoint, for_protocol(|| Echo));
    for (name, ending) in [("the closing one", Ending::Close), ("the half-closing one", Ending::HalfClose)] {
        let endpoint = client_of(TcpClientEndpoint::from(address));
        stage.ask(name, &endpoint, Asker::echo(20_000, ending));
    }
}
