//! The first chapter of the guide, by copy and paste: its console blocks are run, and print what they say.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::{Block, PROGRAM, blocks};

const CHAPTER: &str = "guide/src/first-start.md";

/// A command with the lines that the chapter shows below it.
struct Shown {
    command: String,
    lines: Vec<String>,
}

fn shown(blocks: Vec<Block>) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    for block in blocks.into_iter().filter(|it| it.language == "console") {
        for line in block.lines {
            if let Some(command) = line.strip_prefix("$ ") {
                let command = command.to_owned();
                let lines = Vec::new();
                found.push(Shown { command, lines });
            } else {
                found.last_mut().unwrap().lines.push(line);
            }
        }
    }
    found
}

/// Whether a line has what the chapter shows. Three dots stand for any text.
fn is_like(line: &str, shown: &str) -> bool {
    let mut rest = line;
    let parts: Vec<_> = shown.split('…').collect();
    let starts = line.starts_with(parts[0]);
    let ends = line.ends_with(parts[parts.len() - 1]);
    let is_in_order = parts.iter().all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    });
    starts && ends && is_in_order
}

/// The emulator of the chapter, on any free port. It is interrupted at the end, so that it removes its ledger.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        let interrupt = format!("kill -INT {}", self.0.id());
        let _ = Command::new("sh").args(["-c", &interrupt]).status();
        let _ = self.0.wait();
    }
}

#[test]
fn the_first_chapter_is_true() {
    let is_there = Command::new("curl").arg("--version").output().is_ok();
    if !is_there {
        println!("not run: curl is not installed");
        return;
    }
    let commands = shown(blocks(CHAPTER));
    let (first, rest) = commands.split_first().unwrap();
    let arguments = first.command.strip_prefix("industrydata ").unwrap();
    let mut emulator = Command::new(PROGRAM);
    emulator.args(arguments.split(' ')).args(["--port", "0"]);
    emulator.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut emulator = Emulator(emulator.spawn().unwrap());
    let output = BufReader::new(emulator.0.stdout.take().unwrap());
    let exports: Vec<_> = output
        .lines()
        .map(|line| line.unwrap())
        .take(first.lines.len())
        .collect();
    let port = exports[0].rsplit(':').next().unwrap();
    let port = port.split('/').next().unwrap();
    let here = |text: &str| text.replace(":8085", &format!(":{port}"));
    for (line, shown) in exports.iter().zip(&first.lines) {
        assert!(is_like(line, &here(shown)), "{line:?} is not {shown:?}");
    }

    // Between two commands stands a line with the exit code of the first, which `$?` keeps.
    let mut script = exports.join("\n");
    for it in rest {
        let command = here(&it.command);
        script += &format!("\n{command}\n__code=$?; echo; echo \"code $__code\"; (exit $__code)");
    }
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("bin");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(PROGRAM, folder.join("industrydata")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut shell = Command::new("sh");
    shell.env_clear().arg("-c").arg(script);
    shell.env("HOME", home.path());
    shell.env("PATH", format!("{}:{path}", folder.display()));
    let output = shell.output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();

    let mut lines = stdout.lines();
    for (at, it) in rest.iter().enumerate() {
        let mut printed: Vec<&str> = Vec::new();
        let code = loop {
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("the shell ended at {:?}\n{stderr}", it.command));
            match line.strip_prefix("code ") {
                Some(code) => break code,
                None => printed.push(line),
            }
        };
        let mut unseen = printed.iter();
        for shown in &it.lines {
            assert!(
                unseen.any(|line| is_like(line, shown)),
                "{:?} should print {shown:?}, and prints\n{}\n{stderr}",
                it.command,
                printed.join("\n")
            );
        }
        // A code that the chapter shows is compared as a line.
        let is_shown = rest
            .get(at + 1)
            .is_some_and(|next| next.command == "echo $?");
        assert!(
            is_shown || code == "0",
            "{:?} ended with {code}\n{stderr}",
            it.command
        );
    }
}

#[test]
fn dots_stand_for_any_text() {
    assert!(is_like("operation 1 ended", "operation … ended"));
    assert!(is_like("operation 1 ended", "…ended"));
    assert!(is_like("operation 1 ended", "operation…"));
    assert!(!is_like("operation 1 ended", "operation"));
    assert!(!is_like("the operation", "operation…"));
    assert!(!is_like("a c b", "a…b…c"));
}
