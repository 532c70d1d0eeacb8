//! This test binary run again as another process.

use std::{
    env,
    io::{Write, stdout},
    process::{Child, Command, Stdio},
};

use industrydata_ledger::{PgStore, Store};

use crate::{Fresh, is_granted, reserve};

const ROLE: &str = "LEDGER_TEST_ROLE";
const URL: &str = "LEDGER_TEST_URL";
const SCHEMA: &str = "LEDGER_TEST_SCHEMA";

/// Starts a process that reserves `count` starts from `first` on.
pub(crate) fn reserve_some(place: &Fresh, tenant: &str, first: u128, count: u128) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([
        "--ignored",
        "--exact",
        "child::play",
        "--nocapture",
        "--test-threads=1",
        "--quiet",
    ]);
    command.env(ROLE, format!("{tenant} {first} {count}"));
    command.env(URL, &place.url).env(SCHEMA, &place.schema);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits for the end of a child, and returns the lines it printed for the test.
pub(crate) fn output_lines(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter_map(|line| line.split_once("said: "));
    lines.map(|(_, said)| said.to_owned()).collect()
}

#[test]
#[ignore = "run by other tests: plays a role in another process"]
fn play() {
    let [role, url, schema] = [ROLE, URL, SCHEMA].map(|name| env::var(name).unwrap());
    let words: Vec<&str> = role.split(' ').collect();
    let [tenant, first, count] = words.as_slice() else {
        panic!("no such role: {role}");
    };
    let (first, count): (u128, u128) = (first.parse().unwrap(), count.parse().unwrap());
    let store = PgStore::options().schema(schema).connect(&url).unwrap();
    for id in first..first + count {
        let result = store.transact(&reserve(tenant, id));
        match &result {
            Ok(_) if is_granted(&result) => println!("said: granted {id}"),
            Ok(_) => println!("said: refused {id}"),
            Err(error) => println!("said: error {error}"),
        }
        stdout().flush().unwrap();
    }
}
