//! The world of one history: its time, clients, ledger and service, and the record of what happens.

use std::{
    cell::{RefCell, RefMut},
    rc::Rc,
    task::Poll,
    time::Duration,
};

use industrydata_core::Tenant;
use industrydata_core::lro::Session;
use industrydata_core::lro::Settings;
use industrydata_core::wire::BaseUrl;

use crate::{
    agenda::{Agenda, Due, Sleep, Task, resume},
    client::{self, Client},
    dice::Dice,
    fate::{Fate, StoreFate},
    front::Front,
    ledger::Ledger,
    network::Letter,
    planted::Planted,
    record::Record,
    script::{Order, Script},
    start,
};

/// A history with more steps than this is looping.
const MOST_STEPS: u64 = 400_000;

/// Values that are the same in every history.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) base: BaseUrl,
    pub(crate) tenant: Tenant,
}

impl Common {
    pub(crate) fn new() -> Self {
        Self {
            base: BaseUrl::graph(),
            tenant: "contoso".parse().unwrap(),
        }
    }
}

/// The world, shared by its tasks.
#[derive(Clone)]
pub(crate) struct Sim(Rc<RefCell<World>>);

pub(crate) struct World {
    pub(crate) common: Common,
    pub(crate) script: Rc<Script>,
    pub(crate) planted: Planted,
    /// True time, in ms: the service's clock.
    pub(crate) now: u64,
    pub(crate) agenda: Agenda,
    pub(crate) dice: Dice,
    pub(crate) clients: Vec<Client>,
    pub(crate) ledger: Ledger,
    pub(crate) front: Front,
    pub(crate) letters: Vec<Letter>,
    pub(crate) record: Record,
    pub(crate) outages: Vec<(u64, Option<usize>, Fate)>,
    pub(crate) store_outage: Option<(u64, StoreFate)>,
    /// The task that is running.
    pub(crate) current: usize,
    pub(crate) tasks: Vec<Place>,
}

/// Where a task is kept.
pub(crate) struct Place {
    pub(crate) client: usize,
    pub(crate) task: Option<Task>,
    pub(crate) stopped: bool,
    pub(crate) dropped: bool,
}

impl Sim {
    pub(crate) fn new(common: Common, script: Rc<Script>, planted: Planted) -> Self {
        let mut dice = Dice::new(script.world.seed);
        let clients = script.world.clients.iter().map(|clock| Client::new(*clock));
        let front = Front::new(&script.world, dice.next());
        Self(Rc::new(RefCell::new(World {
            common,
            planted,
            now: 0,
            agenda: Agenda::default(),
            dice,
            clients: clients.collect(),
            ledger: Ledger::default(),
            front,
            letters: Vec::new(),
            record: Record::default(),
            outages: Vec::new(),
            store_outage: None,
            current: 0,
            tasks: Vec::new(),
            script,
        })))
    }

    pub(crate) fn world(&self) -> RefMut<'_, World> {
        self.0.borrow_mut()
    }

    /// Plays the script to its end, and continues until the agenda is empty.
    pub(crate) fn play(&self) {
        let script = Rc::clone(&self.world().script);
        self.world().agenda.enter(script.world.heals, Due::Healed);
        if let Some(first) = script.events.first() {
            self.world().agenda.enter(first.at, Due::Script(0));
        }
        loop {
            let next = self.world().agenda.next();
            let Some((at, due)) = next else { return };
            {
                let mut world = self.world();
                world.now = world.now.max(at);
                world.record.steps += 1;
                assert!(world.record.steps < MOST_STEPS, "the history does not end");
            }
            match due {
                Due::Script(nth) => self.event(nth),
                Due::Apply(nth) => self.world().apply(nth),
                Due::Arrive(nth) => self.world().arrive(nth),
                Due::Die(client) => self.die(client),
                Due::Restart(client) => client::restart(self, client),
                Due::Healed => self.healed(),
                Due::Wake(task) => self.wake(task),
            }
        }
    }

    /// Starts a task of a client's process.
    pub(crate) fn spawn(&self, client: usize, task: Task) {
        let nth = {
            let mut world = self.world();
            world.tasks.push(Place {
                client,
                task: Some(task),
                stopped: false,
                dropped: false,
            });
            world.tasks.len() - 1
        };
        self.wake(nth);
    }

    pub(crate) fn sleep_until(&self, until: u64) -> Sleep {
        Sleep::new(self.clone(), until, false)
    }

    pub(crate) fn sleep(&self, ms: u64) -> Sleep {
        let until = self.world().now + ms;
        self.sleep_until(until)
    }

    /// Waits as a machine asks, by the client's steady clock. The wait ends early if the client is stopped.
    pub(crate) fn pause(&self, client: usize, remaining: Duration) -> Sleep {
        let world = self.world();
        let ms = match world.planted {
            Planted::NoPause => 0,
            _ => world.clients[client].true_time(remaining),
        };
        let until = world.now + ms;
        drop(world);
        Sleep::new(self.clone(), until, true)
    }

    /// A point between two steps of a client, at which its process may die or its futures may be dropped.
    pub(crate) async fn point(&self, client: usize) {
        let ends = self.world().ends_here(client);
        if ends {
            // The process is dead, so the task is never polled again.
            std::future::pending::<()>().await;
        }
    }

    fn event(&self, nth: usize) {
        let script = Rc::clone(&self.world().script);
        if let Some(next) = script.events.get(nth + 1) {
            self.world().agenda.enter(next.at, Due::Script(nth + 1));
        }
        crate::acts::happen(self, &script.events[nth].act);
    }

    /// The network has healed: one more run is started.
    fn healed(&self) {
        let order = Order {
            client: 0,
            wait: false,
            limit: 3600,
            again: true,
            every: None,
            key: None,
        };
        let is_dead = self.world().clients[0].is_dead;
        if is_dead {
            let later = self.world().now + 60_000;
            self.world().agenda.enter(later, Due::Healed);
        } else {
            self.spawn(0, Box::pin(start::start(self.clone(), order)));
        }
    }

    fn wake(&self, nth: usize) {
        let taken = {
            let mut world = self.world();
            world.current = nth;
            world.tasks[nth].task.take()
        };
        let Some(mut task) = taken else { return };
        match resume(&mut task) {
            Poll::Pending => self.world().tasks[nth].task = Some(task),
            Poll::Ready(()) => drop(task),
        }
    }

    /// Drops the remaining tasks, each of which holds a reference to the world.
    pub(crate) fn close(&self) {
        let mut world = self.world();
        let left: Vec<Task> = world
            .tasks
            .iter_mut()
            .filter_map(|it| it.task.take())
            .collect();
        for client in &mut world.clients {
            client.is_dead = true;
        }
        drop(world);
        drop(left);
    }

    /// Ends the process. Its tasks stop at once, without the clean-up that a drop would do.
    fn die(&self, client: usize) {
        let dead: Vec<Task> = {
            let mut world = self.world();
            world.clients[client].is_dead = true;
            world.record.crashes += 1;
            world.forget_changes_of(client);
            let own = world.tasks.iter_mut().filter(|it| it.client == client);
            own.filter_map(|it| it.task.take()).collect()
        };
        drop(dead);
    }
}

impl World {
    /// What a client with these settings does for the tenant.
    pub(crate) fn session(&self, settings: &Settings) -> Session {
        settings.session(self.common.tenant.clone(), "simulation/1")
    }
}
