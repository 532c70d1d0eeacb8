//! Which credential is used. Nothing here sends a request.

use std::{cell::RefCell, path::Path};

use clap::ValueEnum;
use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::CredentialKind;
use industrydata_core::auth::TokenError;
use industrydata_core::auth::Variables;
use industrydata_core::lro::MayHaveStarted;

use crate::{
    args::{CredentialChoice, Global},
    environment::{Environment, warn_of_trimmed},
    error_report,
    report::{Document, Kind, Outcome},
    settings::tenant_name::unnamed,
    terminal,
    tokens::{Deadline, TokenFile, TokenFileError, Tokens},
};

const TOKEN: &str = "INDUSTRYDATA_TOKEN";
const CHOICE: &str = "INDUSTRYDATA_CREDENTIAL";

const NO_TOKEN: &str = "no access token: use --token-file or --token-command, set INDUSTRYDATA_TOKEN, set \
    AZURE_TENANT_ID and AZURE_CLIENT_ID with one of AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH and \
    AZURE_FEDERATED_TOKEN_FILE, set IDENTITY_ENDPOINT and IDENTITY_HEADER, or name --credential managed-identity, github \
    or managed-identity-federation";

/// The kind that was named, or the first that is set. A flag with a token beats the environment, and contradicts another
/// kind on the command line.
pub(super) fn choice(
    global: &Global,
    env: Environment<'_>,
) -> Result<CredentialChoice, Box<Document>> {
    if global.token_file.is_some() && global.token_command.is_some() {
        let message = "--token-file and --token-command exclude each other: use one of them";
        return Err(Document::usage(message).into());
    }
    let flag = match (&global.token_file, &global.token_command) {
        (Some(_), _) => Some(("--token-file", CredentialChoice::TokenFile)),
        (None, Some(_)) => Some(("--token-command", CredentialChoice::TokenCommand)),
        (None, None) => None,
    };
    let choice = match (global.credential, flag) {
        (Some(choice), Some((name, kind))) => {
            if choice != kind && choice != CredentialChoice::Auto {
                let message = format!(
                    "{name} does not belong to the kind that --credential names: leave out one of them"
                );
                return Err(Document::usage(message).into());
            }
            kind
        }
        (Some(choice), None) => choice,
        (None, Some((_, kind))) => kind,
        (None, None) => match env.text(CHOICE)? {
            Some(name) => CredentialChoice::from_str(&name, false).map_err(|_| {
                let names: Vec<_> = CredentialChoice::value_variants()
                    .iter()
                    .filter_map(|it| Some(it.to_possible_value()?.get_name().to_owned()))
                    .collect();
                Document::usage(format!("{CHOICE} must be one of {}", names.join(", ")))
            })?,
            None => CredentialChoice::Auto,
        },
    };
    let missing = match (choice, flag) {
        (CredentialChoice::TokenFile, None) => "--token-file",
        (CredentialChoice::TokenCommand, None) => "--token-command",
        _ => return Ok(choice),
    };
    Err(Document::usage(format!("the credential that was named needs {missing}")).into())
}

/// The token source. `--verbose` shows what it is.
pub(crate) fn tokens(
    global: &Global,
    env: Environment<'_>,
    tenant: Option<&Tenant>,
    deadline: &Deadline,
) -> Result<Tokens, Box<Document>> {
    let note = |used: &str, also: &[CredentialKind]| {
        let also: Vec<_> = also.iter().map(|kind| kind.name()).collect();
        let also = if also.is_empty() {
            String::new()
        } else {
            format!("; also set, and not used: {}", also.join(", "))
        };
        terminal::detail(format!("credential: {used}{also}"));
    };
    noted_tokens(global, env, tenant, deadline, note)
}

/// A token source, and where it comes from.
pub(crate) struct Source {
    pub(crate) tokens: Tokens,
    /// Its name for `--credential`.
    pub(crate) used: String,
    /// What holds it, or describes it.
    pub(crate) place: String,
    /// Other kinds that the environment has.
    pub(crate) also: Vec<&'static str>,
}

/// The token source, and where it comes from.
pub(crate) fn token_source(
    global: &Global,
    env: Environment<'_>,
    tenant: Option<&Tenant>,
    deadline: &Deadline,
) -> Result<Source, Box<Document>> {
    let used = RefCell::new(String::new());
    let note = |name: &str, _: &[CredentialKind]| *used.borrow_mut() = name.to_owned();
    let tokens = noted_tokens(global, env, tenant, deadline, note)?;
    let used = used.into_inner();
    let token = env.os(TOKEN).map(|_| "token");
    let kinds = CredentialKind::detect(&variables(env));
    let found = token.into_iter().chain(kinds.iter().map(|it| it.name()));
    let also = found.filter(|name| *name != used).collect();
    let place = match &tokens {
        Tokens::Fixed(_) => TOKEN.to_owned(),
        Tokens::File(_) => {
            let path = global.token_file.as_deref().map(Path::display);
            format!(
                "--token-file {}",
                path.map(|it| it.to_string()).unwrap_or_default()
            )
        }
        Tokens::Command(_) => "--token-command".to_owned(),
        Tokens::Credential(kind) => place_of(*kind, env).to_owned(),
    };
    Ok(Source {
        tokens,
        used,
        place,
        also,
    })
}

/// What describes a kind.
fn place_of(kind: CredentialKind, env: Environment<'_>) -> &'static str {
    let is_set = |name: &str| env.os(name).is_some();
    match kind {
        CredentialKind::Secret => "AZURE_CLIENT_SECRET",
        CredentialKind::Certificate => "AZURE_CLIENT_CERTIFICATE_PATH",
        CredentialKind::Workload => "AZURE_FEDERATED_TOKEN_FILE",
        CredentialKind::GitHub => "ACTIONS_ID_TOKEN_REQUEST_URL",
        CredentialKind::ManagedIdentity | CredentialKind::ManagedIdentityFederation => {
            if is_set("IDENTITY_ENDPOINT") {
                "IDENTITY_ENDPOINT"
            } else if is_set("AZURE_POD_IDENTITY_AUTHORITY_HOST") {
                "AZURE_POD_IDENTITY_AUTHORITY_HOST"
            } else {
                "the metadata service of this virtual machine"
            }
        }
    }
}

/// The token source. `note` gets its name, and the other kinds that the environment has.
fn noted_tokens(
    global: &Global,
    env: Environment<'_>,
    tenant: Option<&Tenant>,
    deadline: &Deadline,
    note: impl Fn(&str, &[CredentialKind]),
) -> Result<Tokens, Box<Document>> {
    let choice = choice(global, env)?;
    let unnamed = unnamed()?;
    let tenant = tenant.unwrap_or(&unnamed);
    let of_kind = |kind| of_kind(kind, env, tenant);
    match choice {
        CredentialChoice::TokenFile | CredentialChoice::TokenCommand => {
            let (name, tokens) = match (&global.token_file, &global.token_command) {
                (Some(path), _) => ("token-file", file(TokenFile::open(path.clone(), deadline))?),
                (None, command) => {
                    let command = command.clone().unwrap_or_default();
                    ("token-command", Tokens::Command(command))
                }
            };
            note(name, &[]);
            Ok(tokens)
        }
        CredentialChoice::Auto => {
            let variables = variables(env);
            let found = CredentialKind::detect(&variables);
            if let Some(token) = token(env)? {
                note("token", &found);
                return Ok(token);
            }
            let Some((first, also)) = found.split_first() else {
                return Err(Document::error(Outcome::Unauthorized, Kind::Token, NO_TOKEN)
                    .advise("for example, after `az login --service-principal` or `az login --identity`: --token-command 'az account get-access-token --resource https://graph.microsoft.com --output json'")
                    .into());
            };
            note(first.name(), also);
            of_kind(*first)
        }
        CredentialChoice::Token => {
            note("token", &[]);
            token(env)?.ok_or_else(|| {
                let message = format!("the credential `token` needs {TOKEN}, which is not set");
                token_error(&TokenError::Unusable(message))
            })
        }
        CredentialChoice::Secret => of_kind(CredentialKind::Secret),
        CredentialChoice::Certificate => of_kind(CredentialKind::Certificate),
        CredentialChoice::Workload => of_kind(CredentialKind::Workload),
        CredentialChoice::ManagedIdentity => of_kind(CredentialKind::ManagedIdentity),
        CredentialChoice::GitHub => of_kind(CredentialKind::GitHub),
        CredentialChoice::ManagedIdentityFederation => {
            of_kind(CredentialKind::ManagedIdentityFederation)
        }
    }
    .inspect(|tokens| {
        if choice != CredentialChoice::Auto
            && let Tokens::Credential(kind) = tokens
        {
            note(kind.name(), &[]);
        }
    })
}

/// The token that can be had without a request or a command, if that is what would be used. Errors do not matter here.
pub(crate) fn token_at_hand(
    global: &Global,
    env: Environment<'_>,
    deadline: &Deadline,
) -> Option<AccessToken> {
    let tokens = match choice(global, env).ok()? {
        CredentialChoice::TokenFile => {
            let path = global.token_file.clone()?;
            // A pipe can be read once, and is for a command that sends the token.
            std::fs::metadata(&path)
                .ok()
                .filter(std::fs::Metadata::is_file)?;
            Tokens::File(TokenFile::open(path, deadline).ok()?)
        }
        CredentialChoice::Auto | CredentialChoice::Token => token(env).ok()??,
        CredentialChoice::TokenCommand
        | CredentialChoice::Secret
        | CredentialChoice::Certificate
        | CredentialChoice::Workload
        | CredentialChoice::ManagedIdentity
        | CredentialChoice::GitHub
        | CredentialChoice::ManagedIdentityFederation => return None,
    };
    match tokens {
        Tokens::Fixed(token) => Some(token),
        Tokens::File(file) => file.read().ok(),
        Tokens::Command(_) | Tokens::Credential(_) => None,
    }
}

fn variables(env: Environment<'_>) -> Variables {
    Variables::read(|name| env.os(name))
}

/// `INDUSTRYDATA_TOKEN`. It may be JSON of several lines, or text of another encoding: not a line.
fn token(env: Environment<'_>) -> Result<Option<Tokens>, Box<Document>> {
    let Some(token) = env.os(TOKEN) else {
        return Ok(None);
    };
    AccessToken::from_output(token.as_encoded_bytes(), Timestamp::now())
        .map(|token| Some(Tokens::Fixed(token)))
        .map_err(|error| token_error(&TokenError::Unusable(format!("{TOKEN}: {error}"))))
}

/// A credential of the environment, as far as it can be checked without a request.
fn of_kind(
    kind: CredentialKind,
    env: Environment<'_>,
    tenant: &Tenant,
) -> Result<Tokens, Box<Document>> {
    let variables = variables(env);
    let credential = kind.credential(&variables);
    let checked = credential.and_then(|credential| credential.check(tenant));
    checked.map_err(|error| token_error(&error))?;
    for name in kind.trimmed(&variables) {
        warn_of_trimmed(name);
    }
    Ok(Tokens::Credential(kind))
}

fn file(file: Result<TokenFile, TokenFileError>) -> Result<Tokens, Box<Document>> {
    file.map(Tokens::File).map_err(|error| match error {
        TokenFileError::Token(error) => token_error(&error),
        TokenFileError::TimedOut => {
            let message = "the time limit passed before the token file was read";
            Document::error(Outcome::Unreachable, Kind::TimedOut, message)
                .advise("check the program that writes the token file, or set a longer --timeout")
                .into()
        }
        TokenFileError::Interrupted => Document::interrupted(MayHaveStarted::No, None).into(),
    })
}

/// No usable token.
pub(crate) fn token_error(error: &TokenError) -> Box<Document> {
    let message = error_report::message(error);
    let advice = "fix the token source, then run the command again";
    Document::error(Outcome::Unauthorized, Kind::Token, message)
        .advise(&error_report::token_advice(Some(error), advice))
        .into()
}
