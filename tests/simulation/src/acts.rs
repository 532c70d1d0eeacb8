//! Transitions: what each event of a script does to the world.

use crate::{agenda::Due, reconcile, script::Act, sim::Sim, start};

/// An event happens.
pub(crate) fn happen(sim: &Sim, act: &Act) {
    let mut world = sim.world();
    let (now, count) = (world.now, world.clients.len());
    match act {
        Act::Start(order) => {
            let mut order = *order;
            order.client %= count;
            let is_dead = world.clients[order.client].is_dead;
            drop(world);
            if !is_dead {
                sim.spawn(order.client, Box::pin(start::start(sim.clone(), order)));
            }
        }
        Act::Crash {
            client,
            steps,
            down,
        } => {
            let down = down * 1000;
            let nth = client % count;
            if world.clients[nth].is_dead {
                return;
            }
            if *steps > 0 {
                world.clients[nth].dies_in = Some((*steps, down));
                return;
            }
            world.agenda.enter(now, Due::Die(nth));
            world.agenda.enter(now + down, Due::Restart(nth));
        }
        Act::Drop { client, steps: 0 } => world.drop_all(client % count),
        Act::Drop { client, steps } => world.clients[client % count].drops_in = Some(*steps),
        Act::Stop { client } => world.stop_all(client % count),
        Act::Fate { client, on, fate } => {
            let fates = &mut world.clients[client % count].fates;
            fates.push((*on, fate.clone()));
        }
        Act::Outage {
            client,
            seconds,
            fate,
        } => {
            let who = client.map(|client| client % count);
            let until = now + seconds * 1000;
            world.outages.push((until, who, fate.clone()));
        }
        Act::Store { client, fault } => {
            world.clients[client % count].store_fates.push_back(*fault);
        }
        Act::StoreOutage { seconds, fault } => {
            world.store_outage = Some((now + seconds * 1000, *fault));
        }
        Act::Token { client, fate } => {
            world.clients[client % count].token_fates.push_back(*fate);
        }
        Act::Revoke { claims } => world.front.revoke(*claims),
        Act::Jump { client, seconds } => world.jump(client % count, *seconds),
        Act::JumpStore { seconds } => world.jump_store(*seconds),
        Act::Lists { seconds, lists } => {
            world.front.lists = Some((now + seconds * 1000, *lists));
        }
        Act::Portal => {
            if world.front.portal(now) {
                world.record.portal += 1;
            }
        }
        Act::Window { fixed } => world.front.is_fixed = *fixed,
        Act::Reconcile { client } => {
            let client = client % count;
            let is_dead = world.clients[client].is_dead;
            drop(world);
            if !is_dead {
                sim.spawn(client, Box::pin(reconcile::reconcile(sim.clone(), client)));
            }
        }
    }
}
