//! T61: servers that are not there, and URLs that lead nowhere. One line each, and the password in none.

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
    let told = unavailable(result);
    assert!(
        told.contains(expected) && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn urls_that_lead_nowhere() {
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
fn servers_that_do_not_encrypt() {
    check(&answering(b"N"), "add sslmode=disable");
    // What is no TLS has no certificate that could be wrong.
    for odd in [b"S".as_slice(), b"SHTTP/1.1 400 Bad Request\r\n\r\n"] {
        let store = PgStore::connect(&answering(odd)).unwrap();
        let told = unavailable(store.check());
        assert!(
            told.contains("TLS") && !told.contains("certificate"),
            "{told}"
        );
    }
}

#[test]
fn what_the_server_refuses() {
    let Some(place) = fresh() else { return };
    let (_, at) = place.url.split_once('@').unwrap();
    let (who, _) = place.url.rsplit_once('/').unwrap();
    check(
        &format!("postgres://industry:hunter2@{at}"),
        "look at the user, the password",
    );
    check(
        &format!("postgres://nobody:hunter2@{at}"),
        "look at the user, the password",
    );
    check(&format!("postgres://industry@{at}"), "PGPASSWORD");
    check(&format!("{who}/no_such_books"), "create the database first");
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
    let (who, at) = place.url.split_once('@').unwrap();
    let password = who.rsplit_once(':').unwrap().1.replace("%20", " ");
    let bare = format!("postgres://industry@{at}");
    let works = |options: industrydata_ledger::PgOptions| {
        assert!(!format!("{options:?}").contains(&password));
        let result = options
            .schema(&place.schema)
            .connect(&bare)
            .and_then(|store| store.check());
        result.map_err(|fault| unavailable::<()>(Err(fault)))
    };
    works(PgStore::options().password(&password)).unwrap();
    // What stands in the URL goes before.
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
        format!("# ours\nelsewhere:*:*:*:x\n127.0.0.1:*:postgres:industry:{password}\n"),
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
fn a_standby_takes_no_books() {
    let Some(place) = fresh() else { return };
    let url = format!(
        "{}?options=-c%20default_transaction_read_only%3Don",
        place.url
    );
    let told = unavailable(
        Fresh {
            url,
            ..place.clone()
        }
        .store()
        .check(),
    );
    assert!(
        told.contains("does not allow writes") || told.contains("primary"),
        "{told}"
    );
    assert!(is_granted(&place.store().transact(&reserve("t", 1))));
}
