//! The tenant whose starts are counted, if it was not named: the one that the token names.
//!
//! The token's claims are read and not verified, and are used for nothing else.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use industrydata_core::Tenant;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Challenge;
use industrydata_core::auth::TokenClaims;
use industrydata_core::lro::MayHaveStarted;

use crate::{
    args::Global,
    environment::Environment,
    flavour,
    report::{Document, Kind, Outcome},
    settings,
    signals::Interrupt,
    terminal,
    tokens::{Deadline, Tokens},
};

/// What named a tenant that the caller did not name: only a token names one by its directory id.
pub(crate) fn named_by(tenant: &Tenant) -> &'static str {
    if tenant.is_guid() {
        " (named by the token)"
    } else {
        ""
    }
}

/// The tenant of a command, and the token that named it, which is the first to use.
pub(crate) struct Named {
    pub(crate) tenant: Tenant,
    pub(crate) first: Option<AccessToken>,
}

/// The tenant that was named, or that of the token, which is obtained for it. A token that names none gives `default`.
pub(crate) fn named(
    global: &Global,
    given: Option<Tenant>,
    tokens: &Tokens,
    request_timeout: Duration,
    deadline: &Deadline,
    interrupt: &Interrupt,
) -> Result<Named, Box<Document>> {
    if let Some(tenant) = given {
        let first = None;
        return Ok(Named { tenant, first });
    }
    let token = match tokens {
        Tokens::Fixed(token) => Ok(token.clone()),
        Tokens::File(file) => file.read(),
        Tokens::Command(_) | Tokens::Credential(_) => flavour::token(
            global.http,
            tokens.clone(),
            &settings::unnamed()?,
            request_timeout,
            deadline,
            interrupt,
        )?,
    };
    let token = token.map_err(|error| {
        if interrupt.is_interrupted() {
            return Document::interrupted(MayHaveStarted::No, None).into();
        }
        if error.is_transient() && deadline.remaining().is_zero() {
            let message = "the time limit passed before a token was obtained";
            let document = Document::error(Outcome::Unreachable, Kind::TimedOut, message);
            return document.advise("set a longer --timeout").into();
        }
        settings::token_error(&error)
    })?;
    let tenant = match of_token(&token) {
        Some(tenant) => {
            if global.verbose {
                terminal::note(format!("tenant: {tenant}, which the token names"));
            }
            tenant
        }
        None => {
            let tenant = settings::unnamed()?;
            terminal::warn(format!(
                "the token names no tenant: its starts are counted for \"{tenant}\"; set --tenant to the directory id"
            ));
            tenant
        }
    };
    let first = Some(token);
    Ok(Named { tenant, first })
}

/// The tenant of a command that only reads the ledger, and what named it. No token is obtained for it.
pub(crate) fn without_request(
    global: &Global,
    env: Environment<'_>,
    given: Option<Tenant>,
    deadline: &Deadline,
) -> Result<(Tenant, &'static str), Box<Document>> {
    if let Some(tenant) = given {
        return Ok((tenant, ""));
    }
    let token = settings::token_at_hand(global, env, deadline);
    let tenant = token.as_ref().and_then(of_token);
    let tenant = tenant.map_or_else(settings::unnamed, Ok)?;
    let named_by = named_by(&tenant);
    if global.verbose && named_by.is_empty() {
        terminal::note(format!("tenant: {tenant}, because none was named"));
    }
    Ok((tenant, named_by))
}

fn of_token(token: &AccessToken) -> Option<Tenant> {
    TokenClaims::read(token)?.tenant().cloned()
}

/// Looks at the tokens of a client: the first one may be there already, and none should be of another tenant.
#[derive(Debug)]
pub(crate) struct Watch {
    tenant: Tenant,
    first: Mutex<Option<AccessToken>>,
    has_warned: AtomicBool,
}

impl Watch {
    pub(crate) fn new(tenant: Tenant, first: Option<AccessToken>) -> Self {
        Self {
            tenant,
            first: Mutex::new(first),
            has_warned: AtomicBool::new(false),
        }
    }

    /// The first token, once, and not in answer to a refusal.
    pub(crate) fn first(&self, challenge: Option<&Challenge>) -> Option<AccessToken> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let token = first.take();
        token.filter(|_| challenge.is_none())
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
        let token = AccessToken::new("a").unwrap();
        let watch = Watch::new("t".parse().unwrap(), Some(token));
        assert!(watch.first(None).is_some());
        assert!(watch.first(None).is_none());
    }
}
