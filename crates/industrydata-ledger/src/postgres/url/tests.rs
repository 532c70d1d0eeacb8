use super::*;

#[track_caller]
fn check(url: &str, expected: &str, proof: Proof) {
    let address = parse(url).unwrap();
    assert_eq!(
        (place(&address.config).as_str(), address.proof),
        (expected, proof),
        "{url}"
    );
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
    let address = parse("postgres://h/d?schema=a%20b&sslmode=verify-ca&sslrootcert=a%2Fb").unwrap();
    assert_eq!(
        (address.schema.as_deref(), address.proof),
        (Some("a b"), Proof::Authority)
    );
    assert_eq!(address.roots, Some("a/b".into()));
    let config = parse("postgres://u:p%40%2F@h/d").unwrap().config;
    assert_eq!(config.get_password(), Some(b"p@/".as_slice()));
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
    ] {
        let error = parse(url).unwrap_err();
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(
                !shown.contains("hun") && !shown.contains("ter2"),
                "{url}: {shown}"
            );
        }
    }
}
