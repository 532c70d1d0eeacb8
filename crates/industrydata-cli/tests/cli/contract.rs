//! Checks JSON documents against the schemas in `docs/schema/`.
//!
//! [`check`] is called for everything that a run of the binary prints. It reads a schema in two ways. The published
//! reading allows keys and values that a newer release adds. The strict reading allows only what the schema names, so a
//! key that the schema lacks fails a test: a document has to be valid for exactly one schema. To add a key, name it in
//! the schema. To add a kind of document, add its file to the folder, and a command that prints it to the test below.

use std::{collections::BTreeMap, fs, path::Path, sync::OnceLock, time::Duration};

use industrydata_emulator::{Config, Emulator, Fault, Grant, Lose, On, Schedule};
use jsonschema::{Retrieve, Uri, Validator};
use serde_json::{Map, Value, json};

use crate::stage::{CANARY, Ran, Stage, closed};

const SUFFIX: &str = ".schema.json";
/// The file that only the others refer to.
const COMMON: &str = "common";

/// The schemas of the folder in one reading, by the name of their file.
struct Schemas(BTreeMap<String, Validator>);

#[derive(Clone, Copy)]
enum Reading {
    Published,
    Strict,
}

impl Schemas {
    fn read(reading: Reading) -> Self {
        let mut files = files();
        if let Reading::Strict = reading {
            files.values_mut().for_each(close);
        }
        let folder = Folder(files.clone());
        let documents = files.into_iter().filter(|(name, _)| name != COMMON);
        Self(
            documents
                .map(|(name, schema)| {
                    let options = jsonschema::options()
                        .with_base_uri("file:///schema/")
                        .with_retriever(folder.clone());
                    (name, options.build(&schema).unwrap())
                })
                .collect(),
        )
    }

    fn of(reading: Reading) -> &'static Self {
        static READINGS: [OnceLock<Schemas>; 2] = [OnceLock::new(), OnceLock::new()];
        READINGS[reading as usize].get_or_init(|| Self::read(reading))
    }

    /// The names of the schemas that the document is valid for.
    fn kinds(&self, document: &Value) -> Vec<&str> {
        let valid = self.0.iter().filter(|(_, it)| it.is_valid(document));
        valid.map(|(name, _)| name.as_str()).collect()
    }

    /// What each schema finds wrong with the document, the shortest list first.
    fn faults(&self, document: &Value) -> String {
        let mut faults: Vec<_> = self
            .0
            .iter()
            .map(|(name, schema)| {
                let faults = schema.iter_errors(document);
                let faults = faults.map(|it| format!("{}: {it}", it.instance_path()));
                (name, faults.collect::<Vec<_>>())
            })
            .collect();
        faults.sort_by_key(|(_, faults)| faults.len());
        let (name, faults) = &faults[0];
        format!("nearest to {name}{SUFFIX}: {}", faults.join("; "))
    }
}

/// References are read from the folder, whatever folder they name.
#[derive(Clone)]
struct Folder(BTreeMap<String, Value>);

impl Retrieve for Folder {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let file = uri.as_str().rsplit('/').next().unwrap_or_default();
        let name = file.strip_suffix(SUFFIX).unwrap_or(file);
        self.0
            .get(name)
            .cloned()
            .ok_or_else(|| format!("there is no schema {file}").into())
    }
}

fn files() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    let paths = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let named = paths.filter_map(|path| {
        let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?.to_owned();
        let text = fs::read_to_string(&path).unwrap();
        Some((name, serde_json::from_str(&text).unwrap()))
    });
    named.collect()
}

/// The strict reading: an object has only the keys that are named, and a value is one of its examples.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            if let Some(examples) = members.remove("examples") {
                members.insert("enum".to_owned(), examples);
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The name of the one schema that the document is valid for.
pub(crate) fn check(text: &str) -> &'static str {
    let document: Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    kind(&document).unwrap_or_else(|fault| panic!("{fault}\n{text}"))
}

fn kind(document: &Value) -> Result<&'static str, String> {
    let (published, strict) = (
        Schemas::of(Reading::Published),
        Schemas::of(Reading::Strict),
    );
    match (&*published.kinds(document), &*strict.kinds(document)) {
        (all, [kind]) if all.contains(kind) => Ok(kind),
        (_, []) => Err(strict.faults(document)),
        (_, kinds) => Err(format!("valid for more or less than one schema: {kinds:?}")),
    }
}

/// Whether standard output is meant as JSON.
pub(crate) fn is_document(stdout: &str) -> bool {
    stdout.starts_with('{')
}

fn printed(stage: &Stage, line: &[&str]) -> (&'static str, Value) {
    let line: Vec<_> = line.iter().copied().chain(["--output", "json"]).collect();
    let ran = stage.run(&line);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    let kind = check(&ran.stdout);
    (kind, serde_json::from_str(&ran.stdout).unwrap())
}

#[test]
fn every_kind_of_document_has_a_schema() {
    let emulator = Emulator::start(Config {
        tokens: vec![Grant::all(CANARY)],
        operation_takes: Duration::from_millis(50),
        run_takes: Duration::from_millis(100),
        schedule: Some(Schedule {
            past_runs: 3,
            ..Schedule::default()
        }),
        ..Config::default()
    })
    .unwrap();
    let stage = Stage::new(&emulator.base_url());
    let follow = ["start", "--follow", "--poll-interval", "50ms"];
    let mut kinds = Vec::new();
    let mut print = |line: &[&str]| {
        let (kind, document) = printed(&stage, line);
        kinds.push(kind);
        document
    };
    let started = print(&follow);
    assert_eq!(started["outcome"], "succeeded", "{started}");
    let (run, operation) = (
        started["run"]["id"].as_str().unwrap(),
        started["operation"]["id"].as_str().unwrap(),
    );
    emulator.script(Fault::on(On::Start).lose(Lose::Answer));
    assert_eq!(print(&["start"])["outcome"], "in_doubt");
    print(&["doctor"]);
    print(&["quota", "--entries", "--reconcile", "--schedule", "infer"]);
    print(&["runs", "list"]);
    print(&["runs", "show", run]);
    print(&["runs", "statistics", run]);
    print(&["runs", "activities", run]);
    print(&["operations", "list"]);
    print(&["operations", "show", operation]);
    print(&["ledger", "reset", "--yes"]);
    print(&["completions", "bash"]);
    print(&["man", "pages"]);

    let mut server = stage.spawn(&["emulator", "--port", "0", "--output", "json"]);
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(server.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    kinds.push(check(&line));
    crate::stage::signal(&server, "-TERM");
    assert_eq!(Ran::of(server).code, 130);

    kinds.sort_unstable();
    kinds.dedup();
    let mut named: Vec<_> = files().into_keys().filter(|it| it != COMMON).collect();
    named.sort_unstable();
    assert_eq!(kinds, named);
}

#[test]
fn a_document_that_breaks_the_contract_is_found() {
    let (_, whole) = printed(&Stage::new(&closed()), &["wait", "op-1", "--timeout", "1s"]);
    assert_eq!(kind(&whole), Ok("result"));
    let changed = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut document = whole.clone();
        change(document.as_object_mut().unwrap());
        kind(&document)
    };
    for key in ["schema_version", "outcome", "operation", "quota", "error"] {
        assert!(changed(&|it| drop(it.remove(key))).is_err(), "{key}");
    }
    for (key, value) in [
        ("schema_version", json!(2)),
        ("schema_version", json!("1")),
        ("outcome", json!("done")),
        ("quota", json!({})),
        ("unnamed", json!(null)),
    ] {
        let fault = changed(&|it| drop(it.insert(key.to_owned(), value.clone())));
        assert!(fault.is_err(), "{key} {value}");
    }
    for (part, key, value) in [
        ("error", "kind", json!("new")),
        ("error", "unnamed", json!(1)),
        ("operation", "created", json!("2026-03-10 12:00")),
        ("operation", "unnamed", json!(null)),
    ] {
        let fault = changed(&|it| it[part][key] = value.clone());
        assert!(fault.is_err(), "{part} {key}");
    }
}

#[test]
fn the_published_reading_allows_what_a_newer_release_adds() {
    let (_, mut document) = printed(&Stage::new(&closed()), &["wait", "op-1", "--timeout", "1s"]);
    document["new"] = json!({});
    document["error"]["kind"] = json!("new");
    document["error"]["new"] = json!(1);
    let published = Schemas::of(Reading::Published).kinds(&document);
    assert!(published.contains(&"result"), "{published:?}");
    assert!(Schemas::of(Reading::Strict).kinds(&document).is_empty());
}

#[test]
fn every_schema_is_a_schema() {
    for (name, schema) in files() {
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
        assert!(schema["title"].is_string(), "{name}");
    }
}
