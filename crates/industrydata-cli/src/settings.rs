//! Turns options and environment variables into values. Nothing here sends a request.

mod credential;
mod ledger;
mod tenant_name;

use std::fs;

use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::lro::ResumeToken;
use industrydata_core::model::OperationOrigin;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::LocationError;
use industrydata_core::wire::OperationUrl;

pub(crate) use self::credential::{Source, token_at_hand, token_error, token_source, tokens};
pub(crate) use self::ledger::{
    EMULATOR_FOLDER, OpenLedger, check_ledger, default_ledger, ledger, ledger_place, ledger_shown,
    open_ledger, show_ledger,
};
pub(crate) use self::tenant_name::unnamed;
use crate::{
    args::{self, Global, Scheduled},
    environment::Environment,
    error_report,
    report::{Document, Kind, OperationReport, Outcome},
};

/// The base, and the tenant if it was named, once all other options that need no request have been checked.
pub(crate) fn service(
    global: &Global,
    env: Environment<'_>,
) -> Result<(BaseUrl, Option<Tenant>), Box<Document>> {
    let base = base(global, env)?;
    let tenant = tenant(global, env)?;
    credential::choice(global, env)?;
    check_ledger(global, env)?;
    Ok((base, tenant))
}

/// The base: `--base-url`, else the environment, else Graph.
fn base(global: &Global, env: Environment<'_>) -> Result<BaseUrl, Box<Document>> {
    let Some(text) = given(global.base_url.clone(), env.text("INDUSTRYDATA_BASE_URL"))? else {
        return Ok(BaseUrl::graph());
    };
    BaseUrl::parse(&text).map_err(|error| {
        Document::error(Outcome::Usage, Kind::BaseUrl, error.to_string())
            .advise("correct --base-url or INDUSTRYDATA_BASE_URL")
            .into()
    })
}

/// The tenant: `--tenant`, else the environment.
fn tenant(global: &Global, env: Environment<'_>) -> Result<Option<Tenant>, Box<Document>> {
    let name = match given(global.tenant.clone(), env.text("INDUSTRYDATA_TENANT"))? {
        Some(name) => Some(name),
        None => env.text("AZURE_TENANT_ID")?,
    };
    name.map(|name| tenant_name::parse(&name)).transpose()
}

/// The schedule of the tenant's runs: `--schedule`, else the environment.
pub(crate) fn scheduled(
    given: Option<Scheduled>,
    env: Environment<'_>,
) -> Result<Option<Scheduled>, Box<Document>> {
    if given.is_some() {
        return Ok(given);
    }
    let text = env.text("INDUSTRYDATA_SCHEDULE")?;
    let scheduled = text.as_deref().map(args::scheduled).transpose();
    scheduled.map_err(|error| Document::usage(format!("INDUSTRYDATA_SCHEDULE: {error}")).into())
}

/// The caller that the ledger records with a start.
pub(crate) fn caller(env: Environment<'_>) -> Caller {
    let host = fs::read_to_string("/etc/hostname")
        .ok()
        .map(|name| name.trim().to_owned());
    let host = host.filter(|name| !name.is_empty()).or_else(|| {
        ["HOSTNAME", "COMPUTERNAME"]
            .into_iter()
            .find_map(|name| env.os(name)?.into_string().ok())
    });
    Caller {
        host: host.map(|name| name.chars().filter(|c| !c.is_control()).take(255).collect()),
        process: Some(std::process::id()),
        label: None,
    }
}

/// The operation that `wait` polls.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Url(OperationUrl),
    Resume(ResumeToken),
}

impl Target {
    /// What created the operation, as far as is known.
    pub(crate) fn origin(&self) -> OperationOrigin {
        match self {
            Self::Url(_) => OperationOrigin::Start,
            Self::Resume(token) => token.origin(),
        }
    }

    /// The operation before the first poll.
    pub(crate) fn report(&self, base: &BaseUrl) -> Option<OperationReport> {
        let (url, token) = match self {
            Self::Url(url) => (url.clone(), ResumeToken::new(base, url, Timestamp::now())),
            Self::Resume(token) => (token.operation_url(base).ok()?, token.clone()),
        };
        Some(OperationReport::new(&url, &token, None))
    }
}

/// Reads the argument of `wait` and checks it against the base.
pub(crate) fn target(base: &BaseUrl, argument: &str) -> Result<Target, Box<Document>> {
    if ResumeToken::is_meant_by(argument) {
        let token: ResumeToken = argument
            .parse()
            .map_err(|error| error_report::resume(&error))?;
        token
            .operation_url(base)
            .map_err(|error| error_report::resume(&error))?;
        return Ok(Target::Resume(token));
    }
    if !argument.contains(['/', ':']) {
        return OperationUrl::from_id(base, argument).map(Target::Url).map_err(|_| {
            let message = "the argument is not an operation id (1 to 128 letters, digits and ._~-), an \
                operation URL or a resume token";
            Document::usage(message).into()
        });
    }
    OperationUrl::parse(base, argument)
        .map(Target::Url)
        .map_err(|error| {
            let message = match error {
                // The argument may hold a password.
                LocationError::HasCredentials => error.to_string(),
                _ if argument.contains('@') => error.to_string(),
                LocationError::Insecure
                | LocationError::Missing
                | LocationError::Multiple
                | LocationError::NotUtf8
                | LocationError::TooLong
                | LocationError::Unparsable
                | LocationError::CrossOrigin
                | LocationError::NotAnOperation => format!("{error}: {}", error_report::quote(argument)),
            };
            Document::error(Outcome::Usage, Kind::Location, message)
                .advise("use the operation id, or set --base-url to the service that the URL belongs to")
                .into()
        })
}

fn given<T, E>(option: Option<T>, variable: Result<Option<T>, E>) -> Result<Option<T>, E> {
    match option {
        Some(value) => Ok(Some(value)),
        None => variable,
    }
}

#[cfg(test)]
mod tests;
