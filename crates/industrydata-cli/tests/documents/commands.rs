//! Every command line that a document or a file under `deploy/` has is one that the command takes.

use std::process::Command;

use crate::{PROGRAM, blocks, documents, files, text};

/// Whether the command takes these arguments. The flag for the help comes last, so that nothing is carried out.
fn taken(arguments: &[String]) -> Result<(), String> {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("--help").env_clear();
    let output = command.output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Checks a command line and returns 1 if it was taken.
pub(crate) fn check(place: &str, arguments: &[String]) -> usize {
    match taken(arguments) {
        Ok(()) => 1,
        Err(error) => panic!("{place}: industrydata {}\n{error}", arguments.join(" ")),
    }
}

/// The arguments of each call of the command in a line of a shell or a script.
pub(crate) fn calls(line: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, name) in line.match_indices("industrydata") {
        let before = line[..at].chars().next_back();
        let is_program = before.is_none_or(|it| " /\\(\"=".contains(it));
        let rest = &line[at + name.len()..];
        let rest = rest.strip_prefix(".exe").unwrap_or(rest);
        let rest = rest.strip_prefix('"').unwrap_or(rest);
        let Some(rest) = rest.strip_prefix(' ').filter(|_| is_program) else {
            continue;
        };
        let words = words(rest);
        let is_name = |it: char| it.is_ascii_lowercase() || it == '-';
        let is_call = words.first().is_some_and(|it| it.chars().all(is_name));
        if is_call {
            found.push(words);
        }
    }
    found
}

/// Words as a shell takes them apart, up to what ends the command.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for letter in text.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '\'' | '|' | ';' | '&' | '<' | '>' | '#' | ')' if !is_quoted => break,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn commands_of_the_documents_are_taken() {
    let (mut seen, mut taken) = (0, 0);
    for document in documents() {
        for block in blocks(&document) {
            let is_shell = ["console", "sh", "powershell"].contains(&&*block.language);
            for line in block.lines.iter().filter(|_| is_shell) {
                // The rest of a console block is output.
                let line = line.trim_start();
                let line = match block.language.as_str() {
                    "console" => line.strip_prefix("$ ").unwrap_or_default(),
                    _ => line,
                };
                if line.starts_with('#') {
                    continue;
                }
                for call in calls(line) {
                    seen += 1;
                    taken += check(&document, &call);
                }
            }
        }
    }
    println!("{taken} of {seen} command lines are taken");
    assert!(taken > 25, "only {taken} of {seen} command lines are taken");
}

#[test]
fn commands_of_the_manifests_are_taken() {
    let mut seen = 0;
    for file in files("deploy") {
        for line in text(&file).lines() {
            if line.trim_start().starts_with('#') {
                continue;
            }
            let is_python = file.ends_with(".py");
            for call in calls(line).iter().filter(|_| !is_python) {
                check(&file, call);
                seen += 1;
            }
            // A list of words, as Python writes it.
            if let Some((_, list)) = line.split_once("[\"industrydata\", ") {
                let words: Vec<_> = list.split(", ").map(unquoted).collect();
                check(&file, &words);
                seen += 1;
            }
        }
    }
    assert!(seen >= 5, "only {seen} calls were found");
}

fn unquoted(word: &str) -> String {
    word.trim_end_matches(']').trim_matches('"').to_owned()
}

#[test]
fn calls_are_found_in_lines() {
    let found = |line: &str| calls(line).concat().join(",");
    assert_eq!(found("industrydata start --wait # later"), "start,--wait");
    assert_eq!(
        found("t=$(industrydata start --output json | sed x)"),
        "start,--output,json"
    );
    assert_eq!(
        found("/bin/sh -c 'exec /usr/bin/industrydata start --key \"a $(b c)\"'"),
        "start,--key,a $(b c)"
    );
    assert_eq!(
        found("& \"$folder\\industrydata.exe\" start --wait |"),
        "start,--wait"
    );
    assert_eq!(found("cargo add industrydata -F blocking"), "");
    assert_eq!(found("cd /var/lib/industrydata"), "");
}

#[test]
fn arguments_that_do_not_exist_are_not_taken() {
    let words = |line: &str| calls(line).concat();
    assert!(taken(&words("industrydata start --wait")).is_ok());
    assert!(taken(&words("industrydata start --no-such-flag")).is_err());
    assert!(taken(&words("industrydata no-such-command")).is_err());
    assert!(taken(&words("industrydata start --timeout 5")).is_err());
}

/// Paths that a document names in code exist.
#[test]
fn paths_of_the_documents_exist() {
    let mut named = 0;
    for document in documents() {
        let text = text(&document);
        for code in text.split('`').skip(1).step_by(2) {
            let first = code.split('/').next().unwrap_or_default();
            let is_path = ["deploy", "docs", "crates", "guide"].contains(&first)
                && code.contains('/')
                && !code.contains(char::is_whitespace);
            if is_path {
                assert!(crate::root().join(code).exists(), "{document}: {code}");
                named += 1;
            }
        }
        for include in text.split("{{#include ").skip(1) {
            let path = include.split("}}").next().unwrap();
            let path = crate::root().join("guide/src").join(path);
            assert!(path.exists(), "{document}: {}", path.display());
            named += 1;
        }
    }
    assert!(named > 20, "only {named} paths are named");
}

/// Faults that a document shows are faults that the emulator can play.
#[test]
fn faults_of_the_documents_are_faults() {
    let mut seen = 0;
    for document in documents() {
        for (at, _) in text(&document).match_indices("{\"on\"") {
            let text = &text(&document)[at..];
            let fault = &text[..=text.find('}').unwrap()];
            industrydata_emulator::Fault::parse(fault.as_bytes())
                .unwrap_or_else(|error| panic!("{document}: {fault}: {error}"));
            seen += 1;
        }
    }
    assert!(seen >= 3, "only {seen} faults are shown");
}
