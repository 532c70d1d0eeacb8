//! Certificates of a server as people make them: what is accepted, and the words for what is not.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use industrydata_ledger::Store;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, PublicKeyData, SigningKey, date_time_ymd,
};
use tempfile::TempDir;

use crate::{Admin, Fresh, fresh, is_granted, reserve, server::Server, unavailable, used};

/// A certificate in PEM format with its key.
struct Made {
    name: &'static str,
    certificate: String,
    key: String,
}

fn params(common: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common);
    params
}

/// One that has signed itself. `openssl req -new -x509 -nodes -subj /CN=...`, the way of PostgreSQL's manual, makes it with
/// CA:TRUE and without a subjectAltName.
fn own(name: &'static str, mut params: CertificateParams, is_ca: bool) -> Made {
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    Made {
        name,
        certificate: params.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

fn signed(
    name: &'static str,
    params: CertificateParams,
    by: &CertifiedIssuer<'_, KeyPair>,
) -> Made {
    let key = KeyPair::generate().unwrap();
    Made {
        name,
        certificate: params.signed_by(&key, by).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let mut all = match length {
        0..=127 => vec![tag, length as u8],
        128..=255 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    all.extend(content);
    all
}

/// One of X.509 version 1, which has no extensions: signed by itself with ECDSA and SHA-256.
fn version_1(name: &'static str, common: &str) -> Made {
    let key = KeyPair::generate().unwrap();
    let algorithm = der(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let attribute = der(
        0x30,
        &[&[6, 3, 0x55, 4, 3], &der(0x0c, &[common.as_bytes()])],
    );
    let subject = der(0x30, &[&der(0x31, &[&attribute])]);
    let dates = [b"200101000000Z", b"490101000000Z"].map(|date| der(0x17, &[date]));
    let validity = der(0x30, &[&dates[0], &dates[1]]);
    let serial = [2, 1, 7];
    let tbs = der(
        0x30,
        &[
            &serial,
            &algorithm,
            &subject,
            &validity,
            &subject,
            &key.subject_public_key_info(),
        ],
    );
    let signature = der(3, &[&[0], &key.sign(&tbs).unwrap()]);
    let text = STANDARD.encode(der(0x30, &[&tbs, &algorithm, &signature]));
    let lines: Vec<_> = text.as_bytes().chunks(64).collect();
    Made {
        name,
        certificate: format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            String::from_utf8(lines.join(&b'\n')).unwrap()
        ),
        key: key.serialize_pem(),
    }
}

/// A server that changes its certificate, and the folder with the files of the clients.
struct Stage {
    _server: Server,
    place: Fresh,
    admin: Admin,
    folder: TempDir,
    made: Vec<Made>,
    ca: String,
}

fn stage() -> Option<Stage> {
    fresh()?;
    let mut authority = params("the authority", &[]);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let dated = |from, to, names: &[&str]| {
        let mut params = params("localhost", names);
        (params.not_before, params.not_after) =
            (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        params
    };
    let mut for_clients = params("localhost", &["localhost"]);
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let both = &["localhost", "127.0.0.1"];
    let made = vec![
        own("manual", params("localhost", &[]), true),
        own("manual_address", params("127.0.0.1", &[]), true),
        own("wildcard", params("*.example.org", &[]), true),
        own("own_ca", params("x", &["localhost"]), true),
        own("own", params("x", both), false),
        version_1("version_1", "localhost"),
        signed("common_only", params("localhost", &[]), &ca),
        signed("leaf", params("x", both), &ca),
        signed("expired", dated(2018, 2020, both), &ca),
        own("own_expired", dated(2018, 2020, &[]), true),
        signed("early", dated(2048, 2049, both), &ca),
        own("own_early", dated(2048, 2049, &[]), true),
        signed(
            "elsewhere",
            params("localhost", &["db.example.org", "10.0.0.5"]),
            &ca,
        ),
        signed("for_clients", for_clients, &ca),
    ];
    let files: Vec<_> = made
        .iter()
        .flat_map(|one| {
            [
                (format!("{}.crt", one.name), one.certificate.clone()),
                (format!("{}.key", one.name), one.key.clone()),
            ]
        })
        .chain([
            ("server.crt".to_owned(), made[0].certificate.clone()),
            ("server.key".to_owned(), made[0].key.clone()),
        ])
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let server = Server::start(&files, &["ssl=on"]).unwrap();
    let place = Fresh::at(&server.url());
    let folder = tempfile::tempdir().unwrap();
    for one in &made {
        fs::write(folder.path().join(one.name), &one.certificate).unwrap();
    }
    fs::write(folder.path().join("ca"), ca.pem()).unwrap();
    Some(Stage {
        admin: place.admin(),
        _server: server,
        place,
        folder,
        made,
        ca: ca.pem(),
    })
}

impl Stage {
    /// Lets the server show a certificate.
    fn show(&self, name: &str) {
        assert!(self.made.iter().any(|one| one.name == name), "{name}");
        for (setting, ending) in [("ssl_cert_file", "crt"), ("ssl_key_file", "key")] {
            self.admin
                .run(&format!("ALTER SYSTEM SET {setting} = '{name}.{ending}'"));
        }
        self.admin.run("SELECT pg_reload_conf()");
        let is_shown = || {
            let setting = Admin::connect(&self.place.url).ask_one("SHOW ssl_key_file");
            setting == format!("{name}.key")
        };
        while !is_shown() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn path(&self, name: &str) -> String {
        Path::display(&self.folder.path().join(name)).to_string()
    }

    /// The result of a check on an encrypted connection to `host`.
    fn check(&self, host: &str, parameters: &str) -> Result<(), String> {
        let (_, port) = self.place.url.rsplit_once(':').unwrap();
        let port = port.split_once('/').unwrap().0;
        let url = self.place.url_via(&format!("{host}:{port}")) + "?" + parameters;
        let store = self.place.options().connect(&url).unwrap();
        store.check().map_err(|error| {
            let message = unavailable::<()>(Err(error));
            for raw in ["Other", "[", "Context", "invalid peer certificate"] {
                assert!(!message.contains(raw), "{message}");
            }
            message
        })
    }

    #[track_caller]
    fn accepts(&self, host: &str, parameters: &str) {
        assert_eq!(self.check(host, parameters), Ok(()), "{host} {parameters}");
    }

    #[track_caller]
    fn refuses(&self, host: &str, parameters: &str, words: &[&str]) {
        let message = self.check(host, parameters).unwrap_err();
        for part in words {
            assert!(
                message.contains(part),
                "{host} {parameters}: {part}: {message}"
            );
        }
    }

    fn mode(&self, mode: &str, roots: &str) -> String {
        format!("sslmode={mode}&sslrootcert={}", self.path(roots))
    }
}

#[test]
fn a_certificate_that_is_named_itself() {
    let Some(stage) = stage() else { return };
    // As PostgreSQL's manual makes it: with CA:TRUE and a common name only.
    for (name, host, other) in [
        ("manual", "localhost", "127.0.0.1"),
        ("manual_address", "127.0.0.1", "localhost"),
        ("own_ca", "localhost", "127.0.0.1"),
    ] {
        stage.show(name);
        for mode in ["verify-full", "require", "verify-ca"] {
            stage.accepts(host, &stage.mode(mode, name));
        }
        stage.accepts(host, &format!("sslrootcert={}", stage.path(name)));
        stage.accepts(other, &stage.mode("verify-ca", name));
        stage.accepts(other, "sslmode=prefer");
        let words = ["certificate is for ", &format!(" and not for {other}")];
        stage.refuses(other, &stage.mode("verify-full", name), &words);
        // Another certificate is named, or none.
        let words = [
            "CA:TRUE",
            "name this very certificate with sslrootcert=PATH",
        ];
        stage.refuses(host, &stage.mode("verify-full", "ca"), &words);
        stage.refuses(host, &stage.mode("verify-ca", "ca"), &words);
        stage.refuses(host, "sslmode=verify-full", &words);
    }
    stage.show("wildcard");
    let words = ["is for *.example.org and not for localhost"];
    stage.refuses("localhost", &stage.mode("verify-full", "wildcard"), &words);
    stage.accepts("localhost", &stage.mode("verify-ca", "wildcard"));

    // Without CA:TRUE, and among others in one file.
    stage.show("own");
    stage.accepts("localhost", &stage.mode("verify-full", "own"));
    stage.accepts("127.0.0.1", &stage.mode("verify-full", "own"));
    let bundle = format!("{}{}", stage.ca, stage.made[4].certificate);
    fs::write(stage.folder.path().join("bundle"), bundle).unwrap();
    stage.accepts("localhost", &stage.mode("verify-full", "bundle"));
    let words = ["no known authority", "sslrootcert=PATH"];
    stage.refuses("localhost", &stage.mode("verify-full", "ca"), &words);

    // The whole of a start.
    stage.show("manual");
    let url = format!(
        "{}?{}",
        stage.place.url.replace("127.0.0.1", "localhost"),
        stage.mode("verify-full", "manual")
    );
    let store = stage.place.options().connect(&url).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    assert_eq!(used(&stage.place.store(), "t"), 1);
}

#[test]
fn a_certificate_of_version_1() {
    let Some(stage) = stage() else { return };
    stage.show("version_1");
    stage.accepts("localhost", &stage.mode("verify-full", "version_1"));
    stage.accepts("127.0.0.1", &stage.mode("verify-ca", "version_1"));
    stage.accepts("localhost", "sslmode=prefer");
    let words = ["is for localhost and not for 127.0.0.1"];
    stage.refuses("127.0.0.1", &stage.mode("verify-full", "version_1"), &words);
    let words = ["X.509 version 1", "make one of version 3"];
    stage.refuses("localhost", &stage.mode("verify-full", "ca"), &words);
    stage.refuses("localhost", &stage.mode("verify-ca", "ca"), &words);
    stage.refuses("localhost", "sslmode=require", &words);
    let old = stage.mode("verify-full", "version_1") + "&ssl_max_protocol_version=TLSv1.2";
    stage.refuses("localhost", &old, &["X.509 version 1", "TLS 1.3"]);
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_in_words() {
    let Some(stage) = stage() else { return };
    let full = |roots| stage.mode("verify-full", roots);
    stage.show("leaf");
    stage.accepts("localhost", &full("ca"));
    for version in [
        "ssl_max_protocol_version=TLSv1.2",
        "ssl_min_protocol_version=TLSv1.3",
    ] {
        stage.accepts("localhost", &format!("{}&{version}&sslsni=0", full("ca")));
    }
    stage.refuses(
        "localhost",
        &full("own"),
        &["no known authority", "sslrootcert=PATH"],
    );
    stage.refuses(
        "localhost",
        "sslmode=require",
        &["no known authority", "sslrootcert=PATH"],
    );

    stage.show("common_only");
    stage.refuses(
        "localhost",
        &full("ca"),
        &["no subjectAltName", "verify-ca"],
    );
    stage.accepts("localhost", &stage.mode("verify-ca", "ca"));
    stage.accepts("localhost", &full("common_only"));

    for (name, roots) in [
        ("expired", "ca"),
        ("expired", "expired"),
        ("own_expired", "own_expired"),
    ] {
        stage.show(name);
        for mode in ["verify-full", "verify-ca"] {
            let words = ["expired on 2020-01-01T00:00:00Z", "renew it"];
            stage.refuses("localhost", &stage.mode(mode, roots), &words);
        }
        stage.accepts("localhost", "sslmode=prefer");
    }
    for (name, roots) in [("early", "ca"), ("own_early", "own_early")] {
        stage.show(name);
        let words = ["is not valid before 2048-01-01T00:00:00Z", "clock"];
        stage.refuses("localhost", &full(roots), &words);
    }
    stage.show("elsewhere");
    for roots in ["ca", "elsewhere"] {
        let words = ["is for db.example.org, 10.0.0.5 and not for localhost"];
        stage.refuses("localhost", &full(roots), &words);
        stage.accepts("localhost", &stage.mode("verify-ca", roots));
    }
    stage.show("for_clients");
    stage.refuses("localhost", &full("ca"), &["serverAuth"]);
}

#[test]
fn a_client_with_a_certificate() {
    if fresh().is_none() {
        return;
    }
    let mut authority = params("the authority", &[]);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let server_own = signed("server", params("x", &["127.0.0.1"]), &ca);
    let mut for_client = params("industry", &[]);
    for_client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client = signed("client", for_client, &ca);
    let login = "local all all trust\nhostssl all all 127.0.0.1/32 cert\n";
    let ca = ca.pem();
    let files = [
        ("server.crt", server_own.certificate.as_str()),
        ("server.key", &server_own.key),
        ("ca.crt", &ca),
        ("login.conf", login),
    ];
    let settings = ["ssl=on", "ssl_ca_file=ca.crt", "hba_file=data/login.conf"];
    let server = Server::start(&files, &settings).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, text) in [
        ("ca", ca.as_str()),
        ("client.crt", &client.certificate),
        ("client.key", &client.key),
        ("other.key", &server_own.key),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let bare = server.url().replace(":ledger%20of%20the%20tests", "");
    let with = |key: &str| {
        let url = format!(
            "{bare}?sslmode=verify-full&sslrootcert={}&sslcert={}&sslkey={}",
            path("ca"),
            path("client.crt"),
            path(key)
        );
        industrydata_ledger::PgStore::connect(&url).and_then(|store| store.check())
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert!(unavailable(with("client.key")).contains("chmod 600"));
        for name in ["client.key", "other.key"] {
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o600))
                .unwrap();
        }
    }
    with("client.key").unwrap();
    assert!(unavailable(with("other.key")).contains("belong together"));
    assert!(unavailable(with("ca")).contains("ca"));
    assert!(unavailable(with("none")).contains("none"));
    let without = format!("{bare}?sslmode=verify-full&sslrootcert={}", path("ca"));
    let store = industrydata_ledger::PgStore::connect(&without).unwrap();
    assert!(unavailable(store.check()).contains("certificate"));
}
