//! Words that must not be said.

use super::{files, root, sources};

#[test]
fn the_core_has_no_clock_no_dice_and_no_io() {
    for (path, text) in files("crates/industrydata-core/src", ".rs") {
        for word in [
            "Instant",
            "SystemTime",
            "Timestamp::now",
            "Zoned::now",
            "std::net::Tcp",
            "std::net::Udp",
            "std::fs",
            "std::io",
            "std::thread",
            "std::process",
            "std::env::var",
            "env::args",
            "println!",
            "getrandom",
            "rand::",
            "RandomState",
            "HashMap::new",
            "static mut",
            "thread_local!",
        ] {
            assert!(!text.contains(word), "{path} has `{word}`");
        }
    }
    // The lint finds what is imported under another name.
    let bans =
        std::fs::read_to_string(root().join("crates/industrydata-core/clippy.toml")).unwrap();
    for ban in [
        "std::time::Instant::now",
        "std::time::SystemTime::now",
        "jiff::Timestamp::now",
        "std::thread::sleep",
        "std::net::TcpStream",
        "std::fs::File",
        "std::hash::RandomState",
    ] {
        assert!(
            bans.contains(&format!("\"{ban}\"")),
            "{ban} is allowed in the core"
        );
    }
}

#[test]
fn only_what_other_tests_run_is_ignored() {
    for (path, text) in sources() {
        for line in text.lines().filter(|line| line.contains("#[ignore")) {
            let reason = line.split_once(" = \"").map(|(_, reason)| reason);
            let is_run = reason.is_some_and(|reason| reason.starts_with("run by other tests"));
            assert!(
                is_run,
                "{path}: an ignored test does not run, and is not counted"
            );
        }
    }
}

#[test]
fn an_adapter_decides_nothing() {
    for flavour in ["async", "blocking"] {
        for file in ["drive", "tenant_client", "operation_poller", "run_poller"] {
            let path = format!("crates/industrydata-{flavour}/src/{file}.rs");
            let text = std::fs::read_to_string(root().join(&path)).unwrap();
            // An example may look at what the code may not.
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let text = code.collect::<Vec<_>>().join("\n");
            for word in [
                "StatusCode::",
                "header",
                "retry",
                "Duration::",
                "RETRY",
                "status()",
            ] {
                assert!(!text.contains(word), "{path} knows of `{word}`");
            }
            let one = usize::from(file == "drive");
            assert_eq!(text.matches("fn send(").count(), one, "{path}");
            assert_eq!(text.matches(".step()").count(), one, "{path}");
        }
    }
}

#[test]
fn the_adapters_differ_by_their_awaits_alone() {
    let code = |flavour: &str, file: &str| {
        let path = format!("crates/industrydata-{flavour}/src/{file}.rs");
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        let lines = text.lines().map(str::trim_start);
        let code: String = lines.filter(|line| !line.starts_with("//")).collect();
        let code = code.replace("async fn", "fn").replace(".await", "");
        code.replace(char::is_whitespace, "").replace(",)", ")")
    };
    for file in ["run_poller", "tenant_client"] {
        assert_eq!(code("async", file), code("blocking", file), "{file}.rs");
    }
}

#[test]
fn no_file_is_large() {
    for path in crate::paths("") {
        let length = path.metadata().unwrap().len();
        assert!(length < 128 * 1024, "{} has {length} bytes", path.display());
    }
}

#[test]
fn nothing_is_left_to_do() {
    for (path, text) in sources() {
        for word in ["TODO", "FIXME", "XXX"] {
            assert!(!text.contains(word), "{path} has `{word}`");
        }
    }
}

#[test]
fn nothing_is_ignored_or_undocumented() {
    for (path, text) in sources() {
        assert!(
            !text.contains("#[ignore]"),
            "{path} ignores a test without saying why"
        );
        let is_public = path.starts_with("crates/") && path.contains("/src/");
        let undocumented =
            text.contains("allow(missing_docs") || text.contains("expect(missing_docs");
        assert!(
            !(is_public && undocumented),
            "{path} leaves something undocumented"
        );
    }
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let words = [
        "/work/",
        "/root/",
        "/Users/",
        "C:\\\\Users",
        "crates.io",
        "registry+sparse",
        "pypi.org",
        "npmjs",
    ];
    for (path, text) in files("", "") {
        if path.starts_with("tests/tests/tidy/") || path.ends_with("Cargo.lock") {
            continue;
        }
        for word in words {
            assert!(!text.contains(word), "{path} has `{word}`");
        }
        let config = path.starts_with(".cargo/");
        assert!(
            !(config && text.contains("[source")),
            "{path} names a registry"
        );
    }
}
