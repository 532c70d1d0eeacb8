//! Options and environment, made into values: the only place that reads the environment.
//!
//! An empty variable counts as one that is not set. Nothing here sends anything.

mod ledger;

use std::{ffi::OsString, fs};

use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::ClientCredentials;
use industrydata_core::auth::TokenError;
use industrydata_core::ledger::Caller;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::ResumeToken;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::LocationError;
use industrydata_core::wire::OperationUrl;

pub(crate) use self::ledger::{books, ledger_is_path, ledger_place};
use crate::{
    args::{self, Global, Scheduled},
    report::{Document, Kind, OperationReport, Outcome},
    tokens::{Patience, TokenFile, Tokens, Unread},
    verdict,
};

const NO_TOKEN: &str = "no access token: give --token-file PATH or --token-command CMD, or set INDUSTRYDATA_TOKEN, \
    or AZURE_TENANT_ID with AZURE_CLIENT_ID and AZURE_CLIENT_SECRET";

/// The environment, or a test's stand-in for it.
#[derive(Clone, Copy)]
pub(crate) struct Environment<'e>(pub(crate) &'e dyn Fn(&str) -> Option<OsString>);

impl Environment<'_> {
    fn os(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Result<Option<String>, Box<Document>> {
        self.os(name)
            .map(|value| {
                value
                    .into_string()
                    .map_err(|_| Document::usage(format!("{name} is not text")).into())
            })
            .transpose()
    }
}

/// The service: `--base-url`, else the environment, else Graph.
pub(crate) fn base(global: &Global, env: Environment<'_>) -> Result<BaseUrl, Box<Document>> {
    let Some(text) = given(global.base_url.clone(), env.text("INDUSTRYDATA_BASE_URL"))? else {
        return Ok(BaseUrl::graph());
    };
    BaseUrl::parse(&text).map_err(|error| {
        Document::refusal(Outcome::Usage, Kind::BaseUrl, error.to_string())
            .advise("give the base with --base-url or INDUSTRYDATA_BASE_URL")
            .into()
    })
}

/// Whose books: `--tenant`, else the environment, else `default`.
pub(crate) fn tenant(global: &Global, env: Environment<'_>) -> Result<Tenant, Box<Document>> {
    let name = match given(global.tenant.clone(), env.text("INDUSTRYDATA_TENANT"))? {
        Some(name) => name,
        None => env
            .text("AZURE_TENANT_ID")?
            .unwrap_or_else(|| "default".to_owned()),
    };
    name.parse::<Tenant>()
        .map_err(|error| Document::usage(error.to_string()).into())
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
    let read =
        |text: &str| args::scheduled(text).map_err(|why| format!("INDUSTRYDATA_SCHEDULE: {why}"));
    let read = text.as_deref().map(read).transpose();
    read.map_err(|message| Document::usage(message).into())
}

/// Refuses token options that exclude each other.
pub(crate) fn token_options(global: &Global) -> Result<(), Box<Document>> {
    if global.token_file.is_some() && global.token_command.is_some() {
        let message = "--token-file and --token-command exclude each other: give one of them";
        return Err(Document::usage(message).into());
    }
    Ok(())
}

/// Where tokens come from: the first of the four ways that is given.
pub(crate) fn tokens(
    global: &Global,
    env: Environment<'_>,
    tenant: &Tenant,
    patience: &Patience,
) -> Result<Tokens, Box<Document>> {
    if let Some(path) = &global.token_file {
        let file = TokenFile::open(path.clone(), patience).map(Tokens::File);
        return file.map_err(|unread| match unread {
            Unread::Token(error) => no_token(error),
            Unread::Late => {
                let message = "the time limit passed before the token file was read";
                Document::refusal(Outcome::Unreachable, Kind::TimedOut, message)
                    .advise("look at what writes to the token file, or give a longer --timeout")
                    .into()
            }
            Unread::Interrupted => Document::cut_off(MayHaveStarted::No, None).into(),
        });
    }
    if let Some(command) = &global.token_command {
        return Ok(Tokens::Command(command.clone()));
    }
    let secret = |name: &str| {
        let text = env.os(name).map(OsString::into_string).transpose();
        text.map_err(|_| no_token(TokenError::Unusable(format!("{name} is not text"))))
    };
    if let Some(token) = secret("INDUSTRYDATA_TOKEN")? {
        return AccessToken::from_output(&token, Timestamp::now())
            .map(Tokens::Fixed)
            .map_err(|error| {
                no_token(TokenError::Unusable(format!("INDUSTRYDATA_TOKEN: {error}")))
            });
    }
    let (Some(directory), Some(client), Some(key)) = (
        secret("AZURE_TENANT_ID")?,
        secret("AZURE_CLIENT_ID")?,
        secret("AZURE_CLIENT_SECRET")?,
    ) else {
        return Err(Document::refusal(Outcome::Unauthorized, Kind::Token, NO_TOKEN)
            .advise("for instance: --token-command 'az account get-access-token --resource https://graph.microsoft.com'")
            .into());
    };
    let mut credentials = ClientCredentials::new(client, key).directory(directory);
    if let Some(host) = secret("AZURE_AUTHORITY_HOST")? {
        let host = host.trim();
        let url = if host.contains("://") {
            host.to_owned()
        } else {
            format!("https://{host}")
        };
        credentials = credentials.authority(&url).map_err(|error| {
            no_token(TokenError::Unusable(format!(
                "AZURE_AUTHORITY_HOST: {error}"
            )))
        })?;
    }
    // Made only to see that it can be.
    drop(credentials.request(tenant, None).map_err(no_token)?);
    Ok(Tokens::Credentials(credentials))
}

/// Who makes the start, for the people who read the books later.
pub(crate) fn who(env: Environment<'_>) -> Caller {
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

/// What `wait` is to wait for.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Url(OperationUrl),
    Resume(ResumeToken),
}

impl Target {
    /// The operation, before anything was asked of it.
    pub(crate) fn report(&self, base: &BaseUrl) -> Option<OperationReport> {
        let (url, token) = match self {
            Self::Url(url) => (url.clone(), ResumeToken::new(base, url, Timestamp::now())),
            Self::Resume(token) => (token.operation_url(base).ok()?, token.clone()),
        };
        Some(OperationReport::new(&url, &token, None))
    }
}

/// Reads the argument of `wait`; all of it is checked against the base.
pub(crate) fn target(base: &BaseUrl, argument: &str) -> Result<Target, Box<Document>> {
    if ResumeToken::is_meant_by(argument) {
        let token: ResumeToken = argument
            .parse()
            .map_err(|error| verdict::resume_error(&error))?;
        token
            .operation_url(base)
            .map_err(|error| verdict::resume_error(&error))?;
        return Ok(Target::Resume(token));
    }
    if !argument.contains(['/', ':']) {
        return OperationUrl::from_id(base, argument).map(Target::Url).map_err(|_| {
            let message = "the argument is neither an operation's id (1 to 128 letters, digits and ._~-), \
                nor its URL, nor a resume token";
            Document::usage(message).into()
        });
    }
    OperationUrl::parse(base, argument)
        .map(Target::Url)
        .map_err(|error| {
            let message = match error {
                // There may be a password in it.
                LocationError::HasCredentials => error.to_string(),
                _ if argument.contains('@') => error.to_string(),
                LocationError::Insecure
                | LocationError::Missing
                | LocationError::Multiple
                | LocationError::NotUtf8
                | LocationError::TooLong
                | LocationError::Unparsable
                | LocationError::CrossOrigin
                | LocationError::NotAnOperation => format!("{error}: {}", verdict::quote(argument)),
            };
            Document::refusal(Outcome::Usage, Kind::Location, message)
                .after(MayHaveStarted::Yes)
                .advise("give the operation's id, or --base-url the service that its URL is of")
                .into()
        })
}

fn given<T, E>(option: Option<T>, variable: Result<Option<T>, E>) -> Result<Option<T>, E> {
    match option {
        Some(value) => Ok(Some(value)),
        None => variable,
    }
}

fn no_token(error: TokenError) -> Box<Document> {
    let document = Document::refusal(Outcome::Unauthorized, Kind::Token, verdict::told(&error));
    document
        .advise("mend the token source, then run the command again")
        .into()
}

#[cfg(test)]
mod tests;
