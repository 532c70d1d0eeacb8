//! The exchange that obtains a token, one step at a time. Asking for a token cannot start a run.

use std::{fmt, path::Path, time::Duration};

use http::{Request, response::Parts};

use crate::{
    auth::{
        address::Route,
        certificate::{AssertionSigner, SignerError, certificate_assertion},
        client_assertion::Assertion,
        credential::{AssertionSource, Credential, Kind},
        github::GitHubActions,
        managed_identity::ManagedIdentity,
        pem::{PemError, PemFile},
        refusal::{TOKEN_ENDPOINT, TokenRefusal},
        token::{AccessToken, Challenge, TokenError},
        token_answer::unanswered,
        token_output::text_of,
        token_tries::{Tries, Try},
    },
    now::Now,
    policy::{FILE_PATIENCE, FILE_RETRY, Limits, MAX_TOKEN_ANSWER_BYTES},
    seed::Seed,
    tenant::Tenant,
    wire::{
        retry_after::retry_after,
        transport::{IncompleteBody, TransportError},
    },
};

/// Obtains a token with a [`Credential`], within [`Limits::TOKEN`].
///
/// ```
/// use std::time::Duration;
/// use http::Response;
/// use industrydata_core::{auth::{Credential, ManagedIdentity, ObtainToken, TokenStep}, Now, Timestamp};
///
/// let now = Now::new(Timestamp::UNIX_EPOCH, Duration::ZERO);
/// let credential = Credential::managed_identity(ManagedIdentity::metadata());
/// let tenant = "contoso".parse()?;
/// let mut exchange = ObtainToken::new(&credential, &tenant, None, [7; 16], now);
/// let TokenStep::Send(call) = exchange.step(now) else { panic!() };
/// let (request, reply) = call.request();
/// assert_eq!(request.uri().host(), Some("169.254.169.254"));
/// let (head, ()) = Response::new(()).into_parts();
/// reply.answer(&head, Ok(br#"{"access_token":"abc","expires_in":"3600"}"#.to_vec()), now);
/// let TokenStep::Done(token) = exchange.step(now) else { panic!() };
/// assert_eq!(token?.expires(), Some(Timestamp::from_second(3600)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ObtainToken<'c> {
    credential: &'c Credential,
    tenant: &'c Tenant,
    challenge: Option<&'c Challenge>,
    seed: [u8; 16],
    /// How many assertions were made.
    assertions: u8,
    /// The steady moment at which the token must be there.
    deadline: Duration,
    source: Tries,
    endpoint: Tries,
    state: State,
}

/// What to do next.
#[must_use = "carry out the step"]
#[derive(Debug)]
pub enum TokenStep<'m, 'c> {
    /// Send a request.
    Send(TokenCall<'m, 'c>),
    /// Read a file.
    Read(FileRead<'m, 'c>),
    /// Sign an assertion with the key of a certificate.
    Sign(Signing<'m, 'c>),
    /// Wait.
    Wait(TokenPause<'m, 'c>),
    /// The exchange has ended.
    Done(Result<AccessToken, TokenError>),
}

enum State {
    /// The next request goes to the assertion's source, or to the token endpoint if there is no source.
    Begin,
    /// Reading a file since this steady moment.
    File {
        since: Duration,
    },
    Sign(PemFile),
    Ask(Assertion),
    /// Waiting until this steady moment.
    Pause {
        until: Duration,
        then: After,
    },
    Done(Result<AccessToken, TokenError>),
}

/// What follows a pause.
#[derive(Clone, Copy)]
enum After {
    Begin,
    File { since: Duration },
}

/// Whom a request goes to.
enum Asked {
    Token(Option<Assertion>),
    Identity,
    /// An identity or a job, for an assertion.
    Source,
}

/// Why a file was not read.
#[derive(Clone, Debug)]
pub enum FileError {
    /// There is no such file.
    NotFound,
    /// It is larger than the limit.
    TooLarge,
    /// It is a folder, a pipe or a device.
    NotAFile,
    /// The system's own words.
    Other(String),
}

impl<'c> ObtainToken<'c> {
    /// Begins. `seed` is random.
    #[must_use]
    pub const fn new(
        credential: &'c Credential,
        tenant: &'c Tenant,
        challenge: Option<&'c Challenge>,
        seed: [u8; 16],
        now: Now,
    ) -> Self {
        let is_metadata = match &credential.0 {
            Kind::ManagedIdentity(identity)
            | Kind::Assertion(_, AssertionSource::ManagedIdentity(identity)) => {
                identity.is_metadata()
            }
            Kind::Secret(_) | Kind::Assertion(..) => false,
        };
        Self {
            credential,
            tenant,
            challenge,
            seed,
            assertions: 0,
            deadline: now.steady.saturating_add(Limits::TOKEN),
            source: Tries::new(is_metadata),
            endpoint: Tries::new(false),
            state: State::Begin,
        }
    }

    /// The next step.
    pub fn step(&mut self, now: Now) -> TokenStep<'_, 'c> {
        if let State::Pause { until, then } = &self.state {
            if now.steady < *until {
                return TokenStep::Wait(TokenPause { exchange: self });
            }
            self.state = match *then {
                After::Begin => State::Begin,
                After::File { since } => State::File { since },
            };
        }
        if matches!(self.state, State::Begin)
            && let Kind::Assertion(
                _,
                AssertionSource::File(_) | AssertionSource::Certificate { .. },
            ) = &self.credential.0
        {
            self.state = State::File { since: now.steady };
        }
        if self.deadline <= now.steady && !matches!(self.state, State::Done(_)) {
            let text = format!("there was none within {} s", Limits::TOKEN.as_secs());
            self.end(Err(TokenError::unavailable(text)));
        }
        match self.due() {
            Due::Send(request, route, asked) => TokenStep::Send(TokenCall {
                exchange: self,
                request: Box::new(request),
                route,
                asked,
            }),
            Due::Read(path) => TokenStep::Read(FileRead {
                exchange: self,
                path,
            }),
            Due::Sign => TokenStep::Sign(Signing { exchange: self }),
            Due::Done(result) => TokenStep::Done(result),
        }
    }

    /// The step that is due, outside a pause.
    fn due(&mut self) -> Due<'c> {
        let (tenant, challenge) = (self.tenant, self.challenge);
        let due = match (&self.state, &self.credential.0) {
            (State::Done(result), _) => return Due::Done(result.clone()),
            (State::Begin | State::Pause { .. }, Kind::Secret(credentials)) => credentials
                .request(tenant, challenge)
                .map(|request| (request, self.credential.endpoint().0, Asked::Token(None))),
            (State::Begin | State::Pause { .. }, Kind::ManagedIdentity(identity)) => identity
                .request()
                .map(|request| (request, identity.route(), Asked::Identity)),
            (State::Ask(assertion), Kind::Assertion(exchange, _)) => exchange
                .request(tenant, assertion, challenge)
                .map(|request| {
                    let asked = Asked::Token(Some(assertion.clone()));
                    (request, self.credential.endpoint().0, asked)
                }),
            (State::Sign(_), _) => return Due::Sign,
            (_, Kind::Assertion(_, AssertionSource::ManagedIdentity(identity))) => identity
                .request()
                .map(|request| (request, identity.route(), Asked::Source)),
            (_, Kind::Assertion(_, AssertionSource::GitHub(job))) => job
                .request()
                .map(|request| (request, job.route(), Asked::Source)),
            (
                _,
                Kind::Assertion(
                    _,
                    AssertionSource::File(path) | AssertionSource::Certificate { path, .. },
                ),
            ) => return Due::Read(path),
            (State::File { .. } | State::Ask(_), Kind::Secret(_) | Kind::ManagedIdentity(_)) => {
                Err(TokenError::Unusable(
                    "the credential has no assertion".to_owned(),
                ))
            }
        };
        match due {
            Ok((request, route, asked)) => Due::Send(request, route, asked),
            Err(error) => {
                self.end(Err(error.clone()));
                Due::Done(Err(error))
            }
        }
    }

    fn end(&mut self, result: Result<AccessToken, TokenError>) {
        self.state = State::Done(result);
    }

    /// The name of the endpoint that was asked.
    fn name(&self, asked: &Asked) -> String {
        match (asked, &self.credential.0) {
            (
                Asked::Identity | Asked::Source,
                Kind::ManagedIdentity(identity)
                | Kind::Assertion(_, AssertionSource::ManagedIdentity(identity)),
            ) => identity.name(),
            (Asked::Source, Kind::Assertion(_, AssertionSource::GitHub(_))) => {
                GitHubActions::name().to_owned()
            }
            _ => TOKEN_ENDPOINT.to_owned(),
        }
    }

    /// A request that yielded nothing: pauses before the next try, or ends with the error.
    fn failed(&mut self, asked: &Asked, error: TokenError, mut last: Try, now: Now) {
        let left = self.deadline.saturating_sub(now.steady);
        let tries = match asked {
            Asked::Token(_) => &mut self.endpoint,
            Asked::Identity | Asked::Source => &mut self.source,
        };
        last.is_transient = error.is_transient();
        let is_passing = tries.is_passing(last.status);
        if let Some(pause) = tries.pause(last, Seed::new(self.seed), left) {
            // An assertion is for one exchange.
            let (until, then) = (now.steady.saturating_add(pause), After::Begin);
            self.state = State::Pause { until, then };
            return;
        }
        self.end(Err(if is_passing { error.passing() } else { error }));
    }

    fn answered(
        &mut self,
        asked: &Asked,
        head: &Parts,
        body: Result<Vec<u8>, IncompleteBody>,
        now: Now,
    ) {
        let read = match (asked, &self.credential.0) {
            (Asked::Token(None), Kind::Secret(credentials)) => credentials.read(head, body, now),
            (Asked::Token(Some(assertion)), Kind::Assertion(exchange, _)) => {
                exchange.read(assertion, head, body, now)
            }
            (Asked::Identity, Kind::ManagedIdentity(identity)) => identity
                .read(head, body, now)
                .and_then(|token| self.is_another(identity, token)),
            (Asked::Source, Kind::Assertion(_, source)) => {
                match assertion(source, head, body, now) {
                    Ok(assertion) => {
                        self.state = State::Ask(assertion);
                        return;
                    }
                    Err(error) => Err(error),
                }
            }
            (Asked::Token(_) | Asked::Identity | Asked::Source, _) => Err(TokenError::Unusable(
                "the answer belongs to another credential".to_owned(),
            )),
        };
        match read {
            Ok(token) => self.end(Ok(token)),
            Err(error) => {
                let last = Try {
                    status: Some(head.status),
                    asked: retry_after(&head.headers, now.utc),
                    is_transient: false,
                };
                self.failed(asked, error, last, now);
            }
        }
    }

    /// The token, unless the service has just refused it: the platform cannot be made to give another one.
    fn is_another(
        &self,
        identity: &ManagedIdentity,
        token: AccessToken,
    ) -> Result<AccessToken, TokenError> {
        let refused = self.challenge.map(Challenge::refused);
        if !refused.is_some_and(|refused| refused.is_same_token(&token)) {
            return Ok(token);
        }
        let claims = self.challenge.and_then(Challenge::claims);
        let text = if claims.is_some() {
            "it gave the token again that the service has refused, and cannot pass on the claims that the service asks for"
        } else {
            "it gave the token again that the service has refused, and cannot be made to give another one"
        };
        let advice = "a managed identity keeps a token for up to 24 h: wait, or use the credential of an application (managed-identity-federation needs no secret)";
        let refusal = TokenRefusal::because(&identity.name(), text, Some(advice));
        Err(TokenError::Refused(refusal))
    }

    fn file(&mut self, path: &Path, read: Result<Vec<u8>, FileError>, now: Now) {
        let State::File { since } = self.state else {
            return;
        };
        let is_certificate = matches!(
            &self.credential.0,
            Kind::Assertion(_, AssertionSource::Certificate { .. })
        );
        let variable = if is_certificate {
            "AZURE_CLIENT_CERTIFICATE_PATH"
        } else {
            "AZURE_FEDERATED_TOKEN_FILE"
        };
        let fault = match read {
            Ok(bytes) if is_certificate => match PemFile::read(&bytes) {
                Ok(pem) => {
                    self.state = State::Sign(pem);
                    return;
                }
                Err(error) => (error.to_string(), may_be_partial(error)),
            },
            Ok(bytes) => {
                let text = text_of(&bytes).unwrap_or("\0".into());
                match Assertion::new(&text) {
                    Ok(assertion) => {
                        self.state = State::Ask(assertion);
                        return;
                    }
                    Err(_) if text.trim().is_empty() => ("is empty".to_owned(), true),
                    Err(_) => ("holds no JWT".to_owned(), true),
                }
            }
            Err(FileError::NotFound) => ("does not exist".to_owned(), true),
            Err(FileError::TooLarge) => {
                let most = MAX_TOKEN_ANSWER_BYTES / 1024;
                (format!("is larger than {most} KiB"), false)
            }
            Err(FileError::NotAFile) => ("is not a regular file".to_owned(), false),
            Err(FileError::Other(text)) => (format!("cannot be read: {text}"), false),
        };
        let (text, may_change) = fault;
        let until = now.steady.saturating_add(FILE_RETRY);
        if may_change && until <= since.saturating_add(FILE_PATIENCE) {
            let then = After::File { since };
            self.state = State::Pause { until, then };
            return;
        }
        self.end(Err(TokenError::Unusable(format!(
            "the file {} of {variable} {text}",
            path.display()
        ))));
    }

    fn signed(&mut self, signer: Result<&dyn AssertionSigner, SignerError>, now: Now) {
        let State::Sign(pem) = &self.state else {
            return;
        };
        let (Kind::Assertion(exchange, source), Some(path)) =
            (&self.credential.0, self.credential.path())
        else {
            return;
        };
        let sends_chain = matches!(
            source,
            AssertionSource::Certificate {
                sends_chain: true,
                ..
            }
        );
        let chain = if sends_chain { pem.certificates() } else { &[] };
        let mut seed = self.seed;
        // Each assertion has an id that is used once.
        if let Some(first) = seed.first_mut() {
            *first = first.wrapping_add(self.assertions);
        }
        let name = |error: SignerError| {
            TokenError::Unusable(format!(
                "the file {} of AZURE_CLIENT_CERTIFICATE_PATH {error}",
                path.display()
            ))
        };
        let application = exchange.application();
        let made = signer.map_err(name).and_then(|signer| {
            certificate_assertion(application, self.tenant, signer, chain, seed, now)
        });
        self.assertions = self.assertions.wrapping_add(1);
        match made {
            Ok(assertion) => self.state = State::Ask(assertion),
            Err(error) => self.end(Err(error)),
        }
    }
}

#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is made"
)]
enum Due<'c> {
    Send(Request<Vec<u8>>, Route, Asked),
    Read(&'c Path),
    Sign,
    Done(Result<AccessToken, TokenError>),
}

/// Reads an assertion from the answer of its source.
fn assertion(
    source: &AssertionSource,
    head: &Parts,
    body: Result<Vec<u8>, IncompleteBody>,
    now: Now,
) -> Result<Assertion, TokenError> {
    match source {
        AssertionSource::GitHub(job) => job.read(head, body),
        AssertionSource::ManagedIdentity(identity) => {
            let token = identity.read(head, body, now)?;
            Assertion::new(token.text().unwrap_or_default()).map_err(|_| {
                TokenError::Unusable(format!(
                    "{} sent a token that is not a JWT",
                    identity.name()
                ))
            })
        }
        AssertionSource::File(_) | AssertionSource::Certificate { .. } => {
            Err(TokenError::Unusable("a file does not answer".to_owned()))
        }
    }
}

/// Whether a PEM file may have this fault because another program is writing it.
const fn may_be_partial(error: PemError) -> bool {
    match error {
        PemError::Damaged | PemError::NoKey | PemError::NoCertificate => true,
        PemError::NotPem | PemError::EncryptedKey | PemError::NotRsa | PemError::SeveralKeys => {
            false
        }
    }
}

/// A request to send once.
#[must_use = "send the request"]
pub struct TokenCall<'m, 'c> {
    exchange: &'m mut ObtainToken<'c>,
    request: Box<Request<Vec<u8>>>,
    route: Route,
    asked: Asked,
}

impl<'m, 'c> TokenCall<'m, 'c> {
    /// How the request may reach its endpoint.
    #[must_use]
    pub const fn route(&self) -> Route {
        self.route
    }

    /// The host of the endpoint. An IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.request.uri().host().unwrap_or_default()
    }

    /// The time left for the request and its answer.
    #[must_use]
    pub const fn time_limit(&self, now: Now) -> Duration {
        self.exchange.deadline.saturating_sub(now.steady)
    }

    /// The request, and the receiver of its answer.
    #[must_use = "send the request"]
    pub fn request(self) -> (Request<Vec<u8>>, TokenReply<'m, 'c>) {
        let (exchange, asked) = (self.exchange, self.asked);
        (*self.request, TokenReply { exchange, asked })
    }

    /// Reports that this machine could not send the request.
    pub fn unsent(self, error: TransportError, now: Now) {
        let (_, reply) = self.request();
        reply.lost(error, now);
    }
}

/// Receives the answer to a request.
#[must_use = "report what the request ended with"]
pub struct TokenReply<'m, 'c> {
    exchange: &'m mut ObtainToken<'c>,
    asked: Asked,
}

impl TokenReply<'_, '_> {
    /// The longest body to read, in bytes: 64 KiB.
    #[must_use]
    pub const fn body_limit(&self) -> usize {
        MAX_TOKEN_ANSWER_BYTES
    }

    /// Reports the answer.
    pub fn answer(self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now) {
        self.exchange.answered(&self.asked, head, body, now);
    }

    /// Reports that there was no answer.
    pub fn lost(self, error: TransportError, now: Now) {
        let from = match self.asked {
            // Its answers have names of their own, but a network that does not reach it has none.
            Asked::Token(_) => {
                let (_, host) = self.exchange.credential.endpoint();
                format!("{TOKEN_ENDPOINT} at {host} (AZURE_AUTHORITY_HOST sets another)")
            }
            Asked::Identity | Asked::Source => self.exchange.name(&self.asked),
        };
        let error = unanswered(&from, error);
        let last = Try::default();
        self.exchange.failed(&self.asked, error, last, now);
    }
}

/// A file to read. It is a regular file, perhaps behind symbolic links.
#[must_use = "read the file"]
pub struct FileRead<'m, 'c> {
    exchange: &'m mut ObtainToken<'c>,
    path: &'c Path,
}

impl<'c> FileRead<'_, 'c> {
    /// The path.
    #[must_use]
    pub const fn path(&self) -> &'c Path {
        self.path
    }

    /// The longest content to read, in bytes: 64 KiB.
    #[must_use]
    pub const fn limit(&self) -> usize {
        MAX_TOKEN_ANSWER_BYTES
    }

    /// Reports the content, or why there is none. The file is read again for up to 2 s while another program may be
    /// writing it.
    pub fn done(self, content: Result<Vec<u8>, FileError>, now: Now) {
        self.exchange.file(self.path, content, now);
    }
}

/// An assertion to sign.
#[must_use = "sign the assertion"]
pub struct Signing<'m, 'c> {
    exchange: &'m mut ObtainToken<'c>,
}

impl Signing<'_, '_> {
    /// The key and its certificates, to make a signer from.
    #[must_use]
    pub const fn pem(&self) -> Option<&PemFile> {
        match &self.exchange.state {
            State::Sign(pem) => Some(pem),
            State::Begin
            | State::File { .. }
            | State::Ask(_)
            | State::Pause { .. }
            | State::Done(_) => None,
        }
    }

    /// Signs with the signer, or reports why there is none.
    pub fn done<S: AssertionSigner>(self, signer: Result<S, SignerError>, now: Now) {
        let signer = signer.as_ref();
        let signer = signer
            .map(|it| it as &dyn AssertionSigner)
            .map_err(|it| *it);
        self.exchange.signed(signer, now);
    }
}

/// A wait before the next step.
#[must_use = "wait"]
pub struct TokenPause<'m, 'c> {
    exchange: &'m mut ObtainToken<'c>,
}

impl TokenPause<'_, '_> {
    /// The time to wait. Then ask for the next step.
    #[must_use]
    pub const fn remaining(&self, now: Now) -> Duration {
        match &self.exchange.state {
            State::Pause { until, .. } => until.saturating_sub(now.steady),
            State::Begin | State::File { .. } | State::Sign(_) | State::Ask(_) | State::Done(_) => {
                Duration::ZERO
            }
        }
    }

    /// Gives up, as when the client is stopped meanwhile.
    pub fn stop(self) {
        let error = TokenError::unavailable("stopped before there was a token");
        self.exchange.end(Err(error));
    }
}

macro_rules! opaque {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name<'_, '_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

opaque!(TokenCall, TokenReply, FileRead, Signing, TokenPause);

impl fmt::Debug for ObtainToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObtainToken")
            .field("credential", &self.credential)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
