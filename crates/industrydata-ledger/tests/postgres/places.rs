//! T61: servers that do not answer, and URLs that name none. Each error is one line without the password.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use industrydata_ledger::{Ledger, PgStore, Store};

use crate::{Fresh, fresh, is_granted, reserve, unavailable};

#[track_caller]
fn check(url: &str, expected: &str) {
    let result = PgStore::connect(url).and_then(|store| {
        assert!(!format!("{store:?} {}", store.place()).contains("hunter2"));
        store.check()
    });
    let message = unavailable(result);
    assert!(
        message.contains(expected) && !message.contains("hunter2"),
        "{message}"
    );
}

#[test]
fn urls_without_a_server() {
    check("mysql://u:hunter2@localhost/db", "postgres://");
    check("/var/lib/hunter2", "postgres://");
    check(
        "postgres://u:hunter2@localhost/db?sslmode=allow",
        "sslmode is one of",
    );
    check(
        "postgres://u:hunter2@localhost/db?sslmode=require&sslrootcert=/nowhere",
        "/nowhere",
    );
    check("postgres://u:hunter2@localhost/db?speed=9", "speed");
    assert!(Ledger::postgres("postgres://").is_err());
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    check(
        &format!("postgres://u:hunter2@{closed}/db"),
        "whether the server runs",
    );
    check("postgres://u:hunter2@nowhere.invalid/db", "nowhere.invalid");
}

#[test]
fn a_server_that_never_answers() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u:hunter2@{}/db", deaf.local_addr().unwrap());
    let wait = Duration::from_millis(200);
    let store = PgStore::options().wait(wait).connect(&url).unwrap();
    let begun = Instant::now();
    assert!(unavailable(store.transact(&reserve("t", 1))).contains("no answer"));
    assert!(
        begun.elapsed() < wait + Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

/// A server that gives each connection's first message `answer`, and then closes.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "postgres://u:hunter2@{}/db?sslmode=require",
        listener.local_addr().unwrap()
    );
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            drop(client.read(&mut [0; 64]));
            drop(client.write_all(answer));
        }
    });
    url
}

#[test]
fn servers_without_encryption() {
    check(&answering(b"N"), "add sslmode=disable");
    // An answer that is not TLS is no error of a certificate.
    for odd in [b"S".as_slice(), b"SHTTP/1.1 400 Bad Request\r\n\r\n"] {
        let store = PgStore::connect(&answering(odd)).unwrap();
        let message = unavailable(store.check());
        assert!(
            message.contains("TLS") && !message.contains("certificate"),
            "{message}"
        );
    }
}

#[test]
fn refusals_of_the_server() {
    let Some(place) = fresh() else { return };
    let (_, at) = place.url.split_once('@').unwrap();
    let (server, _) = place.url.rsplit_once('/').unwrap();
    check(
        &format!("postgres://industry:hunter2@{at}"),
        "look at the user, the password",
    );
    check(
        &format!("postgres://stranger:hunter2@{at}"),
        "look at the user, the password",
    );
    check(&format!("postgres://industry@{at}"), "PGPASSWORD");
    check(
        &format!("{server}/no_such_database"),
        "create the database first",
    );
    let store = place.store();
    assert!(format!("{store:?}").contains("industry@127.0.0.1"));
    assert!(
        !format!("{store:?} {:?}", Ledger::from(store.clone())).contains("books"),
        "{store:?}"
    );
}

#[test]
fn passwords_from_elsewhere() {
    let Some(place) = fresh() else { return };
    let (user, at) = place.url.split_once('@').unwrap();
    let password = user.rsplit_once(':').unwrap().1.replace("%20", " ");
    let bare = format!("postgres://industry@{at}");
    let works = |options: industrydata_ledger::PgOptions| {
        assert!(!format!("{options:?}").contains(&password));
        let result = options
            .schema(&place.schema)
            .connect(&bare)
            .and_then(|store| store.check());
        result.map_err(|error| unavailable::<()>(Err(error)))
    };
    works(PgStore::options().password(&password)).unwrap();
    // A password in the URL takes precedence.
    let wrong = format!("postgres://industry:wrong@{at}");
    assert!(
        PgStore::options()
            .password(&password)
            .connect(&wrong)
            .unwrap()
            .check()
            .is_err()
    );

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passfile");
    assert!(
        works(PgStore::options().passfile(&file))
            .unwrap_err()
            .contains("passfile")
    );
    fs::write(
        &file,
        format!("# test\nelsewhere:*:*:*:x\n127.0.0.1:*:postgres:industry:{password}\n"),
    )
    .unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(
            works(PgStore::options().passfile(&file))
                .unwrap_err()
                .contains("chmod 600")
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    works(PgStore::options().passfile(&file)).unwrap();
    assert!(
        works(PgStore::options())
            .unwrap_err()
            .contains("PGPASSWORD")
    );
}

#[test]
fn a_standby_cannot_hold_a_ledger() {
    let Some(place) = fresh() else { return };
    let url = format!(
        "{}?options=-c%20default_transaction_read_only%3Don",
        place.url
    );
    let message = unavailable(
        Fresh {
            url,
            ..place.clone()
        }
        .store()
        .check(),
    );
    assert!(
        message.contains("does not allow writes") || message.contains("primary"),
        "{message}"
    );
    assert!(is_granted(&place.store().transact(&reserve("t", 1))));
}
