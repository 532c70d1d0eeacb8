//! What each `sslmode` verifies, on a server with a certificate for `localhost` and `127.0.0.1`.

use std::{env, path::PathBuf};

use industrydata_ledger::Store;

use crate::{Fresh, fresh, is_granted, proxy::Proxy, reserve, unavailable};

/// Reserves a start: whether its connection was encrypted, or the message of the error.
fn check(place: &Fresh, host: &str, parameters: &str) -> Result<bool, String> {
    let named = format!("s{}", place.schema);
    let port = place
        .url
        .rsplit_once(':')
        .unwrap()
        .1
        .split_once('/')
        .unwrap()
        .0;
    let at = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    };
    let url = format!(
        "{}?application_name={named}&{parameters}",
        place.url_via(&at)
    );
    let store = match place.options().connect(&url) {
        Ok(store) => store,
        Err(error) => return Err(unavailable::<()>(Err(error))),
    };
    let result = store.transact(&reserve("t", 1));
    if !is_granted(&result) {
        return Err(unavailable(result));
    }
    let sql = format!(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = '{named}'"
    );
    Ok(place.admin().ask_one(&sql) == "t")
}

#[test]
fn what_each_mode_verifies() {
    let Some(place) = fresh() else { return };
    let folder = PathBuf::from(
        env::var_os("INDUSTRYDATA_TEST_POSTGRES_CERTIFICATES").expect("set with the URL"),
    );
    let [ca, other] =
        ["ca.pem", "other.pem"].map(|name| format!("sslrootcert={}", folder.join(name).display()));
    let elsewhere = Proxy::plain("127.0.0.2", &place.url).place;

    assert_eq!(check(&place, "localhost", "sslmode=disable"), Ok(false));
    for encrypted in ["", "sslmode=prefer", &format!("sslmode=prefer&{other}")] {
        assert_eq!(
            check(&place, "localhost", encrypted),
            Ok(true),
            "{encrypted}"
        );
    }
    for mode in ["verify-full", "require", "verify-ca"] {
        for host in ["localhost", "127.0.0.1"] {
            assert_eq!(
                check(&place, host, &format!("sslmode={mode}&{ca}")),
                Ok(true),
                "{mode} {host}"
            );
        }
        let message = check(&place, "localhost", &format!("sslmode={mode}&{other}")).unwrap_err();
        assert!(message.contains("sslrootcert=PATH"), "{mode}: {message}");
    }
    // The name counts, but for verify-ca.
    for mode in ["verify-full", "require"] {
        let message = check(&place, &elsewhere, &format!("sslmode={mode}&{ca}")).unwrap_err();
        assert!(message.contains("certificate"), "{mode}: {message}");
    }
    assert_eq!(
        check(&place, &elsewhere, &format!("sslmode=verify-ca&{ca}")),
        Ok(true)
    );
    let message = check(&place, &elsewhere, &format!("sslmode=verify-ca&{other}")).unwrap_err();
    assert!(message.contains("certificate"), "{message}");
    // Public authorities did not sign it, and a file of authorities asks for proof by itself.
    assert!(
        check(&place, "localhost", "sslmode=require")
            .unwrap_err()
            .contains("sslrootcert=PATH")
    );
    assert_eq!(check(&place, "localhost", &ca), Ok(true));
    assert!(check(&place, "localhost", &other).is_err());
}
