//! The parts of a client that its clones, tenants and pollers share.

use std::fmt;

use industrydata_core::lro::Settings;

use crate::{http::Http, stop::Stop, store::AsyncStore, tokens::Cache};

pub(crate) struct Inner {
    pub(crate) http: Http,
    pub(crate) tokens: Cache,
    pub(crate) store: Box<dyn AsyncStore>,
    pub(crate) stop: Stop,
    pub(crate) settings: Settings,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("base", self.settings.base_url())
            .finish_non_exhaustive()
    }
}
