//! What ends a connection.

use ropewalk::simulation::{Host, Simulation};
use ropewalk::testing::Dice;

use super::End;

/// What befalls a connection at some moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    None,
    ServerIsKilled,
    ServerCrashes,
    ClientIsKilled,
    ClientAborts,
    ServerAborts,
    Partition,
    Failures,
}

impl Trouble {
    /// None, in half of the cases.
    pub(crate) fn any(dice: &Dice) -> Self {
        const ALL: [Trouble; 7] = [
            Trouble::ServerIsKilled,
            Trouble::ServerCrashes,
            Trouble::ClientIsKilled,
            Trouble::ClientAborts,
            Trouble::ServerAborts,
            Trouble::Partition,
            Trouble::Failures,
        ];
        if dice.chance(0.5) { Self::None } else { ALL[dice.roll(ALL.len() as u64) as usize] }
    }

    pub(super) fn befalls(
        self,
        simulation: &mut Simulation,
        (server, client): &(Host, Host),
        (at_server, at_client): (&End, &End),
    ) {
        let abort = |end: &End| end.transport().iter().for_each(|transport| transport.abort_connection());
        match self {
            Self::None => {}
            Self::ServerIsKilled => simulation.kill(server),
            Self::ServerCrashes => simulation.crash(server),
            Self::ClientIsKilled => simulation.kill(client),
            Self::ClientAborts => abort(at_client),
            Self::ServerAborts => abort(at_server),
            Self::Partition => simulation.partition(&[server], &[client]),
            Self::Failures => {
                let mut faults = ropewalk::simulation::Faults::rough();
                faults.failures = 0.02;
                simulation.set_faults(server, faults);
            }
        }
    }
}
