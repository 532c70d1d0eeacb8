//! The tenant whose starts are counted, if it was not named: the one that the token names.
//!
//! The token's claims are read and not verified, and are used for nothing else.

use std::time::Duration;

use industrydata_core::Tenant;
use industrydata_core::auth::AccessToken;
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
    watch::of_token,
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
    let unnamed = settings::unnamed()?;
    let token = obtain(
        global,
        &unnamed,
        tokens,
        request_timeout,
        deadline,
        interrupt,
    )?;
    let tenant = match of_token(&token) {
        Some(tenant) => {
            terminal::detail(format!("tenant: {tenant}, which the token names"));
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

/// One token for the tenant.
pub(crate) fn obtain(
    global: &Global,
    tenant: &Tenant,
    tokens: &Tokens,
    request_timeout: Duration,
    deadline: &Deadline,
    interrupt: &Interrupt,
) -> Result<AccessToken, Box<Document>> {
    let token = match tokens {
        Tokens::Fixed(token) => Ok(token.clone()),
        Tokens::File(file) => file.read(),
        Tokens::Command(_) | Tokens::Credential(_) => flavour::token(
            global.http,
            tokens.clone(),
            tenant,
            request_timeout,
            deadline,
            interrupt,
        )?,
    };
    token.map_err(|error| {
        if interrupt.is_interrupted() {
            return Document::interrupted(MayHaveStarted::No, None).into();
        }
        if error.is_transient() && deadline.remaining().is_zero() {
            let message = "the time limit passed before a token was obtained";
            let document = Document::error(Outcome::Unreachable, Kind::TimedOut, message);
            return document.advise("set a longer --timeout").into();
        }
        settings::token_error(&error)
    })
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
    if named_by.is_empty() {
        terminal::detail(format!("tenant: {tenant}, because none was named"));
    }
    Ok((tenant, named_by))
}
