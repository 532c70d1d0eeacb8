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
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use industrydata_core::auth::{
    Application, ClientCredentials, Credential, GitHubActions, ManagedIdentity, TokenClaims,
    TokenError, UserAssigned,
};
use industrydata_core::lro::StartErrorKind;
use industrydata_core::lro::{MayHaveStarted, Settings};
use industrydata_core::wire::BaseUrl;
use industrydata_core::{AccessToken, Tenant};
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
                let header = Arc::new(Mutex::new("first".to_owned()));
                let platform = Endpoint::always(token_answer("t-3"));
                let (url, shared) = (format!("{}/msi/token", platform.url), Arc::clone(&header));
                let source = CredentialsToken::anew(move || {
                    ManagedIdentity::app_service(&url, shared.lock().unwrap().as_str()).map(Into::into)
                }).unwrap();
                assert!(source.token(&tenant(), None) $($wait)* .is_ok());
                *header.lock().unwrap() = "second".to_owned();
                assert!(source.token(&tenant(), None) $($wait)* .is_ok());
                let seen = platform.seen();
                assert!(seen[0].head.starts_with("GET /msi/token?api-version=2019-08-01&resource="), "{}", seen[0].head);
                let headers: Vec<_> = seen.iter().map(|it| it.field("x-identity-header").unwrap()).collect();
                assert_eq!(headers, ["first", "second"]);
            }

            #[$test]
            $($asynch)* fn a_job_and_an_identity_stand_in_for_an_application() {
                let authority = Endpoint::always(token_answer("t-4"));
                let github = Endpoint::always(ok(r#"{"value":"g.h.i"}"#));
                let job = GitHubActions::new(&format!("{}/x?api-version=2.0", github.url), "request-token").unwrap();
                assert!(got(Credential::github(application(&authority), job)) $($wait)* .is_ok());
                let metadata = Endpoint::always(token_answer("m.i.t"));
                let identity = ManagedIdentity::metadata_at(&metadata.url).unwrap();
                assert!(got(Credential::federated_identity(application(&authority), identity)) $($wait)* .is_ok());
                let seen = authority.seen();
                assert_eq!((seen[0].form("client_assertion"), seen[1].form("client_assertion")), (Some("g.h.i"), Some("m.i.t")));
                let asked = &github.seen()[0];
                assert!(asked.head.starts_with("GET /x?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange HTTP/1.1\r\n"), "{}", asked.head);
                assert_eq!(asked.field("authorization"), Some("bearer request-token"));
                assert!(metadata.seen()[0].head.contains("resource=api%3A%2F%2FAzureADTokenExchange "));
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
                let metadata = Endpoint::start(|number, _| Some(match number {
                    0 => answer("404 Not Found", "", ""),
                    1 => answer("503 Service Unavailable", "", "busy"),
                    _ => token_answer("t-8"),
                }));
                let identity = ManagedIdentity::metadata_at(&metadata.url).unwrap();
                let began = Instant::now();
                assert!(got(identity) $($wait)* .is_ok());
                assert!(began.elapsed() >= Duration::from_secs(3), "after 1 and 2 s");
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
                let metadata = Endpoint::always(token_answer("t-10"));
                let service = Endpoint::always(answer("401 Unauthorized", "", ""));
                let identity = ManagedIdentity::metadata_at(&metadata.url).unwrap();
                let client = Client::builder(CredentialsToken::new(identity).unwrap(), Ledger::memory())
                    .settings(Settings::default().base(BaseUrl::parse(&format!("{}/beta", service.url)).unwrap()))
                    .build()
                    .unwrap();
                let error = client.tenant("contoso").unwrap().start() $($wait)* .unwrap_err();
                assert_eq!(error.may_have_started(), MayHaveStarted::No);
                assert_eq!((metadata.seen().len(), service.seen().len()), (2, 1));
                let StartErrorKind::Unauthorized { token: Some(token), .. } = error.kind() else { panic!("{error:?}") };
                assert!(token.to_string().contains("cannot be made to give another one"), "{token}");
                assert!(error.to_string().contains("another one"), "{error}");
            }

            #[$test]
            $($asynch)* fn every_kind_lasts_for_several_lives_of_its_token() {
                let count = Arc::new(AtomicUsize::new(0));
                let shared = Arc::clone(&count);
                // Half of a life of two seconds, and the token is renewed.
                let platform = Endpoint::start(move |_, request| {
                    if request.head.starts_with("GET /github") {
                        return Some(ok(r#"{"value":"a.b.c"}"#));
                    }
                    if request.head.contains("AzureADTokenExchange") {
                        return Some(token_answer("d.e.f"));
                    }
                    let number = shared.fetch_add(1, Ordering::SeqCst);
                    Some(ok(&format!(r#"{{"access_token":"t-{number}","expires_in":"2"}}"#)))
                });
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("assertion");
                std::fs::write(&file, "a.b.c").unwrap();
                let app = || application(&platform);
                let job = GitHubActions::new(&format!("{}/github", platform.url), "t").unwrap();
                let metadata = || ManagedIdentity::metadata_at(&platform.url).unwrap();
                let service = Endpoint::start(|_, _| Some(ok(r#"{"value":[]}"#)));
                let base = BaseUrl::parse(&format!("{}/beta", service.url)).unwrap();
                let mut tenants = Vec::new();
                for credential in [
                    ClientCredentials::of(app(), "s").into(),
                    Credential::federated_file(app(), &file),
                    Credential::certificate(app(), certificates().join("rsa-pkcs8.pem")),
                    metadata().into(),
                    ManagedIdentity::app_service(&platform.url, "h").unwrap().into(),
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
                for life in 1..=3 {
                    for tenant in &tenants {
                        assert!(tenant.runs() $($wait)* .unwrap().is_empty());
                    }
                    assert_eq!(count.load(Ordering::SeqCst), life * tenants.len());
                    thread::sleep(Duration::from_millis(1500));
                }
                // No token was used twice, and none was refused.
                let mut tokens: Vec<_> = service.seen().iter().map(|it| it.field("authorization").unwrap().to_owned()).collect();
                assert_eq!(tokens.len(), 3 * tenants.len());
                tokens.sort_unstable();
                tokens.dedup();
                assert_eq!(tokens.len(), 3 * tenants.len());
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
