use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::{
    auth::{Application, ClientCredentials},
    wire::{challenge::ClaimsChallenge, transport::Phase},
};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n";
const TOKEN: &str = r#"{"access_token":"canary-token","expires_in":3600}"#;
const JWT: &str = r#"{"access_token":"canary.b.c","expires_in":"3600"}"#;

/// A world that answers by a script, with a clock.
struct World {
    steady: Cell<u64>,
    requests: Vec<Request<Vec<u8>>>,
    routes: Vec<Route>,
    /// The moments of the requests, in seconds.
    times: Vec<u64>,
    reads: u32,
    signed: u32,
}

type Content = Result<Vec<u8>, FileError>;

/// What a request gets.
#[derive(Clone, Copy)]
enum Got<'a> {
    Answer(u16, &'a str),
    RetryAfter(u16, &'a str),
    Lost,
}

struct Signer;

impl AssertionSigner for Signer {
    fn thumbprint(&self) -> [u8; 32] {
        [7; 32]
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(b"canary".to_vec())
    }
}

impl World {
    fn new() -> Self {
        Self {
            steady: Cell::new(0),
            requests: Vec::new(),
            routes: Vec::new(),
            times: Vec::new(),
            reads: 0,
            signed: 0,
        }
    }

    fn now(&self) -> Now {
        let utc = jiff::Timestamp::UNIX_EPOCH + Duration::from_millis(self.steady.get());
        Now::new(utc, Duration::from_millis(self.steady.get()))
    }

    /// Runs the exchange to its end. Each request takes 100 ms.
    fn run(
        &mut self,
        credential: &Credential,
        challenge: Option<&Challenge>,
        answers: &[Got<'_>],
        file: impl Fn(u64) -> Result<Vec<u8>, FileError>,
        signer: Result<(), SignerError>,
    ) -> Result<AccessToken, TokenError> {
        let tenant = "contoso.com".parse().unwrap();
        let mut answers = answers.iter();
        let mut exchange = ObtainToken::new(credential, &tenant, challenge, [7; 16], self.now());
        for _ in 0..500 {
            match exchange.step(self.now()) {
                TokenStep::Send(call) => {
                    assert!(call.time_limit(self.now()) <= Limits::TOKEN);
                    self.routes.push(call.route());
                    self.times.push(self.steady.get() / 1000);
                    let (request, reply) = call.request();
                    assert_eq!(reply.body_limit(), 65_536);
                    self.requests.push(request);
                    self.steady.set(self.steady.get() + 100);
                    let answer = |status: u16, body: &str, after: Option<&str>| {
                        let mut head = http::Response::builder().status(status);
                        if let Some(after) = after {
                            head = head.header("retry-after", after);
                        }
                        (
                            head.body(()).unwrap().into_parts().0,
                            Ok(body.as_bytes().to_vec()),
                        )
                    };
                    match answers.next().expect("one more request than answers") {
                        Got::Answer(status, body) => {
                            let (head, body) = answer(*status, body, None);
                            reply.answer(&head, body, self.now());
                        }
                        Got::RetryAfter(status, after) => {
                            let (head, body) = answer(*status, "", Some(after));
                            reply.answer(&head, body, self.now());
                        }
                        Got::Lost => {
                            reply.lost(TransportError::new(Phase::Connect, "refused"), self.now());
                        }
                    }
                }
                TokenStep::Read(read) => {
                    self.reads += 1;
                    assert_eq!(read.limit(), 65_536);
                    assert_eq!(Some(read.path()), credential.path());
                    read.done(file(self.steady.get()), self.now());
                }
                TokenStep::Sign(signing) => {
                    assert!(signing.pem().is_some());
                    self.signed += 1;
                    signing.done(signer.map(|()| Signer), self.now());
                }
                TokenStep::Wait(pause) => {
                    let wait = pause.remaining(self.now());
                    assert!(!wait.is_zero());
                    let wait = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap();
                    self.steady.set(self.steady.get() + wait);
                }
                TokenStep::Done(result) => {
                    assert!(self.steady.get() <= 91_000, "{}", self.steady.get());
                    let shown = format!("{result:?} {exchange:?}");
                    assert!(!shown.contains("canary"), "{shown}");
                    if let Err(error) = &result {
                        assert!(!error.to_string().contains("canary"), "{error}");
                    }
                    return result;
                }
            }
        }
        panic!("no end");
    }

    fn send(
        &mut self,
        credential: &Credential,
        answers: &[Got<'_>],
    ) -> Result<AccessToken, TokenError> {
        self.run(
            credential,
            None,
            answers,
            |_| Err(FileError::NotFound),
            Ok(()),
        )
    }
}

fn application() -> Application {
    Application::new("app")
        .authority("http://127.0.0.1:9")
        .unwrap()
}

fn secret() -> Credential {
    ClientCredentials::of(application(), "canary-secret").into()
}

fn metadata() -> ManagedIdentity {
    ManagedIdentity::metadata_at("http://127.0.0.1:7").unwrap()
}

fn app_service() -> ManagedIdentity {
    ManagedIdentity::app_service("http://localhost:6/msi", "canary-header").unwrap()
}

fn job() -> GitHubActions {
    GitHubActions::new("https://actions.example/x?y=z", "canary-request").unwrap()
}

#[test]
fn each_kind_gets_its_token() {
    let (answer, jwt) = (Got::Answer(200, TOKEN), Got::Answer(200, JWT));
    let value = Got::Answer(200, r#"{"value":"canary.b.c"}"#);
    for (credential, answers, routes) in [
        (secret(), &[answer][..], &[Route::Plain][..]),
        (metadata().into(), &[answer], &[Route::Plain]),
        (app_service().into(), &[answer], &[Route::Plain]),
        (
            Credential::federated_identity(application(), metadata()),
            &[jwt, answer],
            &[Route::Plain, Route::Plain],
        ),
        (
            Credential::federated_identity(application(), app_service()),
            &[jwt, answer],
            &[Route::Plain, Route::Plain],
        ),
        (
            Credential::github(application(), job()),
            &[value, answer],
            &[Route::Proxied, Route::Plain],
        ),
        (
            Credential::federated_file(application(), "/file"),
            &[answer],
            &[Route::Plain],
        ),
        (
            Credential::certificate(application(), "/file"),
            &[answer],
            &[Route::Plain],
        ),
    ] {
        let mut world = World::new();
        let file = |_| {
            Ok(if is_pem(&credential) {
                format!("{KEY}{CERTIFICATE}").into_bytes()
            } else {
                b"canary.b.c\n".to_vec()
            })
        };
        let token = world.run(&credential, None, answers, file, Ok(())).unwrap();
        assert_eq!(token.text(), Some("canary-token"));
        assert_eq!(world.routes, routes, "{credential:?}");
        let last = world.requests.last().unwrap();
        if credential.application().is_some() {
            assert_eq!(
                last.uri(),
                "http://127.0.0.1:9/contoso.com/oauth2/v2.0/token"
            );
        }
        assert_eq!(world.signed, u32::from(is_pem(&credential)));
    }
}

fn is_pem(credential: &Credential) -> bool {
    matches!(
        &credential.0,
        Kind::Assertion(_, AssertionSource::Certificate { .. })
    )
}

#[test]
fn an_identity_that_stands_in_asks_for_the_token_exchange() {
    let mut world = World::new();
    let credential = Credential::federated_identity(application(), metadata());
    world
        .send(
            &credential,
            &[Got::Answer(200, JWT), Got::Answer(200, TOKEN)],
        )
        .unwrap();
    let query = world.requests[0].uri().query().unwrap();
    assert!(
        query.ends_with("resource=api%3A%2F%2FAzureADTokenExchange"),
        "{query}"
    );
    let mut world = World::new();
    let opaque = world
        .send(&credential, &[Got::Answer(200, TOKEN)])
        .unwrap_err();
    assert!(opaque.to_string().contains("not a JWT"), "{opaque}");
}

#[test]
fn the_metadata_service_is_waited_for() {
    let (gone, found) = (Got::Answer(410, "x"), Got::Answer(200, TOKEN));
    let identity = metadata().into();
    let mut world = World::new();
    assert!(
        world
            .send(
                &identity,
                &[gone, gone, gone, gone, gone, gone, gone, found]
            )
            .is_ok()
    );
    assert_eq!(world.times, [0, 10, 20, 30, 40, 50, 60, 70]);
    let mut world = World::new();
    let error = world.send(&identity, &[gone; 8]).unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("410 Gone"),
        "{error}"
    );
    for status in [404, 408, 429, 500, 503] {
        let mut world = World::new();
        let busy = Got::Answer(status, "");
        let error = world.send(&identity, &[busy; 4]).unwrap_err();
        assert_eq!(world.times, [0, 1, 3, 7], "{status}");
        assert!(error.is_transient(), "{error}");
    }
    let mut world = World::new();
    let error = world.send(&identity, &[Got::Lost; 4]).unwrap_err();
    assert!(error.is_transient(), "{error}");
    let text = error.to_string();
    assert!(text.contains("AZURE_POD_IDENTITY_AUTHORITY_HOST"), "{text}");
    let mut world = World::new();
    assert!(
        world
            .send(&identity, &[Got::RetryAfter(429, "30"), found])
            .is_ok()
    );
    assert_eq!(world.times, [0, 30]);
    for status in [200, 302, 400, 401, 403, 405] {
        let mut world = World::new();
        assert!(
            world
                .send(&identity, &[Got::Answer(status, "<html>")])
                .is_err()
        );
    }
    // Seventy seconds of waiting leave time for the exchange after it.
    let standing_in = Credential::federated_identity(application(), metadata());
    let mut world = World::new();
    let jwt = Got::Answer(200, JWT);
    assert!(
        world
            .send(
                &standing_in,
                &[gone, gone, gone, gone, gone, gone, gone, jwt, found]
            )
            .is_ok()
    );
}

#[test]
fn other_endpoints_have_three_tries() {
    for credential in [
        secret(),
        app_service().into(),
        Credential::github(application(), job()),
    ] {
        for status in [408, 429, 500, 503] {
            let mut world = World::new();
            let error = world
                .send(&credential, &[Got::Answer(status, ""); 3])
                .unwrap_err();
            assert!(error.is_transient(), "{error}");
        }
        for status in [302, 400, 401, 403, 404, 410] {
            let mut world = World::new();
            let error = world
                .send(&credential, &[Got::Answer(status, "")])
                .unwrap_err();
            assert!(matches!(error, TokenError::Refused(_)), "{error}");
        }
        let mut world = World::new();
        let error = world.send(&credential, &[Got::Lost; 3]).unwrap_err();
        let variable = match credential.assertion_endpoint() {
            Some(_) => "ACTIONS_ID_TOKEN_REQUEST_URL",
            None if credential.application().is_none() => "IDENTITY_ENDPOINT",
            None => "the token endpoint at 127.0.0.1 (AZURE_AUTHORITY_HOST",
        };
        assert!(error.to_string().contains(variable), "{error}");
    }
}

#[test]
fn a_repeat_at_the_token_endpoint_has_another_assertion() {
    let value = Got::Answer(200, r#"{"value":"canary.b.c"}"#);
    let busy = Got::Answer(503, "");
    let mut world = World::new();
    let github = Credential::github(application(), job());
    let found = Got::Answer(200, TOKEN);
    assert!(
        world
            .send(&github, &[value, busy, value, busy, value, found])
            .is_ok()
    );
    let mut world = World::new();
    let certificate = Credential::certificate(application(), "/file");
    let file = |_| Ok(format!("{KEY}{CERTIFICATE}").into_bytes());
    assert!(
        world
            .run(&certificate, None, &[busy, found], file, Ok(()))
            .is_ok()
    );
    assert_eq!((world.signed, world.reads), (2, 2));
    assert_ne!(world.requests[0].body(), world.requests[1].body());
}

#[test]
fn a_file_that_a_windows_program_wrote_is_read() {
    let found = Got::Answer(200, TOKEN);
    let federated = Credential::federated_file(application(), "/file");
    let text = "\u{feff}canary.b.c\r\n";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [text.as_bytes().to_vec(), utf16] {
        let mut world = World::new();
        let file = |_| Ok(bytes.clone());
        assert!(world.run(&federated, None, &[found], file, Ok(())).is_ok());
    }
}

#[test]
fn a_file_is_read_again_while_it_is_written() {
    let found = Got::Answer(200, TOKEN);
    let federated = Credential::federated_file(application(), "/file");
    let partial: [fn() -> Content; 5] = [
        || Err(FileError::NotFound),
        || Ok(Vec::new()),
        || Ok(b" \n".to_vec()),
        || Ok(b"canary.b".to_vec()),
        || Ok(vec![0xff]),
    ];
    for partial in partial {
        let file = |at| {
            if at < 1500 {
                partial()
            } else {
                Ok(b"canary.b.c".to_vec())
            }
        };
        let mut world = World::new();
        assert!(world.run(&federated, None, &[found], file, Ok(())).is_ok());
        let mut world = World::new();
        let error = world
            .run(&federated, None, &[], |_| partial(), Ok(()))
            .unwrap_err();
        let text = error.to_string();
        let is_blank = partial().is_ok_and(|bytes| bytes.trim_ascii().is_empty());
        assert_eq!(text.ends_with("is empty"), is_blank, "{text}");
        assert!(
            text.contains("/file") && text.contains("AZURE_FEDERATED_TOKEN_FILE"),
            "{text}"
        );
        assert!(
            (1900..2100).contains(&world.steady.get()),
            "{}",
            world.steady.get()
        );
    }
    let finals: [fn() -> Content; 3] = [
        || Err(FileError::TooLarge),
        || Err(FileError::NotAFile),
        || Err(FileError::Other("denied".to_owned())),
    ];
    let mut texts = Vec::new();
    for fault in finals {
        let mut world = World::new();
        let error = world
            .run(&federated, None, &[], |_| fault(), Ok(()))
            .unwrap_err();
        assert_eq!((world.reads, world.requests.len()), (1, 0));
        texts.push(error.to_string());
    }
    assert!(
        texts[0].contains(" 64 KiB") && texts[1].contains("regular") && texts[2].contains("denied")
    );
}

#[test]
fn a_certificate_that_cannot_sign_is_named() {
    let certificate = Credential::certificate(application(), "/file");
    let encrypted = KEY.replace("PRIVATE", "ENCRYPTED PRIVATE") + CERTIFICATE;
    for (content, part, is_partial) in [
        (String::new(), "no private key", true),
        (CERTIFICATE.to_owned(), "no private key", true),
        (KEY.to_owned(), "no certificate", true),
        (encrypted, "encrypted", false),
        (
            KEY.replace("PRIVATE", "EC PRIVATE") + CERTIFICATE,
            "RSA",
            false,
        ),
        ("canary".to_owned(), "PFX", false),
    ] {
        let mut world = World::new();
        let file = |_| Ok(content.clone().into_bytes());
        let error = world
            .run(&certificate, None, &[], file, Ok(()))
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(part) && text.contains("AZURE_CLIENT_CERTIFICATE_PATH"),
            "{text}"
        );
        // Another program may be writing it.
        assert_eq!(world.reads > 1, is_partial, "{text}");
    }
    for fault in [
        SignerError::KeyMismatch,
        SignerError::NotRsa,
        SignerError::InvalidKey,
        SignerError::InvalidCertificate,
        SignerError::NoSigner,
    ] {
        let mut world = World::new();
        let file = |_| Ok(format!("{KEY}{CERTIFICATE}").into_bytes());
        let error = world
            .run(&certificate, None, &[], file, Err(fault))
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&fault.to_string()) && text.contains("AZURE_CLIENT_CERTIFICATE_PATH"),
            "{text}"
        );
    }
}

fn challenge(token: &str, has_claims: bool) -> Challenge {
    let mut headers = http::HeaderMap::new();
    let field = r#"Bearer error="insufficient_claims", claims="eyJhIjoxfQ""#;
    headers.insert(http::header::WWW_AUTHENTICATE, field.parse().unwrap());
    let claims = has_claims
        .then(|| ClaimsChallenge::from_headers(&headers))
        .flatten();
    Challenge::new(AccessToken::new(token).unwrap(), claims)
}

#[test]
fn claims_are_passed_on_where_the_exchange_can_carry_them() {
    let refused = challenge("old", true);
    let (jwt, found) = (Got::Answer(200, JWT), Got::Answer(200, TOKEN));
    for (credential, answers) in [
        (secret(), &[found][..]),
        (
            Credential::federated_identity(application(), metadata()),
            &[jwt, found],
        ),
        (Credential::federated_file(application(), "/file"), &[found]),
    ] {
        let mut world = World::new();
        let file = |_| Ok(b"a.b.c".to_vec());
        assert!(
            world
                .run(&credential, Some(&refused), answers, file, Ok(()))
                .is_ok()
        );
        let body = world.requests.last().unwrap().body();
        assert!(
            body.ends_with(b"&claims=%7B%22a%22%3A1%7D"),
            "{credential:?}"
        );
        assert!(
            world
                .requests
                .iter()
                .rev()
                .skip(1)
                .all(|request| request.body().is_empty())
        );
    }
}

#[test]
fn a_managed_identity_cannot_be_forced() {
    for identity in [metadata(), app_service()] {
        for has_claims in [false, true] {
            let refused = challenge("canary-token", has_claims);
            let mut world = World::new();
            let answers = [Got::Answer(200, TOKEN)];
            let none = |_| Err(FileError::NotFound);
            let credential = identity.clone().into();
            let error = world
                .run(&credential, Some(&refused), &answers, none, Ok(()))
                .unwrap_err();
            assert!(matches!(error, TokenError::Refused(_)), "{error}");
            assert_eq!(error.to_string().contains("claims"), has_claims, "{error}");
            assert!(error.advice().unwrap().contains("24 h"));
            let other = challenge("old", has_claims);
            let mut world = World::new();
            assert!(
                world
                    .run(&credential, Some(&other), &answers, none, Ok(()))
                    .is_ok()
            );
        }
    }
}

#[test]
fn an_invalid_tenant_ends_it_before_any_request() {
    let now = Now::new(jiff::Timestamp::UNIX_EPOCH, Duration::ZERO);
    let tenant = "a/b".parse().unwrap();
    let credential = secret();
    let mut exchange = ObtainToken::new(&credential, &tenant, None, [7; 16], now);
    for _ in 0..2 {
        assert!(matches!(
            exchange.step(now),
            TokenStep::Done(Err(TokenError::Unusable(_)))
        ));
    }
}

#[test]
fn the_time_is_limited() {
    let at = |seconds| Now::new(jiff::Timestamp::UNIX_EPOCH, Duration::from_secs(seconds));
    let tenant = "a".parse().unwrap();
    let credential = secret();
    let mut exchange = ObtainToken::new(&credential, &tenant, None, [7; 16], at(5));
    let TokenStep::Send(call) = exchange.step(at(94)) else {
        panic!()
    };
    assert_eq!(call.time_limit(at(94)), Duration::from_secs(1));
    call.unsent(TransportError::new(Phase::Local, "full"), at(94));
    let TokenStep::Done(Err(error)) = exchange.step(at(94)) else {
        panic!()
    };
    assert!(error.is_transient());
    let mut exchange = ObtainToken::new(&credential, &tenant, None, [7; 16], at(5));
    let TokenStep::Done(Err(error)) = exchange.step(at(95)) else {
        panic!()
    };
    assert!(error.to_string().contains("90 s"), "{error}");
    let mut exchange = ObtainToken::new(&credential, &tenant, None, [7; 16], at(5));
    let TokenStep::Send(call) = exchange.step(at(5)) else {
        panic!()
    };
    call.unsent(TransportError::new(Phase::Local, "full"), at(5));
    let TokenStep::Wait(pause) = exchange.step(at(5)) else {
        panic!()
    };
    pause.stop();
    assert!(matches!(exchange.step(at(5)), TokenStep::Done(Err(_))));
}

proptest! {
    #[test]
    fn any_answers_end_it(
        kind in 0_u8..4,
        answers in prop::collection::vec((prop::sample::select(vec![200_u16, 302, 400, 404, 410, 429, 500]), "\\{\"(access_token|value|error)\":\"?[a-z.]{0,8}\"?\\}|<html>|\\PC{0,8}"), 12),
    ) {
        let credential = match kind {
            0 => secret(),
            1 => metadata().into(),
            2 => Credential::federated_identity(application(), metadata()),
            _ => Credential::github(application(), job()),
        };
        let answers: Vec<_> = answers.iter().map(|(status, body)| Got::Answer(*status, body)).collect();
        let mut world = World::new();
        let _ = world.send(&credential, &answers);
    }
}
