//! The thread that owns the connections. Its async runtime runs there only, so that a store may be made, used and dropped
//! anywhere: in plain threads, and inside of async runtimes, which forbid a second one to block within them.

use std::{
    fmt, process,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::wire::BaseUrl;
use tokio::{
    runtime,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::{
    change_counts::ChangeCounts,
    plan::Plan,
    pool::{GRACE, Pool},
    store_error::Obstacle,
};

/// A request to the thread.
enum Work {
    Transact(Box<Change>),
    Check,
    Tenants(String),
    Reset,
}

/// The result.
enum Done {
    Transacted(Box<StoreReply>),
    Checked,
    Tenants(Vec<String>),
    Reset(Reset),
}

struct Job {
    work: Work,
    until: Instant,
    answer: SyncSender<Result<Done, StoreError>>,
}

/// The channel to the thread, while it runs.
struct Channel {
    jobs: UnboundedSender<Job>,
    process: u32,
}

/// The shared state of all clones of a store.
pub(super) struct ConnectionThread {
    plan: Arc<Plan>,
    change_counts: Arc<ChangeCounts>,
    channel: Mutex<Option<Channel>>,
}

impl ConnectionThread {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan: Arc::new(plan),
            change_counts: Arc::default(),
            channel: Mutex::new(None),
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.plan.place
    }

    pub(super) fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        match self.request(Work::Transact(Box::new(change.clone())))? {
            Done::Transacted(reply) => Ok(*reply),
            Done::Checked | Done::Tenants(_) | Done::Reset(_) => Err(Obstacle::ThreadEnded.into()),
        }
    }

    pub(super) fn reset(&self) -> Result<Reset, StoreError> {
        match self.request(Work::Reset)? {
            Done::Reset(reset) => Ok(reset),
            Done::Checked | Done::Tenants(_) | Done::Transacted(_) => {
                Err(Obstacle::ThreadEnded.into())
            }
        }
    }

    pub(super) fn tenants(&self, base: &BaseUrl) -> Result<Vec<String>, StoreError> {
        match self.request(Work::Tenants(LedgerKey::base_of(base)))? {
            Done::Tenants(names) => Ok(names),
            Done::Checked | Done::Transacted(_) | Done::Reset(_) => {
                Err(Obstacle::ThreadEnded.into())
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.request(Work::Check).map(drop)
    }

    /// Sends `work` to the thread and waits. The thread keeps to its time limits; the wait here ends even if it does not.
    fn request(&self, work: Work) -> Result<Done, StoreError> {
        let (answer, answered) = mpsc::sync_channel(1);
        let limit = match &work {
            Work::Transact(change) => change.time_limit(),
            Work::Check | Work::Tenants(_) | Work::Reset => None,
        };
        let until = Instant::now() + limit.unwrap_or(self.plan.wait).min(self.plan.wait);
        self.send(Job {
            work,
            until,
            answer,
        })?;
        answered
            .recv_timeout(reply_limit(self.plan.wait))
            .unwrap_or_else(|_| Err(StoreError::unconfirmed(Obstacle::ThreadEnded)))
    }

    /// Sends the job. Starts the thread if there is none: at first use, after a fork, after a panic in the thread.
    fn send(&self, job: Job) -> Result<(), StoreError> {
        let mut channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        let own = channel
            .as_ref()
            .filter(|channel| channel.process == process::id());
        let unsent = match own {
            Some(own) => match own.jobs.send(job) {
                Ok(()) => return Ok(()),
                Err(unsent) => unsent.0,
            },
            None => job,
        };
        let made = self.spawn()?;
        drop(made.jobs.send(unsent));
        *channel = Some(made);
        Ok(())
    }

    fn spawn(&self) -> Result<Channel, StoreError> {
        let (jobs, asked) = unbounded_channel();
        let pool = Pool::new(Arc::clone(&self.plan), Arc::clone(&self.change_counts));
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Obstacle::Thread)?;
        thread::Builder::new()
            .name("industrydata-ledger".to_owned())
            .spawn(move || {
                runtime.block_on(serve(Arc::new(pool), asked));
                // Do not wait for a host name that is still being looked up.
                runtime.shutdown_background();
            })
            .map_err(Obstacle::Thread)?;
        Ok(Channel {
            jobs,
            process: process::id(),
        })
    }
}

/// How long the caller waits for the thread: four waits, which a change whose COMMIT is not answered may take, the grace of
/// each, and five seconds to spare.
fn reply_limit(wait: Duration) -> Duration {
    wait * 4 + GRACE * 3 + Duration::from_secs(5)
}

/// Answers until the store and all its clones are gone.
async fn serve(pool: Arc<Pool>, mut asked: UnboundedReceiver<Job>) {
    while let Some(job) = asked.recv().await {
        let pool = Arc::clone(&pool);
        drop(tokio::spawn(async move {
            let result = match &job.work {
                Work::Transact(change) => {
                    let reply = pool.transact(change, job.until).await;
                    reply.map(|reply| Done::Transacted(Box::new(reply)))
                }
                Work::Check => pool.check(job.until).await.map(|()| Done::Checked),
                Work::Tenants(base) => pool.tenants(base, job.until).await.map(Done::Tenants),
                Work::Reset => pool.reset(job.until).await.map(Done::Reset),
            };
            drop(job.answer.send(result));
        }));
    }
    pool.close().await;
}

impl fmt::Debug for ConnectionThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.plan, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PgStore;

    #[test]
    fn the_caller_waits_longer_than_the_thread_may_take() {
        assert_eq!(
            reply_limit(Duration::from_millis(50)),
            Duration::from_millis(8200)
        );
        assert_eq!(
            reply_limit(Duration::from_secs(3600)),
            Duration::from_secs(4 * 3600 + 8)
        );
    }

    #[test]
    fn a_store_says_where_it_is_without_the_password() {
        let store = PgStore::options()
            .schema("starts")
            .password("s3cret")
            .connect("postgres://industry:hunter2@127.0.0.1/school")
            .unwrap();
        let shown = format!("{store:?}");
        for part in ["127.0.0.1", "school", "industry@", "starts", "5s"] {
            assert!(shown.contains(part), "{shown}");
        }
        assert!(
            !shown.contains("s3cret") && !shown.contains("hunter2"),
            "{shown}"
        );
        assert_eq!(store.place(), "industry@127.0.0.1:5432/school");
    }
}
