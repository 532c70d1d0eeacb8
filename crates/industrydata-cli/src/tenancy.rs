//! The tenant whose starts are counted, if it was not named: the one that the token names. A command that has no token takes
//! the only tenant of the ledger.
//!
//! The token's claims are read and not verified, and are used for nothing else.

use std::time::Duration;

use industrydata_core::Tenant;
use industrydata_core::auth::AccessToken;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::wire::BaseUrl;
use serde::Serialize;

use crate::{
    args::Global,
    environment::Environment,
    error_report, flavour,
    report::{Document, Kind, Outcome},
    resume::option_quoted,
    settings,
    signals::Interrupt,
    terminal,
    tokens::{Deadline, Tokens},
    watch::of_token,
};

/// How many tenants of a ledger are listed.
const MOST_LISTED: usize = 20;

/// What named the tenant whose starts are counted. In JSON, newer releases may add values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NamedBy {
    /// An option or the environment.
    Setting,
    /// The token.
    Token,
    /// The program, because the token names none: a start counts for `default` then.
    Default,
    /// The ledger, which has one tenant at this base.
    Ledger,
    /// Nothing names a tenant, and the ledger has none at this base.
    Nothing,
}

impl NamedBy {
    /// What named a tenant that came with a token: only a token names one by its directory id.
    pub(crate) fn of_token(tenant: &Tenant) -> Self {
        if tenant.is_guid() {
            Self::Token
        } else {
            Self::Default
        }
    }

    /// The same for people, after the name of the tenant.
    pub(crate) const fn note(self) -> &'static str {
        match self {
            Self::Setting | Self::Default | Self::Nothing => "",
            Self::Token => " (named by the token)",
            Self::Ledger => " (the only one in this ledger)",
        }
    }
}

/// The tenant of a command that reads the ledger.
pub(crate) struct Counted {
    /// `default` if nothing names one.
    pub(crate) tenant: Tenant,
    pub(crate) named_by: NamedBy,
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

/// The tenant of a command that only reads the ledger: the one that was named, that of a token which can be had without a
/// request, or the only one that the ledger has at this base. `used` counts the starts of a tenant.
pub(crate) fn without_request(
    global: &Global,
    env: Environment<'_>,
    given: Option<Tenant>,
    base: &BaseUrl,
    names: impl FnOnce() -> Result<Vec<String>, StoreError>,
    used: impl Fn(&Tenant) -> Option<u32>,
    deadline: &Deadline,
) -> Result<Counted, Box<Document>> {
    if let Some(tenant) = given {
        let named_by = NamedBy::Setting;
        return Ok(Counted { tenant, named_by });
    }
    if let Some(token) = settings::token_at_hand(global, env, deadline) {
        let tenant = of_token(&token).map_or_else(settings::unnamed, Ok)?;
        let named_by = NamedBy::of_token(&tenant);
        if named_by == NamedBy::Default {
            terminal::detail(format!("tenant: {tenant}, because the token names none"));
        }
        return Ok(Counted { tenant, named_by });
    }
    let names = names().map_err(|error| error_report::ledger(&error))?;
    let named = |name: &String| name.parse().ok();
    let tenants: Vec<Tenant> = names.iter().filter_map(named).collect();
    match tenants.as_slice() {
        [] => Ok(Counted {
            tenant: settings::unnamed()?,
            named_by: NamedBy::Nothing,
        }),
        [only] => Ok(Counted {
            tenant: only.clone(),
            named_by: NamedBy::Ledger,
        }),
        several => Err(which(base, several, used).into()),
    }
}

/// Asks which of several tenants is meant.
fn which(base: &BaseUrl, tenants: &[Tenant], used: impl Fn(&Tenant) -> Option<u32>) -> Document {
    let mut is_readable = true;
    let mut options: Vec<_> = tenants
        .iter()
        .take(MOST_LISTED)
        .map(|tenant| {
            let option = option_quoted("--tenant", tenant.as_str());
            // One that cannot be read may have taken its time, and so may the next ones.
            let used = is_readable.then(|| used(tenant));
            match used {
                Some(Some(used)) => format!("{option} ({used} used)"),
                Some(None) => {
                    is_readable = false;
                    format!("{option} (not readable)")
                }
                None => option,
            }
        })
        .collect();
    if tenants.len() > MOST_LISTED {
        options.push(format!("{} more", tenants.len() - MOST_LISTED));
    }
    Document::usage(format!(
        "no tenant is named, and the ledger counts the starts of {} tenants at {base}: {}",
        tenants.len(),
        options.join(", ")
    ))
    .advise("add one of these options, or set INDUSTRYDATA_TENANT to one of the names")
}
