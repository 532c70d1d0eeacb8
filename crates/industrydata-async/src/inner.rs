//! The parts of a client that its clones, tenants and pollers share.

use std::{fmt, time::Duration};

use industrydata_clock::Clock;
use industrydata_core::{Now, lro::Sessions};
use industrydata_system::{ClientClock, now_by};

use crate::{http::Http, stop::Stop, store::AsyncStore, tokens::Cache};

pub(crate) struct Inner {
    pub(crate) http: Http,
    pub(crate) tokens: Cache,
    pub(crate) store: Box<dyn AsyncStore>,
    pub(crate) stop: Stop,
    pub(crate) clock: ClientClock,
    pub(crate) settings: Sessions,
}

impl Inner {
    /// The current time of the client.
    pub(crate) fn now(&self) -> Now {
        now_by(&self.clock)
    }

    /// Lets `time` pass from `now` on: sleeps, unless the clock can be moved.
    pub(crate) async fn pass(&self, time: Duration, now: Now) {
        let until = now.steady.saturating_add(time);
        if self.clock.skip_to(until) {
            // What the time has passed for may be another future of this task.
            tokio::task::yield_now().await;
        } else {
            self.stop.sleep(time).await;
            if !self.stop.is_stopped() {
                self.clock.slept_until(until);
            }
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("base", self.settings.base_url())
            .finish_non_exhaustive()
    }
}
