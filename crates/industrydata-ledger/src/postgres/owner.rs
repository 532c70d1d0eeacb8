//! The thread that owns the connections. A runtime of its own runs there and nowhere else, so that a store may be made,
//! used and dropped anywhere: in plain threads, and inside of runtimes, which forbid others to block within them.

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
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use tokio::{
    runtime,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::{
    fault::Obstacle,
    memory::Remembered,
    plan::Plan,
    pool::{GRACE, Pool},
};

/// What is asked of the thread.
enum Work {
    Transact(Box<Change>),
    Check,
    Reset,
}

/// The result.
enum Done {
    Transacted(Box<StoreReply>),
    Checked,
    Reset(Reset),
}

struct Job {
    work: Work,
    until: Instant,
    answer: SyncSender<Result<Done, StoreError>>,
}

/// The way to the thread, as long as there is one.
struct Line {
    jobs: UnboundedSender<Job>,
    process: u32,
}

/// What all clones of a store share.
pub(super) struct Owner {
    plan: Arc<Plan>,
    remembered: Arc<Remembered>,
    line: Mutex<Option<Line>>,
}

impl Owner {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan: Arc::new(plan),
            remembered: Arc::default(),
            line: Mutex::new(None),
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.plan.place
    }

    pub(super) fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        match self.ask(Work::Transact(Box::new(change.clone())))? {
            Done::Transacted(verdict) => Ok(*verdict),
            Done::Checked | Done::Reset(_) => Err(Obstacle::Lost.into()),
        }
    }

    pub(super) fn reset(&self) -> Result<Reset, StoreError> {
        match self.ask(Work::Reset)? {
            Done::Reset(reset) => Ok(reset),
            Done::Checked | Done::Transacted(_) => Err(Obstacle::Lost.into()),
        }
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.ask(Work::Check).map(drop)
    }

    /// Sends `work` to the thread and waits. The thread keeps to its limits by itself; that it does not is met too.
    fn ask(&self, work: Work) -> Result<Done, StoreError> {
        let (answer, answered) = mpsc::sync_channel(1);
        let until = Instant::now() + self.plan.wait;
        self.send(Job {
            work,
            until,
            answer,
        })?;
        answered
            .recv_timeout(patience(self.plan.wait))
            .unwrap_or_else(|_| Err(StoreError::unconfirmed(Obstacle::Lost)))
    }

    /// Makes the thread if there is none: at first use, after a fork, after a panic in it.
    fn send(&self, job: Job) -> Result<(), StoreError> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = line.as_ref().filter(|line| line.process == process::id());
        let unsent = match ours {
            Some(ours) => match ours.jobs.send(job) {
                Ok(()) => return Ok(()),
                Err(unsent) => unsent.0,
            },
            None => job,
        };
        let made = self.spawn()?;
        drop(made.jobs.send(unsent));
        *line = Some(made);
        Ok(())
    }

    fn spawn(&self) -> Result<Line, StoreError> {
        let (jobs, asked) = unbounded_channel();
        let pool = Pool::new(Arc::clone(&self.plan), Arc::clone(&self.remembered));
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Obstacle::Thread)?;
        thread::Builder::new()
            .name("industrydata-books".to_owned())
            .spawn(move || {
                runtime.block_on(serve(Arc::new(pool), asked));
                // A name that is still being looked up is not waited for.
                runtime.shutdown_background();
            })
            .map_err(Obstacle::Thread)?;
        Ok(Line {
            jobs,
            process: process::id(),
        })
    }
}

/// How long the thread is waited for: the four waits that a change may take whose COMMIT is not answered, what each has
/// beyond its wait, and five seconds to spare.
fn patience(wait: Duration) -> Duration {
    wait * 4 + GRACE * 3 + Duration::from_secs(5)
}

/// Answers until the store and all its clones are gone.
async fn serve(pool: Arc<Pool>, mut asked: UnboundedReceiver<Job>) {
    while let Some(job) = asked.recv().await {
        let pool = Arc::clone(&pool);
        drop(tokio::spawn(async move {
            let result = match &job.work {
                Work::Transact(change) => {
                    let verdict = pool.transact(change, job.until).await;
                    verdict.map(|verdict| Done::Transacted(Box::new(verdict)))
                }
                Work::Check => pool.check(job.until).await.map(|()| Done::Checked),
                Work::Reset => pool.reset(job.until).await.map(Done::Reset),
            };
            drop(job.answer.send(result));
        }));
    }
    pool.close().await;
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.plan, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PgStore;

    #[test]
    fn the_thread_is_given_longer_than_it_gives_itself() {
        assert_eq!(
            patience(Duration::from_millis(50)),
            Duration::from_millis(8200)
        );
        assert_eq!(
            patience(Duration::from_secs(3600)),
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
