//! The files that the listener keeps: federated tokens and access tokens.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use industrydata_emulator::{Client, Config, Emulator};

use crate::tokens::claims;

/// The text of the file once it is another one.
fn changed(path: &Path, from: &str) -> String {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(path).unwrap();
        // It is replaced as a whole.
        assert!(!text.is_empty());
        if text != from {
            return text;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it was not renewed"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_federated_token_is_renewed_by_the_clock() {
    let emulator = Emulator::start(Config::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    emulator.keep_federated_token(&path).unwrap();
    let first = fs::read_to_string(&path).unwrap();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(fs::read_to_string(&path).unwrap(), first);
    emulator.advance(Duration::from_secs(150));
    let second = changed(&path, &first);
    assert!(claims(&second)["exp"].as_i64() > claims(&first)["exp"].as_i64());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    emulator.stop();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(fs::read_to_string(&path).unwrap(), second);
}

#[test]
fn an_access_token_is_renewed_before_it_expires() {
    let client = Client {
        token_lifetime: Duration::from_secs(1),
        ..Client::default()
    };
    let emulator = Emulator::start(Config {
        client,
        ..Config::default()
    })
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    emulator.keep_access_token(&path).unwrap();
    let mut last = fs::read_to_string(&path).unwrap();
    for _ in 0..3 {
        last = changed(&path, &last);
        let json: serde_json::Value = serde_json::from_str(&last).unwrap();
        let token = json["accessToken"].as_str().unwrap();
        assert_eq!(claims(token)["exp"], json["expires_on"]);
    }
    assert!(
        emulator
            .keep_access_token(folder.path().join("none/token"))
            .is_err()
    );
}
