//! What tokens say of their tenant. The claims are read and not verified.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Challenge;
use industrydata_core::auth::TokenClaims;

use crate::terminal;

/// The tenant that a token names.
pub(crate) fn of_token(token: &AccessToken) -> Option<Tenant> {
    TokenClaims::read(token)?.tenant().cloned()
}

/// Looks at the tokens of a client: the first one may be there already, and none should be of another tenant.
#[derive(Debug)]
pub(crate) struct Watch {
    tenant: Tenant,
    first: Mutex<Option<AccessToken>>,
    /// Whether the first token was to be renewed as soon as it was obtained: another would be no better.
    was_due: bool,
    has_warned: AtomicBool,
}

impl Watch {
    pub(crate) fn new(tenant: Tenant, first: Option<AccessToken>) -> Self {
        let is_due = |token: &AccessToken| token.is_due(Timestamp::now());
        Self {
            tenant,
            was_due: first.as_ref().is_some_and(is_due),
            first: Mutex::new(first),
            has_warned: AtomicBool::new(false),
        }
    }

    /// The first token, once, unless it was refused or has become old: a start may have waited for a slot meanwhile.
    pub(crate) fn first(&self, challenge: Option<&Challenge>) -> Option<AccessToken> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let token = first.take();
        let is_old = |token: &AccessToken| !self.was_due && token.is_due(Timestamp::now());
        token.filter(|token| challenge.is_none() && !is_old(token))
    }

    /// Warns once of a token of another tenant than the one whose starts are counted.
    pub(crate) fn see(&self, token: &AccessToken) {
        let Some(other) = of_token(token).filter(|other| self.is_another(other)) else {
            return;
        };
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            terminal::warn(format!(
                "the token is of tenant {other}, and the starts are counted for tenant {}: two names have two ledgers, and ten starts; correct --tenant or the credential",
                self.tenant
            ));
        }
    }

    fn is_another(&self, tenant: &Tenant) -> bool {
        self.tenant.is_guid() && *tenant != self.tenant
    }
}

#[cfg(test)]
mod tests {
    use industrydata_core::SignedDuration;

    use super::*;

    #[test]
    fn only_another_directory_id_is_another_tenant() {
        let id = "72f988bf-86f1-41af-91ab-2d7cd011db47";
        for (given, other, is_another) in [
            (id, id, false),
            (id, "72F988BF-86F1-41AF-91AB-2D7CD011DB47", false),
            (id, "72f988bf-86f1-41af-91ab-2d7cd011db48", true),
            ("contoso", id, false),
            ("default", id, false),
        ] {
            let watch = Watch::new(given.parse().unwrap(), None);
            assert_eq!(
                watch.is_another(&other.parse().unwrap()),
                is_another,
                "{given}"
            );
        }
    }

    #[test]
    fn the_first_token_is_given_once() {
        let watch = |life: i64| {
            let now = Timestamp::now();
            let expires = now + SignedDuration::from_secs(life);
            let token = AccessToken::new("a").unwrap();
            Watch::new("t".parse().unwrap(), Some(token.with_life(now, expires)))
        };
        let lasting = watch(3600);
        assert!(lasting.first(None).is_some());
        assert!(lasting.first(None).is_none());
        assert!(watch(0).first(None).is_some());
        let old = Watch {
            was_due: false,
            ..watch(0)
        };
        assert!(old.first(None).is_none());
    }
}
