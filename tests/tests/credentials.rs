//! Every kind of credential over real sockets, in both flavours.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use industrydata_core::auth::{
    Application, ClientCredentials, Credential, GitHubActions, ManagedIdentity, PemFile,
    TokenClaims, TokenError, UserAssigned,
};
use industrydata_core::lro::StartErrorKind;
use industrydata_core::lro::{MayHaveStarted, Settings};
use industrydata_core::wire::BaseUrl;
use industrydata_core::{AccessToken, Tenant};
use industrydata_emulator::{self as emulator, Config, Emulator, Fault, On};
use industrydata_ledger::Ledger;
use serde_json::Value;

/// A request as it came over the wire.
#[derive(Clone, Debug)]
struct Request {
    head: String,
    body: String,
}

impl Request {
    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// A member of the form, with the characters of a JWT left as they are.
    fn form(&self, name: &str) -> Option<&str> {
        let mut fields = self.body.split('&');
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    }
}

/// A server that answers by a function of the number of the request and the request. `None` never answers.
struct Endpoint {
    url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

type Answer = dyn Fn(usize, &Request) -> Option<String> + Send + Sync;

impl Endpoint {
    fn start(answer: impl Fn(usize, &Request) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (shared, answer): (_, Arc<Answer>) = (Arc::clone(&seen), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &seen, &*answer));
            }
        });
        Self { url, seen }
    }

    fn always(answer: String) -> Self {
        Self::start(move |_, _| Some(answer.clone()))
    }

    fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

/// One request for each connection.
fn serve(stream: TcpStream, seen: &Mutex<Vec<Request>>, answer: &Answer) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let mut request = Request {
        head,
        body: String::new(),
    };
    let length = request
        .field("content-length")
        .and_then(|it| it.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    request.body = String::from_utf8(body).unwrap();
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    match answer(number, &request) {
        // The client may have gone.
        Some(answer) => drop((&stream).write_all(answer.as_bytes())),
        None => thread::sleep(Duration::from_secs(20)),
    }
}

fn answer(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{fields}\r\n{body}"
    )
}

fn ok(body: &str) -> String {
    answer("200 OK", "content-type: application/json\r\n", body)
}

fn token_answer(token: &str) -> String {
    ok(&format!(
        r#"{{"token_type":"Bearer","expires_in":"3599","expires_on":"1","access_token":"{token}"}}"#
    ))
}

fn is(token: &AccessToken, text: &str) -> bool {
    token.is_same_token(&AccessToken::new(text).unwrap())
}

fn application(authority: &Endpoint) -> Application {
    let application = Application::new("app").directory("contoso.com");
    application.authority(&authority.url).unwrap()
}

/// The application of the emulator.
fn emulated(emulator: &Emulator) -> Application {
    let application = Application::new(emulator.client_id()).directory("contoso.com");
    application.authority(emulator.authority_url()).unwrap()
}

/// The paths of the requests that came to an emulator.
fn seen(emulator: &Emulator) -> Vec<String> {
    emulator.with_service(|service| {
        let requests = service.requests().iter();
        requests.map(|it| it.path.clone()).collect()
    })
}

/// The certificate of the tests in DER.
fn certificate() -> Vec<u8> {
    let pem = PemFile::read(&std::fs::read(certificates().join("rsa-pkcs8.pem")).unwrap());
    pem.unwrap().certificates()[0].clone()
}

fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("certificates")
}

fn tenant() -> Tenant {
    "contoso".parse().unwrap()
}

/// Checks the signature of an assertion with another implementation than the adapters' own, and gives its two JSON parts.
fn verified(assertion: &str) -> (Value, Value) {
    let (message, signature) = assertion.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let key = std::fs::read(certificates().join("rsa-public.der")).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let schemes = provider.signature_verification_algorithms.mapping;
    let (_, algorithms) = schemes
        .iter()
        .find(|(scheme, _)| *scheme == rustls::SignatureScheme::RSA_PSS_SHA256)
        .unwrap();
    algorithms[0]
        .verify_signature(&key, message.as_bytes(), &decode(signature))
        .unwrap();
    let json = |part| serde_json::from_slice(&decode(part)).unwrap();
    (json(header), json(claims))
}

macro_rules! kinds {
    ($flavour:ident, $client:ident, #[$test:meta], [$($asynch:tt)*], [$($wait:tt)*], $proxied:expr) => {
        mod $flavour {
            use super::*;
            use $client::{Client, CredentialsToken, TokenSource};

            $($asynch)* fn got(credential: impl Into<Credential>) -> Result<AccessToken, TokenError> {
                let source = CredentialsToken::new(credential).unwrap();
                let source = source.request_limit(Duration::from_millis(500));
                source.token(&tenant(), None) $($wait)*
            }

            /// The error of an exchange, with everything under it.
            $($asynch)* fn refused(credential: impl Into<Credential>) -> String {
                let error = got(credential) $($wait)* .unwrap_err();
                let source = std::error::Error::source(&error).map(ToString::to_string);
                format!("{error} {}", source.unwrap_or_default())
            }

            #[$test]
            $($asynch)* fn a_secret_and_a_file_prove_an_application() {
                let authority = Endpoint::always(token_answer("t-1"));
                let secret = ClientCredentials::of(application(&authority), "s3cret");
                assert!(is(&got(secret) $($wait)* .unwrap(), "t-1"));
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("token");
                let source = CredentialsToken::new(Credential::federated_file(application(&authority), &path)).unwrap();
                for assertion in ["a.b.c", "d.e.f"] {
                    // The platform renews it: it is read anew for each exchange.
                    std::fs::write(&path, format!("{assertion}\n")).unwrap();
                    assert!(source.token(&tenant(), None) $($wait)* .is_ok());
                }
                let seen = authority.seen();
                assert_eq!(seen[0].form("client_secret"), Some("s3cret"));
                assert_eq!((seen[1].form("client_assertion"), seen[2].form("client_assertion")), (Some("a.b.c"), Some("d.e.f")));
                for request in &seen {
                    assert!(request.head.starts_with("POST /contoso.com/oauth2/v2.0/token HTTP/1.1\r\n"), "{}", request.head);
                    assert_eq!(request.field("authorization"), None);
                }
            }

            #[$test]
            $($asynch)* fn a_managed_identity_is_asked_at_its_endpoint() {
                let metadata = Endpoint::always(token_answer("t-2"));
                let identity = ManagedIdentity::metadata_at(&metadata.url).unwrap();
                let token = got(identity.identity(UserAssigned::ClientId("id".to_owned()))) $($wait)* .unwrap();
                assert!(is(&token, "t-2"));
                assert!(!token.is_due(jiff::Timestamp::now()), "the life counts from now, and not from the server's clock");
                let seen = metadata.seen();
                assert!(seen[0].head.starts_with("GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com&client_id=id HTTP/1.1\r\n"), "{}", seen[0].head);
                assert_eq!(seen[0].field("metadata"), Some("true"));
                assert_eq!(seen[0].body, "");
            }

            #[$test]
            $($asynch)* fn the_header_of_an_app_is_read_anew() {
                let emulator = Arc::new(Emulator::start(Config::default()).unwrap());
                let platform = Arc::clone(&emulator);
                let source = CredentialsToken::anew(move || {
                    let header = platform.identity_header();
                    ManagedIdentity::app_service(&platform.identity_endpoint(), header).map(Into::into)
                }).unwrap();
                assert!(source.token(&tenant(), None) $($wait)* .is_ok());
                emulator.rotate_identity_header();
                assert!(source.token(&tenant(), None) $($wait)* .is_ok());
                // It is changed while the request is on its way.
                emulator.script(Fault::on(On::Identity).rotate());
                let error = source.token(&tenant(), None) $($wait)* .unwrap_err();
                assert!(error.to_string().contains("IDENTITY_HEADER"), "{error}");
                assert!(source.token(&tenant(), None) $($wait)* .is_ok());
                let path = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com";
                assert_eq!(seen(&emulator), [path; 4]);
            }

            #[$test]
            $($asynch)* fn a_job_and_an_identity_stand_in_for_an_application() {
                let emulator = Emulator::start(Config::default()).unwrap();
                let job = || GitHubActions::new(&emulator.github_url(), emulator.github_token()).unwrap();
                // The assertion of a job is valid once: each exchange has another one.
                for _ in 0..2 {
                    assert!(got(Credential::github(emulated(&emulator), job())) $($wait)* .is_ok());
                }
                let identity = ManagedIdentity::metadata_at(emulator.authority_url()).unwrap();
                assert!(got(Credential::federated_identity(emulated(&emulator), identity)) $($wait)* .is_ok());
                let job = "/github/token?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange";
                let identity = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api%3A%2F%2FAzureADTokenExchange";
                let exchange = "/contoso.com/oauth2/v2.0/token";
                assert_eq!(seen(&emulator), [job, exchange, job, exchange, identity, exchange]);
            }

            #[$test]
            $($asynch)* fn a_certificate_signs_for_an_application() {
                let authority = Endpoint::always(token_answer("t-5"));
                for (file, sends_chain) in [("rsa-pkcs8.pem", false), ("rsa-pkcs1.pem", true)] {
                    let credential = Credential::certificate(application(&authority), certificates().join(file));
                    assert!(is(&got(credential.sends_chain(sends_chain)) $($wait)* .unwrap(), "t-5"), "{file}");
                }
                let thumbprint = std::fs::read_to_string(certificates().join("thumbprint.txt")).unwrap();
                let mut ids = Vec::new();
                for (request, sends_chain) in authority.seen().iter().zip([false, true]) {
                    let (header, claims) = verified(request.form("client_assertion").unwrap());
                    assert_eq!((&header["alg"], &header["typ"]), (&"PS256".into(), &"JWT".into()));
                    assert_eq!(header["x5t#S256"], thumbprint.trim());
                    assert_eq!(header["x5c"].is_array(), sends_chain);
                    assert_eq!(claims["aud"], format!("{}/contoso.com/oauth2/v2.0/token", authority.url));
                    assert_eq!((&claims["iss"], &claims["sub"]), (&"app".into(), &"app".into()));
                    let (from, to) = (claims["nbf"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
                    let now = jiff::Timestamp::now().as_second();
                    assert!(to - from <= 600 && from < now && now < to, "{from} {now} {to}");
                    ids.push(claims["jti"].clone());
                }
                assert_ne!(ids[0], ids[1]);
            }

            #[$test]
            $($asynch)* fn a_certificate_that_cannot_sign_has_its_own_message() {
                let authority = Endpoint::always(token_answer("t-6"));
                let folder = tempfile::tempdir().unwrap();
                let write = |name: &str, bytes: &[u8]| {
                    std::fs::write(folder.path().join(name), bytes).unwrap();
                    folder.path().join(name)
                };
                let whole = std::fs::read_to_string(certificates().join("rsa-pkcs8.pem")).unwrap();
                let at = whole.find("-----BEGIN CERTIFICATE").unwrap();
                let odd = whole[..at].to_owned() + "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n";
                let bad = "-----BEGIN PRIVATE KEY-----\nYWJj\n-----END PRIVATE KEY-----\n".to_owned() + &whole[at..];
                for (path, part) in [
                    (certificates().join("other-key.pem"), "does not fit"),
                    (certificates().join("ec-pkcs8.pem"), "not an RSA key"),
                    (certificates().join("encrypted-pkcs8.pem"), "encrypted"),
                    (certificates().join("encrypted-pkcs1.pem"), "encrypted"),
                    (write("key.pem", &whole.as_bytes()[..at]), "no certificate"),
                    (write("certificate.pem", &whole.as_bytes()[at..]), "no private key"),
                    (write("odd.pem", odd.as_bytes()), "certificate that cannot be read"),
                    (write("bad.pem", bad.as_bytes()), "private key that cannot be read"),
                    (write("archive.bin", &[0x30, 0x82, 0x0f, 0xff]), "not a PEM file"),
                    (write("large.pem", &vec![b'a'; 70_000]), "64 KiB"),
                    (folder.path().to_owned(), "not a regular file"),
                    (folder.path().join("missing.pem"), "does not exist"),
                ] {
                    let text = refused(Credential::certificate(application(&authority), &path)) $($wait)* ;
                    assert!(text.contains(part) && text.contains("AZURE_CLIENT_CERTIFICATE_PATH"), "{path:?}: {text}");
                }
                assert!(authority.seen().is_empty(), "nothing is sent");
            }

            #[$test]
            $($asynch)* fn a_file_that_is_rewritten_is_read_again() {
                let authority = Endpoint::always(token_answer("t-7"));
                let folder = tempfile::tempdir().unwrap();
                for (name, before) in [("a", None), ("b", Some("")), ("c", Some("a.b"))] {
                    let path = folder.path().join(name);
                    if let Some(text) = before {
                        std::fs::write(&path, text).unwrap();
                    }
                    let target = path.clone();
                    let writer = thread::spawn(move || {
                        thread::sleep(Duration::from_millis(300));
                        std::fs::write(target, "a.b.c\n").unwrap();
                    });
                    assert!(got(Credential::federated_file(application(&authority), path)) $($wait)* .is_ok(), "{name}");
                    writer.join().unwrap();
                }
                for (text, part) in [(Some(String::new()), "is empty"), (None, "does not exist"), (Some("a".repeat(70_000)), "64 KiB"), (Some("canary".to_owned()), "no JWT")] {
                    let path = folder.path().join("d");
                    let _ = std::fs::remove_file(&path);
                    if let Some(text) = &text {
                        std::fs::write(&path, text).unwrap();
                    }
                    let began = Instant::now();
                    let shown = refused(Credential::federated_file(application(&authority), path)) $($wait)* ;
                    assert!(shown.contains(part) && shown.contains("AZURE_FEDERATED_TOKEN_FILE") && !shown.contains("canary"), "{shown}");
                    assert!(began.elapsed() < Duration::from_secs(4));
                }
                assert_eq!(authority.seen().len(), 3);
            }

            #[$test]
            $($asynch)* fn an_endpoint_that_is_not_one_has_its_own_message() {
                let elsewhere = Endpoint::always(token_answer("stolen"));
                let to = format!("location: {}/msi\r\n", elsewhere.url);
                for (reply, part) in [
                    (Some(answer("302 Found", &to, "")), "redirect"),
                    (Some(answer("307 Temporary Redirect", &to, "")), "redirect"),
                    (Some(answer("200 OK", "content-type: text/html\r\n", "<html>canary</html>")), "not a token"),
                    (Some(ok("")), "not a token"),
                    (Some(ok(&format!("{{\"access_token\":\"{}\"}}", "a".repeat(70_000)))), "65536"),
                    (Some(answer("400 Bad Request", "", r#"{"error":"invalid_request","error_description":"Identity not found"}"#)), "Identity not found"),
                    (None, ""),
                ] {
                    let platform = Endpoint::start(move |_, _| reply.clone());
                    let app = ManagedIdentity::app_service(&format!("{}/msi", platform.url), "canary-header").unwrap();
                    let began = Instant::now();
                    let text = refused(app) $($wait)* ;
                    assert!(text.contains(part) && text.contains("IDENTITY_ENDPOINT"), "{text}");
                    assert!(!text.contains("canary"), "{text}");
                    assert!(began.elapsed() < Duration::from_secs(8), "{text}");
                }
                assert!(elsewhere.seen().is_empty());
            }

            #[$test]
            $($asynch)* fn a_metadata_service_that_is_being_updated_is_waited_for() {
                let emulator = Emulator::start(Config::default()).unwrap();
                emulator.script(Fault::on(On::Metadata).status(404));
                emulator.script(Fault::on(On::Metadata).status(503).body("busy"));
                let identity = ManagedIdentity::metadata_at(emulator.authority_url()).unwrap();
                let began = Instant::now();
                assert!(got(identity) $($wait)* .is_ok());
                assert!(began.elapsed() >= Duration::from_secs(3), "after 1 and 2 s");
                assert_eq!(seen(&emulator).len(), 3);
            }

            #[$test]
            $($asynch)* fn an_identity_is_asked_past_the_proxy() {
                let proxy = Endpoint::always(answer("502 Bad Gateway", "", ""));
                let metadata = Endpoint::always(token_answer("t-9"));
                let identity = ManagedIdentity::metadata_at(&metadata.url).unwrap();
                let source = CredentialsToken::with_config(identity, $proxied(&proxy.url)).unwrap();
                assert!(source.token(&tenant(), None) $($wait)* .is_ok());
                assert!(proxy.seen().is_empty());
            }

            #[$test]
            $($asynch)* fn a_refused_token_of_an_identity_ends_the_start() {
                let emulator = Emulator::start(Config::default()).unwrap();
                let identity = || ManagedIdentity::metadata_at(emulator.authority_url()).unwrap();
                // The platform keeps the token that is revoked.
                assert!(got(identity()) $($wait)* .is_ok());
                emulator.with_service(|service| service.revoke_tokens(None));
                let client = Client::builder(CredentialsToken::new(identity()).unwrap(), Ledger::memory())
                    .settings(Settings::default().base(BaseUrl::parse(&emulator.base_url()).unwrap()))
                    .build()
                    .unwrap();
                let error = client.tenant("contoso").unwrap().start() $($wait)* .unwrap_err();
                assert_eq!(error.may_have_started(), MayHaveStarted::No);
                let paths = seen(&emulator);
                assert_eq!(paths.iter().filter(|it| it.starts_with("/metadata")).count(), 3, "{paths:?}");
                assert_eq!(paths.len(), 4);
                let StartErrorKind::Unauthorized { token: Some(token), .. } = error.kind() else { panic!("{error:?}") };
                assert!(token.to_string().contains("cannot be made to give another one"), "{token}");
                assert!(error.to_string().contains("another one"), "{error}");
            }

            #[$test]
            $($asynch)* fn every_kind_lasts_for_several_lives_of_its_token() {
                let life = Duration::from_secs(2);
                let emulator = Emulator::start(Config {
                    client: emulator::Client {
                        token_lifetime: life,
                        certificates: vec![certificate()],
                        ..emulator::Client::default()
                    },
                    assertion_lifetime: life,
                    ..Config::default()
                }).unwrap();
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("assertion");
                emulator.keep_federated_token(&file).unwrap();
                let app = || emulated(&emulator);
                let job = GitHubActions::new(&emulator.github_url(), emulator.github_token()).unwrap();
                let metadata = || ManagedIdentity::metadata_at(emulator.authority_url()).unwrap();
                let platform = ManagedIdentity::app_service(&emulator.identity_endpoint(), emulator.identity_header());
                let base = BaseUrl::parse(&emulator.base_url()).unwrap();
                let mut tenants = Vec::new();
                for credential in [
                    ClientCredentials::of(app(), emulator.client_secret()).into(),
                    Credential::federated_file(app(), &file),
                    Credential::certificate(app(), certificates().join("rsa-pkcs8.pem")),
                    metadata().into(),
                    platform.unwrap().into(),
                    Credential::github(app(), job),
                    Credential::federated_identity(app(), metadata()),
                ] {
                    let source = CredentialsToken::new(credential).unwrap();
                    let client = Client::builder(source, Ledger::memory())
                        .settings(Settings::default().base(base.clone()))
                        .build()
                        .unwrap();
                    tenants.push(client.tenant("contoso").unwrap());
                }
                for _ in 0..5 {
                    for tenant in &tenants {
                        assert!(tenant.runs() $($wait)* .unwrap().is_empty());
                    }
                    thread::sleep(Duration::from_millis(1100));
                }
                // No token was refused: they are renewed after half of their life.
                emulator.with_service(|service| {
                    let reads: Vec<_> = service.requests().iter().filter(|it| it.path.starts_with("/beta/")).collect();
                    assert_eq!(reads.len(), 5 * tenants.len());
                    assert!(reads.iter().all(|it| it.status == Some(http::StatusCode::OK)));
                });
            }
        }
    };
}

kinds!(blocking, industrydata_blocking, #[test], [], [], |url: &str| {
    ureq::Agent::config_builder().proxy(Some(ureq::Proxy::new(url).unwrap()))
});
kinds!(asynchronous, industrydata_async, #[tokio::test(flavor = "multi_thread")], [async], [.await], |url: &str| {
    reqwest::Client::builder().proxy(reqwest::Proxy::all(url).unwrap())
});

#[test]
fn the_claims_of_an_opaque_token_are_unknown() {
    assert_eq!(TokenClaims::read(&AccessToken::new("t-1").unwrap()), None);
}
