//! What connections do when the network between them comes and goes.

use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::simulate;

use crate::people::idle;
use crate::witness::{MILLISECOND, Manner, SECOND, Witness, chance, connect, exact, roll, serve};

/// Bytes that were held up are not overtaken by bytes that were sent after them.
#[test]
fn bytes_stay_in_order_through_any_outages() {
    simulate(50, |simulation| {
        let mut link = exact(MILLISECOND);
        link.jitter = 20 * MILLISECOND;
        simulation.set_default_link(link);
        let (served, heard) = (Witness::default(), Witness::default());
        let server = serve(simulation, "server", &served, |served, _| Rc::new(served.factory(Manner::Quiet)));
        let client = simulation.host("client", idle);
        connect(simulation, &client, &server, heard.factory(Manner::Quiet));
        simulation.run_for(SECOND);
        let mut said = Vec::new();
        for number in 0..500_u32 {
            if chance(simulation, 0.05) {
                simulation.clog(&client, &server);
            }
            if chance(simulation, 0.1) {
                simulation.heal();
            }
            said.extend_from_slice(&number.to_be_bytes());
            heard.transports()[0].write(number.to_be_bytes());
            simulation.reactor(&client);
            let pause = Duration::from_millis(roll(simulation, 20));
            simulation.run_for(pause);
        }
        simulation.heal();
        simulation.run_for(200 * SECOND);
        assert!(served.only().data == said);
    });
}
