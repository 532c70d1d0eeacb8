//! This test binary run again as another process.

use std::{
    env,
    io::{BufRead, BufReader, Write, stdout},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use industrydata_core::Timestamp;
use industrydata_ledger::{SqliteStore, Store};

use crate::{confirm, is_granted, reserve};

const ROLE: &str = "LEDGER_TEST_ROLE";
const FILE: &str = "LEDGER_TEST_FILE";

/// The command that plays `role` on the ledger at `path`, with `around` in front of it.
pub(crate) fn command(around: &[&str], role: &str, path: &Path) -> Command {
    let this = env::current_exe().unwrap();
    let mut words: Vec<_> = around.iter().map(Into::into).collect();
    words.push(this.into_os_string());
    let mut command = Command::new(words.remove(0));
    command.args(words);
    command.args([
        "--ignored",
        "--exact",
        "child::play",
        "--nocapture",
        "--test-threads=1",
        "--quiet",
    ]);
    command.env(ROLE, role).env(FILE, path);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits for the end of a child, and returns the lines it printed for the test.
pub(crate) fn output_lines(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    lines_of(&String::from_utf8_lossy(&output.stdout))
}

/// The lines of `output` that were printed for the test.
pub(crate) fn lines_of(output: &str) -> Vec<String> {
    let lines = output.lines().filter_map(|line| line.split_once("said: "));
    lines.map(|(_, said)| said.to_owned()).collect()
}

/// Waits until the child says `what`.
pub(crate) fn hear(child: &mut Child, what: &str) {
    let heard = BufReader::new(child.stdout.as_mut().unwrap())
        .lines()
        .any(|line| line.unwrap().ends_with(what));
    assert!(heard, "the child never said {what:?}");
}

fn say(what: &str) {
    println!("said: {what}");
    stdout().flush().unwrap();
}

#[test]
#[ignore = "run by other tests: plays a role in another process"]
fn play() {
    let (role, path) = (env::var(ROLE).unwrap(), env::var_os(FILE).unwrap());
    let words: Vec<&str> = role.split(' ').collect();
    match words.as_slice() {
        ["reserve", first, count] => reserve_some(
            path.as_ref(),
            first.parse().unwrap(),
            count.parse().unwrap(),
        ),
        ["reset"] => {
            let result = SqliteStore::open(&path).and_then(|store| store.reset());
            say(&result.map_or_else(|error| format!("error {error}"), |_| "reset".to_owned()));
        }
        ["hold"] => hold(path.as_ref()),
        ["confirm", id] => {
            let result = SqliteStore::open(&path)
                .and_then(|store| store.transact(&confirm("t", id.parse().unwrap())));
            say(&result.map_or_else(
                |error| format!("error {error}"),
                |_| format!("confirmed {id}"),
            ));
        }
        other => panic!("no such role: {other:?}"),
    }
}

fn reserve_some(path: &Path, first: u128, count: u128) {
    let store = match SqliteStore::open(path) {
        Ok(store) => store,
        Err(error) => return say(&format!("error {error}")),
    };
    for id in first..first + count {
        let result = store.transact(&reserve("t", id));
        match &result {
            Ok(_) if is_granted(&result) => say(&format!("granted {id}")),
            Ok(_) => say(&format!("refused {id}")),
            Err(error) => say(&format!("error {error}")),
        }
    }
}

/// Stops for ever with the writer's lock held: the clock is read with the lock held.
fn hold(path: &Path) {
    let readings = AtomicU32::new(0);
    let clock = move || {
        if readings.fetch_add(1, Ordering::SeqCst) == 1 {
            say("holding");
            loop {
                thread::sleep(Duration::from_secs(60));
            }
        }
        Timestamp::now()
    };
    let store = SqliteStore::options().clock(clock).open(path).unwrap();
    drop(store.transact(&reserve("t", 0xdead)));
}
