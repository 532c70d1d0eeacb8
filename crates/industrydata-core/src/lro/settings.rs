//! The settings of a client that do not concern its I/O.

use std::{sync::Arc, time::Duration};

use crate::lro::{poll_plan::PollPlan, session::Session};
use crate::{
    endpoint::service::Service,
    ledger::key::Caller,
    policy::{Limits, PollingPolicy, Throttle},
    tenant::Tenant,
    wire::base_url::BaseUrl,
};

/// The settings of a client, the same for every adapter. Each has a default.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::lro::Settings;
///
/// let settings = Settings::default()
///     .polling(Duration::from_secs(10))
///     .time_limit(Duration::from_secs(3600));
/// assert!(settings.base_url().is_https());
/// ```
#[derive(Clone, Debug)]
#[must_use = "hand the settings to a client"]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct Settings {
    base: BaseUrl,
    user_agent: Option<String>,
    polling: PollingPolicy,
    throttle: Throttle,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "clamped"))]
    limits: Limits,
    caller: Caller,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: BaseUrl::graph(),
            user_agent: None,
            polling: PollingPolicy::default(),
            throttle: Throttle::default(),
            limits: Limits::default(),
            caller: Caller::default(),
        }
    }
}

impl Settings {
    /// The base URL: `https://graph.microsoft.com/beta` by default.
    pub fn base(mut self, base: BaseUrl) -> Self {
        self.base = base;
        self
    }

    /// The `User-Agent` of the program: by default the library's name.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// The poll interval: a policy, or a fixed duration. By default it is learned from the tenant's last operations
    /// ([`PollingPolicy::learned`]).
    pub fn polling(mut self, policy: impl Into<PollingPolicy>) -> Self {
        self.polling = policy.into();
        self
    }

    /// The throttle: five starts in twelve hours by default.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = throttle;
        self
    }

    /// The time one request may take with its answer's body: 30 s by default, 1 ms to 1 h.
    pub fn request_limit(mut self, limit: Duration) -> Self {
        self.limits.request = limit;
        self.limits = self.limits.clamped();
        self
    }

    /// The time a start and its operation poll may take together: 24 h by default.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limits.total = limit;
        self
    }

    /// The caller, which the ledger keeps with each start.
    pub fn caller(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    /// The base URL.
    #[must_use]
    pub const fn base_url(&self) -> &BaseUrl {
        &self.base
    }

    /// The limits of time.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// The session of one tenant. `library` is the `User-Agent` if none was set.
    pub fn session(&self, tenant: Tenant, library: &str) -> Session {
        self.sessions(library).of(tenant)
    }

    /// The sessions of all tenants, which share what does not depend on the tenant. `library` is the `User-Agent` if none was
    /// set.
    #[must_use]
    pub fn sessions(&self, library: &str) -> Sessions {
        let user_agent = self.user_agent.as_deref().unwrap_or(library);
        Sessions {
            plan: Arc::new(PollPlan {
                service: Service::new(self.base.clone(), user_agent),
                policy: self.polling,
                limits: self.limits,
            }),
            throttle: self.throttle,
            caller: Arc::new(self.caller.clone()),
        }
    }
}

/// The sessions of a client's tenants, with the same [`Settings`].
#[derive(Clone, Debug)]
pub struct Sessions {
    plan: Arc<PollPlan>,
    throttle: Throttle,
    caller: Arc<Caller>,
}

impl Sessions {
    /// The base URL.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        self.plan.service.base()
    }

    /// The session of one tenant.
    pub fn of(&self, tenant: Tenant) -> Session {
        let (plan, caller) = (Arc::clone(&self.plan), Arc::clone(&self.caller));
        Session::new(plan, tenant, self.throttle, caller)
    }
}

#[cfg(feature = "serde")]
fn clamped<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Limits, D::Error> {
    serde::Deserialize::deserialize(reader).map(Limits::clamped)
}
