//! Proxies and certificates: a proxy on loopback that inspects TLS with an authority made in the test, and the variables
//! that lead to it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::stage::{CANARY, FLAVOURS, Ran, Stage, answer};

pub(crate) const HOST: &str = "graph.invalid";
pub(crate) const BASE: &str = "https://graph.invalid/beta";
const PASSWORD: &str = "canary-p%40ss";
const START: [&str; 4] = ["start", "--wait", "--poll-interval", "10ms"];

/// How the proxy's certificate for the service is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    Valid,
    Expired,
    NotYetValid,
    OtherName,
    ForClients,
    Authority,
}

/// What the proxy does with a CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    Opened,
    Refused,
    Closed,
}

/// A proxy that answers in place of the service.
pub(crate) struct Inspector {
    address: SocketAddr,
    /// The CONNECT of each tunnel.
    connects: Arc<Mutex<Vec<String>>>,
    /// The requests within the tunnels.
    requests: Arc<Mutex<Vec<String>>>,
    pub(crate) authority: String,
}

impl Inspector {
    pub(crate) fn start(leaf: Leaf, tunnel: Tunnel) -> Self {
        let (authority, config) = certificates(leaf);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connects, requests) = (Arc::default(), Arc::default());
        let inspector = Self {
            address,
            connects: Arc::clone(&connects),
            requests: Arc::clone(&requests),
            authority,
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (connects, requests) = (Arc::clone(&connects), Arc::clone(&requests));
                let config = Arc::clone(&config);
                thread::spawn(move || {
                    // The client may end the handshake or the tunnel at any time.
                    let _ = serve(stream.unwrap(), tunnel, config, &connects, &requests);
                });
            }
        });
        inspector
    }

    pub(crate) fn url(&self) -> String {
        format!("http://user:{PASSWORD}@{}", self.address)
    }

    pub(crate) fn stage(&self) -> Stage {
        Stage::new(BASE).env("https_proxy", &self.url())
    }

    /// A stage that trusts the proxy's authority.
    pub(crate) fn trusting(&self) -> Stage {
        let stage = self.stage();
        let file = self.file(&stage);
        stage.env("SSL_CERT_FILE", file.to_str().unwrap())
    }

    fn file(&self, stage: &Stage) -> PathBuf {
        let file = stage.path("authority.pem");
        std::fs::write(&file, &self.authority).unwrap();
        file
    }

    fn connects(&self) -> Vec<String> {
        self.connects.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// The authority as PEM, and the server's side of its TLS.
fn certificates(leaf: Leaf) -> (String, Arc<ServerConfig>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let name = if leaf == Leaf::OtherName {
        "other.invalid"
    } else {
        HOST
    };
    let mut params =
        CertificateParams::new(vec![name.to_owned(), "login.invalid".to_owned()]).unwrap();
    match leaf {
        Leaf::Valid | Leaf::OtherName => {}
        Leaf::Authority => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        Leaf::Expired => params.not_after = date_time_ymd(2020, 1, 1),
        Leaf::NotYetValid => params.not_before = date_time_ymd(2100, 1, 1),
        Leaf::ForClients => {
            params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        }
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (pem, Arc::new(config))
}

fn serve(
    mut stream: TcpStream,
    tunnel: Tunnel,
    config: Arc<ServerConfig>,
    connects: &Mutex<Vec<String>>,
    requests: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    connects.lock().unwrap().push(head(&mut stream)?);
    match tunnel {
        Tunnel::Opened => stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?,
        Tunnel::Refused => {
            return stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
        Tunnel::Closed => return Ok(()),
    }
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    loop {
        let head = head(&mut stream)?;
        requests.lock().unwrap().push(head.clone());
        let answer = if head.contains("/oauth2/") {
            let token =
                format!(r#"{{"token_type":"Bearer","expires_in":3600,"access_token":"{CANARY}"}}"#);
            answer("200 OK", "content-type: application/json\r\n", &token)
        } else if head.starts_with("POST") {
            let location = format!(
                "location: {BASE}/external/industryData/operations/op-1?sig=canary-query\r\n"
            );
            answer("202 Accepted", &location, "")
        } else {
            let is_list = head.starts_with("GET /beta/external/industryData/operations HTTP");
            let body = if is_list {
                r#"{"value":[]}"#
            } else {
                r#"{"status":"succeeded"}"#
            };
            answer("200 OK", "content-type: application/json\r\n", body)
        };
        stream.write_all(answer.as_bytes())?;
        stream.conn.send_close_notify();
        stream.flush()?;
    }
}

/// Reads to the empty line, and what has come of the body with it.
fn head(stream: &mut impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut more = [0; 4096];
        match stream.read(&mut more)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            length => bytes.extend_from_slice(&more[..length]),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn run(stage: &Stage, http: &str) -> Ran {
    let ran = stage.run(&[&START[..], &["--http", http]].concat());
    for text in [&ran.stdout, &ran.stderr] {
        assert!(
            !text.contains("canary") && !text.contains("user:"),
            "{ran:?}"
        );
    }
    ran
}

#[test]
fn an_authority_in_ssl_cert_file_is_trusted() {
    for http in FLAVOURS {
        let proxy = Inspector::start(Leaf::Valid, Tunnel::Opened);
        let ran = run(&proxy.trusting(), http);
        assert_eq!(ran.code, 0, "{http}: {ran:?}");
        let connects = proxy.connects();
        assert!(!connects.is_empty(), "{http}");
        for connect in connects {
            assert!(
                connect.starts_with("CONNECT graph.invalid:443 HTTP/1.1\r\n"),
                "{connect}"
            );
            // user:canary-p@ss
            assert!(
                connect.contains("Basic dXNlcjpjYW5hcnktcEBzcw=="),
                "{connect}"
            );
            assert!(
                !connect.contains(CANARY),
                "the token went to the proxy: {connect}"
            );
        }
        let requests = proxy.requests();
        assert_eq!(requests.len(), 2, "{requests:?}");
        assert!(requests.iter().all(|request| request.contains(CANARY)));
    }
}

#[test]
fn an_authority_in_ssl_cert_dir_is_trusted() {
    for http in FLAVOURS {
        let proxy = Inspector::start(Leaf::Valid, Tunnel::Opened);
        let stage = proxy.stage();
        let folder = stage.path("authorities");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("5ed36f99.0"), &proxy.authority).unwrap();
        let ran = run(&stage.env("SSL_CERT_DIR", folder.to_str().unwrap()), http);
        assert_eq!(ran.code, 0, "{http}: {ran:?}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_says_why() {
    for http in FLAVOURS {
        for (leaf, words) in [
            (Leaf::Expired, "the server's certificate has expired"),
            (
                Leaf::NotYetValid,
                "the server's certificate is not valid yet",
            ),
            (
                Leaf::OtherName,
                "the server's certificate is for another name",
            ),
            (
                Leaf::Authority,
                "the server's certificate is an authority's own",
            ),
            (
                Leaf::ForClients,
                "the server's certificate is not one for servers",
            ),
        ] {
            let proxy = Inspector::start(leaf, Tunnel::Opened);
            not_started(&run(&proxy.trusting(), http), words);
            assert!(proxy.requests().is_empty(), "{leaf:?}");
        }
        let proxy = Inspector::start(Leaf::Valid, Tunnel::Opened);
        let stage = proxy.stage();
        for _ in 0..2 {
            not_started(
                &run(&stage, http),
                "from an authority that this machine does not trust",
            );
        }
        // Nothing counts.
        let quota = stage.run(&["quota", "--output", "json"]);
        assert!(quota.stdout.contains("\"used\":0"), "{quota:?}");
    }
}

/// The start ended with exit code 6, and the message has these words.
fn not_started(ran: &Ran, words: &str) {
    assert_eq!(ran.code, 6, "{ran:?}");
    let text = format!("{}{}", ran.stdout, ran.stderr);
    assert!(text.contains(words), "{words}: {text}");
    let is_about_tunnel = words.contains("tunnel");
    assert_eq!(text.contains("tunnel"), is_about_tunnel, "{text}");
}

#[test]
fn a_certificate_at_the_token_endpoint_says_why() {
    for http in FLAVOURS {
        let proxy = Inspector::start(Leaf::Valid, Tunnel::Opened);
        let credentials = |stage: Stage| {
            let stage = stage
                .env("INDUSTRYDATA_TOKEN", "")
                .env("AZURE_AUTHORITY_HOST", "login.invalid");
            let stage = stage
                .env("AZURE_TENANT_ID", "contoso")
                .env("AZURE_CLIENT_ID", "app");
            stage.env("AZURE_CLIENT_SECRET", "canary-secret")
        };
        let ran = run(&credentials(proxy.stage()), http);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(
            ran.stderr
                .contains("from an authority that this machine does not trust"),
            "{ran:?}"
        );
        assert!(proxy.requests().is_empty());
        let ran = run(&credentials(proxy.trusting()), http);
        assert_eq!(ran.code, 0, "{http}: {ran:?}");
        assert!(
            proxy
                .connects()
                .iter()
                .any(|it| it.starts_with("CONNECT login.invalid:443 "))
        );
    }
}

#[test]
fn a_proxy_that_opens_no_tunnel_is_named() {
    for http in FLAVOURS {
        for tunnel in [Tunnel::Refused, Tunnel::Closed] {
            let proxy = Inspector::start(Leaf::Valid, tunnel);
            not_started(
                &run(&proxy.trusting(), http),
                "the proxy did not open a tunnel",
            );
        }
    }
}

#[test]
fn proxy_variables_are_read_alike() {
    let proxy = Inspector::start(Leaf::Valid, Tunnel::Opened);
    let url = proxy.url();
    let url = url.as_str();
    let dead = "http://127.0.0.1:1";
    for http in FLAVOURS {
        for (set, is_used) in [
            (&[("HTTPS_PROXY", url)][..], true),
            (&[("HTTPS_PROXY", ""), ("https_proxy", url)], true),
            (&[("HTTPS_PROXY", dead), ("https_proxy", url)], true),
            (&[("ALL_PROXY", dead), ("HTTPS_PROXY", url)], true),
            (&[("all_proxy", url)], true),
            (&[("HTTP_PROXY", url), ("http_proxy", url)], false),
            (
                &[
                    ("https_proxy", url),
                    ("NO_PROXY", "localhost, graph.invalid"),
                ],
                false,
            ),
            (&[("https_proxy", url), ("NO_PROXY", "invalid")], false),
            (&[("https_proxy", url), ("NO_PROXY", ".invalid")], false),
            (&[("https_proxy", url), ("NO_PROXY", "*")], false),
            (&[("https_proxy", url), ("NO_PROXY", "*.invalid")], true),
            (
                &[
                    ("https_proxy", url),
                    ("NO_PROXY", "raph.invalid, graph.invalid:443"),
                ],
                true,
            ),
            (
                &[("https_proxy", url), ("no_proxy", "x"), ("NO_PROXY", "*")],
                true,
            ),
        ] {
            let stage = proxy.trusting().env("https_proxy", "");
            let stage = set
                .iter()
                .fold(stage, |stage, (name, value)| stage.env(name, value));
            let before = proxy.connects().len();
            let ran = run(&stage, http);
            let was_used = proxy.connects().len() > before;
            assert_eq!(
                (was_used, ran.code),
                (is_used, if is_used { 0 } else { 6 }),
                "{http}, {set:?}: {ran:?}"
            );
            // The name has no address.
            assert!(
                is_used || ran.stderr.contains("the host name could not be resolved"),
                "{ran:?}"
            );
        }
    }
}

#[test]
fn an_unusable_variable_is_a_usage_error_that_names_it() {
    for http in FLAVOURS {
        for (name, value) in [
            ("https_proxy", r"http://DOM\canary:canary@127.0.0.1:1"),
            ("HTTPS_PROXY", "http://canary canary@h"),
            ("ALL_PROXY", "http://canary:x"),
            ("all_proxy", "socks5://canary@h:1"),
            ("SSL_CERT_FILE", "/canary/authority.pem"),
            ("SSL_CERT_DIR", "/canary"),
        ] {
            let stage = Stage::new(BASE).env(name, value);
            let ran = run(&stage, http);
            assert_eq!(ran.code, 2, "{http}, {name}: {ran:?}");
            assert!(
                ran.stderr.contains(name) && !ran.stderr.contains("canary"),
                "{ran:?}"
            );
            // It does not matter for loopback.
            let ran = run(
                &Stage::new("http://127.0.0.1:1/beta").env(name, value),
                http,
            );
            assert_eq!(ran.code, 6, "{http}, {name}: {ran:?}");
        }
    }
}
