//! The shared state of all clones of a store.

use std::{
    fmt, process,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::wire::BaseUrl;

use super::{change_counts::ChangeCounts, plan::Plan, pool::Pool};

/// The connections of a process, and what is known of the rows.
pub(super) struct Shared {
    plan: Arc<Plan>,
    change_counts: Arc<ChangeCounts>,
    pool: Mutex<Option<Own>>,
}

/// The connections that a process has made itself.
struct Own {
    pool: Arc<Pool>,
    process: u32,
}

impl Shared {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan: Arc::new(plan),
            change_counts: Arc::default(),
            pool: Mutex::new(None),
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.plan.place
    }

    pub(super) fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        let limit = change.time_limit().unwrap_or(self.plan.wait);
        let until = Instant::now() + limit.min(self.plan.wait);
        self.pool().transact(change, until)
    }

    pub(super) fn reset(&self) -> Result<Reset, StoreError> {
        self.pool().reset(self.until())
    }

    pub(super) fn tenants(&self, base: &BaseUrl) -> Result<Vec<String>, StoreError> {
        self.pool().tenants(&LedgerKey::base_of(base), self.until())
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.pool().check(self.until())
    }

    fn until(&self) -> Instant {
        Instant::now() + self.plan.wait
    }

    /// The connections of this process. A child after a fork leaves those of its parent alone, and makes its own.
    fn pool(&self) -> Arc<Pool> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let process = process::id();
        if let Some(own) = &*pool
            && own.process == process
        {
            return Arc::clone(&own.pool);
        }
        let made = Arc::new(Pool::new(
            Arc::clone(&self.plan),
            Arc::clone(&self.change_counts),
        ));
        *pool = Some(Own {
            pool: Arc::clone(&made),
            process,
        });
        made
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.plan, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PgStore;

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

    #[test]
    fn a_forked_child_has_its_own_connections() {
        let options = PgStore::options();
        let shared = Shared::new(Plan::new(options, "postgres://u@127.0.0.1/d").unwrap());
        let first = shared.pool();
        assert!(Arc::ptr_eq(&first, &shared.pool()));
        shared.pool.lock().unwrap().as_mut().unwrap().process = 0;
        let child = shared.pool();
        assert!(!Arc::ptr_eq(&first, &child));
        assert!(Arc::ptr_eq(&child, &shared.pool()));
        // It knows what its parent has read.
        assert!(Arc::ptr_eq(&first.change_counts, &child.change_counts));
    }
}
