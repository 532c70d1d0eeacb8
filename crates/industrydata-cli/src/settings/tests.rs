use std::{collections::HashMap, ffi::OsString, path::PathBuf, time::Duration};

use clap::Parser;
use industrydata_core::ledger::Store;

use super::{ledger::default_ledger, *};
use crate::{
    args::Cli,
    environment::Environment,
    report::Document,
    signals::Interrupt,
    tokens::{Deadline, Tokens},
};

struct Given {
    args: Vec<&'static str>,
    env: HashMap<&'static str, &'static str>,
}

fn given(args: &[&'static str], env: &[(&'static str, &'static str)]) -> Given {
    Given {
        args: args.to_vec(),
        env: env.iter().copied().collect(),
    }
}

impl Given {
    fn with<T>(&self, read: impl FnOnce(&Global, Environment<'_>) -> T) -> T {
        let line = ["industrydata", "quota"]
            .into_iter()
            .chain(self.args.iter().copied());
        let cli = Cli::try_parse_from(line).unwrap();
        read(
            &cli.global,
            Environment(&|name| self.env.get(name).map(OsString::from)),
        )
    }

    fn tokens(&self) -> Result<&'static str, Box<Document>> {
        let deadline = Deadline::new(Duration::from_secs(60), &Interrupt::default());
        self.with(|global, env| tokens(global, env, None, &deadline))
            .map(|tokens| match tokens {
                Tokens::Fixed(_) => "fixed",
                Tokens::File(_) => "file",
                Tokens::Command(_) => "command",
                Tokens::Credential(kind) => kind.name(),
            })
    }
}

const AZURE: [(&str, &str); 3] = [
    ("AZURE_TENANT_ID", "contoso"),
    ("AZURE_CLIENT_ID", "app"),
    ("AZURE_CLIENT_SECRET", "canary+sec/ret=="),
];

#[test]
fn the_base_is_from_the_option_the_environment_or_graph() {
    let of = |given: &Given| given.with(base).map(|base| base.to_string());
    let env = [("INDUSTRYDATA_BASE_URL", "http://127.0.0.1:2/beta")];
    assert_eq!(
        of(&given(&["--base-url", "http://127.0.0.1:1/beta"], &env)).unwrap(),
        "http://127.0.0.1:1/beta"
    );
    assert_eq!(of(&given(&[], &env)).unwrap(), "http://127.0.0.1:2/beta");
    let empty = [("INDUSTRYDATA_BASE_URL", "")];
    assert_eq!(
        of(&given(&[], &empty)).unwrap(),
        "https://graph.microsoft.com/beta"
    );
    let bad = of(&given(
        &[],
        &[("INDUSTRYDATA_BASE_URL", "http://example.com")],
    ))
    .unwrap_err();
    assert_eq!(
        (bad.outcome, bad.error.unwrap().kind),
        (Outcome::Usage, Kind::BaseUrl)
    );
}

#[test]
fn the_tenant_is_from_the_option_or_two_variables() {
    let of = |args: &[&'static str], env: &[(&'static str, &'static str)]| {
        given(args, env)
            .with(tenant)
            .map(|tenant| tenant.map(|tenant| tenant.to_string()))
    };
    let both = [("INDUSTRYDATA_TENANT", "b"), ("AZURE_TENANT_ID", "c")];
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(of(&["--tenant", "a"], &both).unwrap(), some("a"));
    assert_eq!(of(&[], &both).unwrap(), some("b"));
    assert_eq!(
        of(
            &[],
            &[("INDUSTRYDATA_TENANT", ""), ("AZURE_TENANT_ID", "c")]
        )
        .unwrap(),
        some("c")
    );
    assert_eq!(of(&[], &[]).unwrap(), None);
    assert!(of(&["--tenant", ""], &[]).is_err());
}

#[test]
fn the_first_token_source_wins() {
    let mut env = AZURE.to_vec();
    assert_eq!(given(&[], &env).tokens().unwrap(), "secret");
    env.push(("INDUSTRYDATA_TOKEN", ""));
    assert_eq!(given(&[], &env).tokens().unwrap(), "secret");
    env.push(("INDUSTRYDATA_TOKEN", "abc"));
    assert_eq!(given(&[], &env).tokens().unwrap(), "fixed");
    assert_eq!(
        given(&["--token-command", "true"], &env).tokens().unwrap(),
        "command"
    );
    assert!(
        given(&["--token-file", "/nonexistent/token"], &env)
            .tokens()
            .is_err()
    );
}

#[test]
fn a_named_kind_is_used() {
    let mut env = AZURE.to_vec();
    env.push(("INDUSTRYDATA_TOKEN", "abc"));
    env.push(("AZURE_FEDERATED_TOKEN_FILE", "/token"));
    env.push(("AZURE_CLIENT_CERTIFICATE_PATH", "/certificate.pem"));
    env.push(("ACTIONS_ID_TOKEN_REQUEST_URL", "https://github.example/x?y"));
    env.push(("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary"));
    for (name, used) in [
        ("auto", "fixed"),
        ("token", "fixed"),
        ("secret", "secret"),
        ("certificate", "certificate"),
        ("workload", "workload"),
        ("managed-identity", "managed-identity"),
        ("github", "github"),
        ("managed-identity-federation", "managed-identity-federation"),
    ] {
        assert_eq!(given(&["--credential", name], &env).tokens().unwrap(), used);
        let mut named = env.clone();
        named.push(("INDUSTRYDATA_CREDENTIAL", name));
        assert_eq!(given(&[], &named).tokens().unwrap(), used);
        // A flag with a token beats the variable, and contradicts the option.
        let flag = ["--token-command", "true"];
        assert_eq!(given(&flag, &named).tokens().unwrap(), "command");
        let both = ["--token-command", "true", "--credential", name];
        let both = given(&both, &env).tokens();
        if name == "auto" {
            assert_eq!(both.unwrap(), "command");
        } else {
            assert_eq!(both.unwrap_err().outcome, Outcome::Usage, "{name}");
        }
        let other = [("INDUSTRYDATA_CREDENTIAL", "nonsense")];
        let option = given(&["--credential", name], &[&env[..], &other].concat());
        assert_eq!(
            option.tokens().unwrap(),
            used,
            "the option beats the variable"
        );
    }
    let same = ["--token-command", "true", "--credential", "token-command"];
    assert_eq!(given(&same, &env).tokens().unwrap(), "command");
    for (args, variable) in [
        (&["--credential", "token-file"][..], ""),
        (&["--credential", "token-command"], ""),
        (
            &["--credential", "token-file", "--token-command", "true"],
            "",
        ),
        (&["--credential", "token-command", "--token-file", "/x"], ""),
        (&[], "token-file"),
        (&[], "nonsense"),
        (&[], "Secret"),
    ] {
        let mut env = env.clone();
        env.push(("INDUSTRYDATA_CREDENTIAL", variable));
        let error = given(args, &env).tokens().unwrap_err();
        assert_eq!(error.outcome, Outcome::Usage, "{args:?} {variable}");
    }
}

#[test]
fn a_half_set_kind_names_what_it_lacks() {
    for (args, env, names) in [
        (
            &[][..],
            &AZURE[2..],
            &["AZURE_TENANT_ID and AZURE_CLIENT_ID"][..],
        ),
        (
            &[],
            &[("AZURE_FEDERATED_TOKEN_FILE", "/x")],
            &["AZURE_TENANT_ID and AZURE_CLIENT_ID"],
        ),
        (
            &[],
            &[("IDENTITY_ENDPOINT", "http://localhost")],
            &["IDENTITY_HEADER"],
        ),
        (&["--credential", "token"], &AZURE, &["INDUSTRYDATA_TOKEN"]),
        (
            &["--credential", "workload"],
            &AZURE,
            &["AZURE_FEDERATED_TOKEN_FILE"],
        ),
        (
            &["--credential", "github"],
            &[],
            &[
                "AZURE_TENANT_ID",
                "AZURE_CLIENT_ID",
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            ],
        ),
        (
            &["--credential", "managed-identity"],
            &[("MSI_ENDPOINT", "http://localhost")],
            &["Cloud Shell"],
        ),
        (
            &[],
            &[("MSI_ENDPOINT", "http://localhost")],
            &["Cloud Shell"],
        ),
    ] {
        let error = given(args, env).tokens().unwrap_err();
        assert_eq!(error.outcome, Outcome::Unauthorized, "{args:?}");
        let error = error.error.unwrap();
        assert_eq!(error.kind, Kind::Token);
        for name in names {
            assert!(error.message.contains(name), "{}", error.message);
        }
        assert!(!error.message.contains("canary"), "{}", error.message);
    }
}

#[test]
fn a_token_error_names_the_sources_and_no_secret() {
    let none = given(&[], &AZURE[..2]).tokens().unwrap_err();
    assert_eq!(none.outcome, Outcome::Unauthorized);
    let message = none.error.unwrap().message;
    for source in [
        "--token-file",
        "--token-command",
        "INDUSTRYDATA_TOKEN",
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "managed-identity",
        "github",
        "managed-identity-federation",
    ] {
        assert!(message.contains(source), "{message}");
    }
    let broken = given(&[], &[("INDUSTRYDATA_TOKEN", "can\nary")])
        .tokens()
        .unwrap_err();
    assert!(!broken.error.unwrap().message.contains("ary"));
}

#[test]
fn the_ends_of_a_variable_are_trimmed() {
    for (value, read) in [
        ("contoso\n", Ok(Some("contoso"))),
        ("contoso\r\n", Ok(Some("contoso"))),
        ("\u{feff} contoso\t\0", Ok(Some("contoso"))),
        ("\u{a0}contoso\u{85}", Ok(Some("contoso"))),
        ("a b", Ok(Some("a b"))),
        (" \r\n", Ok(None)),
        ("", Ok(None)),
        ("canary\nb", Err(())),
        ("canary\rb\n", Err(())),
        ("canary\u{7f}b", Err(())),
    ] {
        let name = "INDUSTRYDATA_TENANT";
        let found = given(&[], &[(name, value)]).with(|_, env| env.line(name));
        if let Err(message) = &found {
            assert!(
                message.contains(name) && !message.contains("canary"),
                "{message}"
            );
        }
        assert_eq!(found.as_ref().map(Option::as_deref).map_err(drop), read);
    }
}

#[test]
fn the_authority_needs_no_scheme() {
    for host in [
        "login.example",
        "https://login.example/",
        "http://127.0.0.1:1/",
    ] {
        let env: Vec<_> = AZURE
            .iter()
            .copied()
            .chain([("AZURE_AUTHORITY_HOST", host)])
            .collect();
        assert_eq!(given(&[], &env).tokens().unwrap(), "secret", "{host}");
    }
    let env: Vec<_> = AZURE
        .iter()
        .copied()
        .chain([("AZURE_AUTHORITY_HOST", "http://login.example")])
        .collect();
    assert_eq!(
        given(&[], &env).tokens().unwrap_err().outcome,
        Outcome::Unauthorized
    );
}

#[test]
fn the_default_ledger_is_in_the_state_folder() {
    let of =
        |env: &[(&'static str, &'static str)]| given(&[], env).with(|_, env| default_ledger(env));
    if cfg!(target_os = "linux") {
        let home = ("HOME", "/home/u");
        let path = of(&[home, ("XDG_STATE_HOME", "/state")]).unwrap();
        assert_eq!(path, PathBuf::from("/state/industrydata/ledger.sqlite"));
        let path = of(&[home, ("XDG_STATE_HOME", "relative")]).unwrap();
        assert_eq!(
            path,
            PathBuf::from("/home/u/.local/state/industrydata/ledger.sqlite")
        );
    }
    assert_eq!(of(&[]).unwrap_err().outcome, Outcome::Ledger);
}

#[test]
fn a_target_is_checked_against_the_base() {
    let base = BaseUrl::parse("http://127.0.0.1:1/beta").unwrap();
    let kind = |argument: &str| target(&base, argument).unwrap_err().error.unwrap().kind;
    assert!(matches!(target(&base, "abc"), Ok(Target::Url(_))));
    assert!(matches!(
        target(&base, "/beta/external/industryData/operations/abc"),
        Ok(Target::Url(_))
    ));
    let url = OperationUrl::from_id(&base, "abc").unwrap();
    let token = ResumeToken::new(&base, &url, Timestamp::UNIX_EPOCH);
    assert!(matches!(
        target(&base, &token.to_string()),
        Ok(Target::Resume(_))
    ));

    for bad in ["", "a b", "idr1:broken", "idr9:AAAA", "é"] {
        assert_eq!(kind(bad), Kind::Usage, "{bad:?}");
    }
    let foreign = ResumeToken::new(
        &BaseUrl::graph(),
        &OperationUrl::from_id(&BaseUrl::graph(), "abc").unwrap(),
        Timestamp::UNIX_EPOCH,
    );
    for bad in [
        "http://127.0.0.1:2/beta/external/industryData/operations/abc",
        "http://u@127.0.0.1:1/beta/external/industryData/operations/abc",
        "https://graph.microsoft.com/beta/external/industryData/operations/abc",
        "http://127.0.0.1:1/beta/other",
        &foreign.to_string(),
    ] {
        assert_eq!(kind(bad), Kind::Location, "{bad}");
    }
}

#[test]
fn a_target_with_an_at_sign_is_not_quoted() {
    let base = BaseUrl::graph();
    for text in [
        "user:hunter2@nowhere",
        "https://other.example/x?p=hunter2@x",
    ] {
        let message = target(&base, text).unwrap_err().error.unwrap().message;
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_ledger_is_a_path_a_database_or_none() {
    let check = |value: &'static str| given(&["--ledger", value], &[]).with(check_ledger);
    for good in [
        "none",
        "ledger.sqlite",
        "postgres://u:canary@h/db",
        "host=h password=canary",
    ] {
        assert!(check(good).is_ok());
    }
    assert_eq!(check(" ").unwrap_err().outcome, Outcome::Usage);
    let open = |value: &'static str| {
        let open = |global: &Global, env: Environment<'_>| ledger(global, env, Duration::ZERO);
        given(&["--ledger", value], &[]).with(open)
    };
    for database in [
        "postgresql://u:canary@h/db",
        "host=h dbname=db user=u password=canary",
        "host=/run/postgresql user=u",
    ] {
        assert!(!open(database).unwrap().is_forgetful());
        let shown = given(&["--ledger", database], &[]).with(ledger_place);
        assert_eq!(shown.unwrap().as_deref(), Some("the database"));
    }
    for bad in [
        "mysql://u:canary@h/db",
        "postgres:/u:canary@h/db",
        "postgres://u:canary@h/db?sslmode=maybe",
        "Host=h;Password=canary",
        "host=h;password=canary",
        "host=h speed=9 password=canary",
        "u:canary@h/db",
        "sqlite:canary",
        ":memory:",
        "None",
        " none ",
        "none\n",
        "~/canary",
        "canary\n",
    ] {
        let refused = open(bad).unwrap_err();
        assert_eq!(refused.outcome, Outcome::Ledger, "{bad}");
        let message = refused.error.unwrap().message;
        assert!(
            !message.contains("canary") && message.lines().count() == 1,
            "{message}"
        );
    }
}

#[test]
fn a_line_break_at_the_end_of_the_ledger_variable_is_removed() {
    let place = |value: &'static str| {
        given(&[], &[("INDUSTRYDATA_LEDGER", value)])
            .with(ledger_place)
            .map_err(|document| document.outcome)
    };
    for end in ["", "\n", "\r\n", "\r", "\n\n"] {
        let with_end = |text: &str| &*format!("{text}{end}").leak();
        assert_eq!(place(with_end("none")), Ok(None));
        assert_eq!(place(with_end("./none")), Ok(Some("./none".to_owned())));
        assert_eq!(place(with_end("/a b")), Ok(Some("/a b".to_owned())));
        let database = place(with_end("postgres://u@h/db"));
        assert_eq!(database, Ok(Some("the database".to_owned())));
        // Nothing is left: not set.
        assert_eq!(place(with_end("")), Err(Outcome::Ledger), "{end:?}");
    }
    // Only line breaks, and only at the end.
    assert_eq!(place("./a "), Ok(Some("./a ".to_owned())));
    for bad in [" none ", "none \n", "\nnone", "a\nb", "NONE\n"] {
        assert_eq!(place(bad), Err(Outcome::Ledger), "{bad:?}");
    }
}
