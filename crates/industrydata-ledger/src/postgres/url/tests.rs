use std::{net::IpAddr, time::Duration};

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::{
    super::parameters::{Proof, Roots},
    *,
};

#[track_caller]
fn check(text: &str, expected: &str, proof: Proof) {
    let address = parse(text).unwrap();
    assert_eq!(
        (address.place().as_str(), address.encryption.proof),
        (expected, proof),
        "{text}"
    );
}

#[track_caller]
fn refused(text: &str) -> String {
    let error = parse(text).unwrap_err();
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(
            !shown.contains("hun") && !shown.contains("ter2") && !shown.contains('\n'),
            "{text}: {shown}"
        );
    }
    error.to_string()
}

#[test]
fn accepted_urls() {
    check(
        "postgres://u:p@db.example/school",
        "u@db.example:5432/school",
        Proof::Name,
    );
    check(
        "postgresql://u@127.0.0.1:5433/school",
        "u@127.0.0.1:5433/school",
        Proof::Encrypted,
    );
    check(
        "postgres://[::1]/school",
        "[::1]:5432/school",
        Proof::Encrypted,
    );
    check(
        "postgres://u@a,b:1/x?sslmode=disable",
        "u@a:5432,b:1/x",
        Proof::Plain,
    );
    check(
        "postgres://localhost/x?sslmode=require",
        "localhost:5432/x",
        Proof::Name,
    );
    check(
        "postgres://localhost/x?sslrootcert=/ca.pem",
        "localhost:5432/x",
        Proof::Name,
    );
    check(
        "postgres:///x?host=/run/pg&user=u",
        "u@/run/pg:5432/x",
        Proof::Encrypted,
    );
    // The hosts of a parameter replace those of the URL, and may be several.
    check(
        "postgres://u@z/x?host=a,b&port=1,2",
        "u@a:1,b:2/x",
        Proof::Name,
    );
    let address = parse("postgres://h/d?schema=a%20b&sslmode=verify-ca&sslrootcert=a%2Fb").unwrap();
    assert_eq!(
        (address.schema.as_deref(), address.encryption.proof),
        (Some("a b"), Proof::Authority)
    );
    assert_eq!(address.encryption.roots, Roots::File("a/b".into()));
    let config = parse("postgres://u:p%40%2F@h/d").unwrap().config;
    assert_eq!(config.get_password(), Some(b"p@/".as_slice()));
}

#[test]
fn accepted_keyword_strings() {
    check(
        "host=db.example dbname=school user=u password=hunter2",
        "u@db.example:5432/school",
        Proof::Name,
    );
    check(
        " host = 'a,b'  port\n=\t1,2 user='u v' sslmode=disable ",
        "u v@a:1,b:2",
        Proof::Plain,
    );
    check(
        "host=/run/pg user=u sslmode = prefer",
        "u@/run/pg:5432",
        Proof::Encrypted,
    );
    check(
        "hostaddr=127.0.0.1 port=5433 schema=s",
        "127.0.0.1:5433",
        Proof::Encrypted,
    );
    for (written, password) in [
        (r"password=a\ b\\c\'d", r"a b\c'd"),
        (r"password='a b\'c\\d'", r"a b'c\d"),
        ("password=''", ""),
        ("password='a=b host=c'", "a=b host=c"),
        ("password=ü", "ü"),
    ] {
        for text in [format!("host=h {written}"), format!("{written} host=h")] {
            let config = parse(&text).unwrap().config;
            assert_eq!(config.get_password(), Some(password.as_bytes()), "{text}");
        }
    }
}

#[test]
fn an_address_may_stand_beside_a_name() {
    let address = parse("host=a,b hostaddr=10.0.0.1,::1 port=7").unwrap();
    let found: Vec<_> = address
        .servers
        .iter()
        .map(|server| (server.host.clone(), server.address, server.port))
        .collect();
    let named = |name: &str, address: &str| {
        let address: IpAddr = address.parse().unwrap();
        (Host::Tcp(name.to_owned()), Some(address), 7)
    };
    assert_eq!(found, [named("a", "10.0.0.1"), named("b", "::1")]);
    for odd in [
        "host=a,b hostaddr=10.0.0.1",
        "host=a,b,c port=1,2",
        "host=a port=1,2",
    ] {
        assert!(refused(odd).contains("as many"), "{odd}");
    }
}

#[test]
fn errors_never_show_the_password() {
    for url in [
        "mysql://u:hunter2@h/d",
        "hunter2",
        "postgres://u:hun@ter2@h/d",
        "postgres://u:hun/ter2@h/d",
        "postgres://u:hun?ter2@h/d",
        "postgres://u:hun#ter2@h/d",
        "postgres://h/d?password=hun@ter2",
        "postgres://h/d?password=hun&ter2=1",
        "postgres://u:hunter2@h:port/d",
        "postgres://u:hunter2@/d",
        "postgres://u:hunter2@h/d?sslmode=allow",
        "postgres://u:hunter2@h/d?sslmode=verify-ca",
        "postgres://u:hunter2@h/d?x=y",
        "postgres://u:hunter2@h/d?x",
        "postgres://u:hunter2@h/d?sslrootcert=%f",
        "postgres://u:hunter2@h/d?schema=%+1",
        "postgres://u:hunter2@h/d?schema=%ff",
        "postgres://u:hunter2@h/d\n",
        "host=db;dbname=d;password=hunter2",
        "host=u:hunter2@db",
        "host=db password=hunter2 port=ter2",
        "host=db password=hun ter2=1",
        "host=db password=hun ter2",
        "host=db password='hunter2",
        "host=db 'hunter2'=1",
        "password=hunter2",
        "host=db password=hunter2 connect_timeout=hunter2",
    ] {
        refused(url);
    }
    for odd in [
        "host=db user=u dbname=school;password=hunter2",
        "host=db dbname=postgres://u:hunter2@h/d",
        "host=db user=u:hunter2@db",
    ] {
        let address = parse(odd).unwrap();
        assert!(!address.place().contains("hunter2"), "{}", address.place());
    }
}

/// Every parameter of PostgreSQL's client library with values it knows: `None` if it is taken, else words of the reason.
const PARAMETERS: [(&str, &str, Option<&str>); 92] = [
    ("application_name", "school", None),
    ("channel_binding", "disable", None),
    ("channel_binding", "prefer", None),
    ("channel_binding", "require", None),
    ("channel_binding", "always", Some("channel_binding")),
    ("client_encoding", "auto", None),
    ("client_encoding", "UTF8", None),
    ("client_encoding", "LATIN1", Some("UTF-8")),
    ("connect_timeout", "10", None),
    ("connect_timeout", "0", None),
    ("connect_timeout", "soon", Some("connect_timeout")),
    ("dbname", "school", None),
    ("fallback_application_name", "school", None),
    ("gssdelegation", "0", None),
    ("gssdelegation", "1", Some("Kerberos")),
    ("gssencmode", "disable", None),
    ("gssencmode", "prefer", None),
    ("gssencmode", "require", Some("TLS")),
    ("gssencmode", "x", Some("does not know")),
    ("gsslib", "gssapi", Some("Kerberos")),
    ("hostaddr", "10.0.0.1", None),
    ("hostaddr", "db", Some("hostaddr")),
    ("keepalives", "1", None),
    ("keepalives", "x", Some("keepalives")),
    ("keepalives_count", "3", None),
    ("keepalives_count", "x", Some("keepalives_count")),
    ("keepalives_idle", "30", None),
    ("keepalives_interval", "10", None),
    ("keepalives_retries", "3", None),
    ("krbsrvname", "postgres", Some("Kerberos")),
    ("load_balance_hosts", "disable", None),
    ("load_balance_hosts", "random", Some("takes writes")),
    ("max_protocol_version", "latest", None),
    ("min_protocol_version", "3.0", None),
    ("min_protocol_version", "3.2", Some("version 3.0")),
    ("oauth_client_id", "x", Some("OAuth")),
    ("oauth_client_secret", "hunter2", Some("OAuth")),
    ("oauth_issuer", "x", Some("OAuth")),
    ("oauth_scope", "x", Some("OAuth")),
    ("options", "-c geqo=off", None),
    ("passfile", "/nowhere", None),
    ("password", "hunter2", None),
    ("port", "5433", None),
    ("port", "", None),
    ("port", "x", Some("port")),
    ("replication", "database", Some("ordinary")),
    ("replication", "false", None),
    ("require_auth", "scram-sha-256", Some("channel_binding")),
    ("requirepeer", "postgres", Some("socket")),
    ("requiressl", "0", None),
    ("requiressl", "1", Some("sslmode=require")),
    ("schema", "starts", None),
    ("scram_client_key", "hunter2", Some("password")),
    ("scram_server_key", "hunter2", Some("password")),
    ("service", "school", Some("service files")),
    ("servicefile", "/x", Some("service files")),
    ("ssl", "true", Some("sslmode")),
    ("ssl_max_protocol_version", "TLSv1.1", Some("TLSv1.2")),
    ("ssl_max_protocol_version", "TLSv1.2", None),
    ("ssl_max_protocol_version", "TLSv1.3", None),
    ("ssl_min_protocol_version", "TLSv1", None),
    ("ssl_min_protocol_version", "TLSv1.2", None),
    ("ssl_min_protocol_version", "TLSv1.3", None),
    ("ssl_min_protocol_version", "SSLv3", Some("does not know")),
    ("sslcert", "/x", Some("go together")),
    ("sslcertmode", "allow", None),
    ("sslcertmode", "disable", None),
    ("sslcertmode", "require", Some("write allow")),
    ("sslcompression", "0", None),
    ("sslcompression", "1", None),
    ("sslcrl", "/x", Some("revoked")),
    ("sslcrldir", "/x", Some("revoked")),
    ("sslkey", "/x", Some("go together")),
    ("sslkeylogfile", "/x", Some("file")),
    ("sslmode", "", Some("sslmode is one of")),
    ("sslmode", "allow", Some("plain text")),
    ("sslmode", "maybe", Some("sslmode is one of")),
    ("sslmode", "verify-ca", Some("sslrootcert=PATH")),
    ("sslnegotiation", "direct", None),
    ("sslnegotiation", "postgres", None),
    ("sslnegotiation", "x", Some("sslnegotiation")),
    ("sslpassword", "hunter2", Some("decrypted")),
    ("sslrootcert", "system", None),
    ("sslsni", "0", None),
    ("sslsni", "1", None),
    ("sslsni", "x", Some("does not know")),
    ("target_session_attrs", "any", None),
    ("target_session_attrs", "read-write", None),
    ("target_session_attrs", "primary", None),
    ("tcp_user_timeout", "1000", None),
    ("tcp_user_timeout", "soon", Some("tcp_user_timeout")),
    ("currentSchema", "starts", Some("schema=NAME")),
];

#[test]
fn each_parameter_is_taken_or_refused_for_its_own_reason() {
    for (key, value, why) in PARAMETERS {
        let escaped = value.replace(' ', "%20").replace('/', "%2F");
        for text in [
            format!("postgres://u@db/school?{key}={escaped}"),
            format!("host=db user=u {key}='{value}'"),
        ] {
            match why {
                None => assert!(parse(&text).is_ok(), "{text}: {:?}", parse(&text)),
                Some(words) => {
                    let message = refused(&text);
                    assert!(message.contains(words), "{text}: {message}");
                }
            }
        }
    }
    for standby in ["read-only", "standby", "prefer-standby"] {
        let message = refused(&format!("postgres://h/d?target_session_attrs={standby}"));
        assert!(message.contains("a ledger is written to"), "{message}");
    }
    let message = refused("postgres://h/d?speed=9");
    assert!(message.contains("not known here: speed"), "{message}");
}

#[test]
fn what_is_taken_has_its_effect() {
    let of = |parameters: &str| parse(&format!("host=db {parameters}")).unwrap();
    let config = of("target_session_attrs=primary").config;
    assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::Any);
    assert_eq!(config.get_application_name(), Some("industrydata"));
    let named = of("fallback_application_name=a").config;
    assert_eq!(named.get_application_name(), Some("a"));
    let named = of("fallback_application_name=a application_name=b").config;
    assert_eq!(named.get_application_name(), Some("b"));
    let config = of("tcp_user_timeout=1500 connect_timeout=2 keepalives_count=3").config;
    assert_eq!(
        (
            config.get_tcp_user_timeout(),
            config.get_connect_timeout(),
            config.get_keepalives_retries()
        ),
        (
            Some(&Duration::from_millis(1500)),
            Some(&Duration::from_secs(2)),
            Some(3)
        )
    );
    assert_eq!(of("tcp_user_timeout=0").config.get_tcp_user_timeout(), None);
    assert_eq!(of("passfile=/x").passfile, Some("/x".into()));

    let tls = |parameters: &str| of(parameters).encryption;
    assert!(tls("").sends_name && !tls("sslsni=0").sends_name);
    assert!(tls("ssl_min_protocol_version=TLSv1.3").without_tls12);
    assert!(tls("ssl_max_protocol_version=TLSv1.2").without_tls13);
    assert!(tls("sslnegotiation=direct").is_direct);
    assert_eq!(
        tls("sslcert=/c sslkey=/k").client,
        Some(("/c".into(), "/k".into()))
    );
    assert_eq!(tls("sslcert=/c sslkey=/k sslcertmode=disable").client, None);
    let system = tls("sslrootcert=system");
    assert_eq!((system.proof, system.roots), (Proof::Name, Roots::System));
    let here = parse("host=localhost sslrootcert=system").unwrap();
    assert_eq!(here.encryption.proof, Proof::Name);
    for mode in ["disable", "prefer", "verify-ca"] {
        let message = refused(&format!("host=db sslrootcert=system sslmode={mode}"));
        assert!(message.contains("verify-full"), "{message}");
    }
    for mode in ["disable", "prefer"] {
        let message = refused(&format!("host=db sslnegotiation=direct sslmode={mode}"));
        assert!(message.contains("sslmode=require"), "{message}");
    }
    refused("host=db ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2");
    let plain = of("sslmode=disable").config;
    assert_eq!(plain.get_ssl_mode(), SslMode::Disable);
}
