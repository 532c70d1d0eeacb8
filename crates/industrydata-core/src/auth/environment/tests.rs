use proptest::prelude::*;

use super::*;
use crate::auth::address::Route;

fn variables(pairs: &[(&str, &str)]) -> Variables {
    Variables::read(|name| {
        let pair = pairs.iter().find(|(it, _)| *it == name);
        pair.map(|(_, value)| value.into())
    })
}

const APP: [(&str, &str); 2] = [(TENANT, "contoso.com"), (CLIENT, "app")];

fn with<'p>(more: &[(&'p str, &'p str)]) -> Variables {
    variables(&[&APP[..], more].concat())
}

fn error(kind: CredentialKind, variables: &Variables) -> String {
    kind.credential(variables).unwrap_err().to_string()
}

#[test]
fn the_first_kind_wins() {
    use CredentialKind::{Certificate, ManagedIdentity, Secret, Workload};
    let all = [
        (SECRET, "s"),
        (CERTIFICATE, "/c.pem"),
        (TOKEN_FILE, "/t"),
        (ENDPOINT, "http://localhost/"),
        (HEADER, "h"),
    ];
    for (from, kinds) in [
        (0, &[Secret, Certificate, Workload, ManagedIdentity][..]),
        (1, &[Certificate, Workload, ManagedIdentity]),
        (2, &[Workload, ManagedIdentity]),
        (3, &[ManagedIdentity]),
        (4, &[ManagedIdentity]),
        (5, &[]),
    ] {
        assert_eq!(CredentialKind::detect(&with(&all[from..])), kinds);
    }
    // An empty variable is not set, and ids alone are no kind.
    let empty = [(SECRET, ""), (TOKEN_FILE, " \n"), (ENDPOINT, "\u{feff}")];
    assert!(CredentialKind::detect(&with(&empty)).is_empty());
    let other = [
        (GITHUB_URL, "https://a"),
        (GITHUB_TOKEN, "t"),
        (IDENTITY, "i"),
    ];
    assert!(CredentialKind::detect(&with(&other)).is_empty());
}

#[test]
fn every_missing_variable_is_named() {
    use CredentialKind::{
        Certificate, GitHub, ManagedIdentity, ManagedIdentityFederation, Secret, Workload,
    };
    let none = variables(&[]);
    for (kind, names) in [
        (Secret, &[TENANT, CLIENT, SECRET][..]),
        (Certificate, &[TENANT, CLIENT, CERTIFICATE]),
        (Workload, &[TENANT, CLIENT, TOKEN_FILE]),
        (GitHub, &[TENANT, CLIENT, GITHUB_URL, GITHUB_TOKEN]),
        (ManagedIdentityFederation, &[TENANT, CLIENT]),
    ] {
        let text = error(kind, &none);
        assert!(names.iter().all(|name| text.contains(name)), "{text}");
        assert!(text.contains(&format!("`{kind}`")), "{text}");
    }
    let text = error(Secret, &variables(&[(SECRET, "canary"), (TENANT, "\t")]));
    assert_eq!(
        text,
        "the credential `secret` needs AZURE_TENANT_ID and AZURE_CLIENT_ID, which are not set"
    );
    for (set, missing) in [(ENDPOINT, HEADER), (HEADER, ENDPOINT)] {
        let text = error(ManagedIdentity, &variables(&[(set, "http://localhost")]));
        assert!(
            text.contains(&format!("needs {missing}, which is not set")),
            "{text}"
        );
        let text = error(
            ManagedIdentityFederation,
            &variables(&[(set, "http://localhost")]),
        );
        assert!(
            [TENANT, CLIENT, missing]
                .iter()
                .all(|name| text.contains(name)),
            "{text}"
        );
    }
    assert!(error(GitHub, &with(&[])).contains("id-token: write"));
}

#[test]
fn platforms_without_an_exchange_are_refused_by_name() {
    let endpoint = (ENDPOINT, "http://localhost/");
    for (set, name) in [
        (
            &[endpoint, (HEADER, "h"), (THUMBPRINT, "t")][..],
            "Service Fabric",
        ),
        (&[endpoint, (THUMBPRINT, "t")], "Service Fabric"),
        (&[endpoint, (ARC, "http://localhost/")], "Azure Arc"),
        (&[(CLOUD_SHELL, "http://localhost/")], "Cloud Shell"),
        (
            &[(CLOUD_SHELL, "http://localhost/"), (OLD_SECRET, "canary")],
            "Azure Machine Learning",
        ),
    ] {
        let variables = with(set);
        for kind in [
            CredentialKind::ManagedIdentity,
            CredentialKind::ManagedIdentityFederation,
        ] {
            let text = error(kind, &variables);
            assert!(text.contains(name) && !text.contains("canary"), "{text}");
        }
        assert_eq!(
            CredentialKind::detect(&variables),
            [CredentialKind::ManagedIdentity]
        );
    }
    // App Service sets its older variables as well.
    let app = [
        endpoint,
        (HEADER, "h"),
        (CLOUD_SHELL, "http://localhost/"),
        (OLD_SECRET, "h"),
        (ARC, "x"),
    ];
    assert!(
        CredentialKind::ManagedIdentity
            .credential(&with(&app))
            .is_ok()
    );
    assert!(
        error(
            CredentialKind::Certificate,
            &with(&[(CERTIFICATE, "/a/c.PFX")])
        )
        .contains("PFX")
    );
}

#[test]
fn an_unusable_variable_is_named_and_not_shown() {
    let header = (HEADER, "canary");
    for (kind, set, name) in [
        (CredentialKind::Secret, &[(SECRET, "can\nary")][..], SECRET),
        (
            CredentialKind::Secret,
            &[(SECRET, "canary"), (AUTHORITY, "http://canary.example")],
            AUTHORITY,
        ),
        (
            CredentialKind::Secret,
            &[(SECRET, "canary"), (AUTHORITY, "https://u:canary@a")],
            AUTHORITY,
        ),
        (
            CredentialKind::Workload,
            &[(TOKEN_FILE, "/a\tcanary")],
            TOKEN_FILE,
        ),
        (
            CredentialKind::Certificate,
            &[(CERTIFICATE, "/a"), (SEND_CHAIN, "canary")],
            SEND_CHAIN,
        ),
        (
            CredentialKind::ManagedIdentity,
            &[header, (ENDPOINT, "canary")],
            ENDPOINT,
        ),
        (
            CredentialKind::ManagedIdentity,
            &[header, (ENDPOINT, "http://canary.example/")],
            ENDPOINT,
        ),
        (
            CredentialKind::ManagedIdentity,
            &[(METADATA, "http://10.0.0.1")],
            METADATA,
        ),
        (
            CredentialKind::ManagedIdentityFederation,
            &[(METADATA, "canary")],
            METADATA,
        ),
        (
            CredentialKind::GitHub,
            &[
                (GITHUB_TOKEN, "canary"),
                (GITHUB_URL, "http://canary.example"),
            ],
            GITHUB_URL,
        ),
    ] {
        let text = error(kind, &with(set));
        assert!(text.contains(name) && !text.contains("canary"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(vec![b'a', 0xff]);
    let lookup = |name: &str| {
        (name == SECRET)
            .then(|| odd.clone())
            .or_else(|| Some("x".into()))
    };
    let variables = Variables::read(lookup);
    assert_eq!(
        error(CredentialKind::Secret, &variables),
        "AZURE_CLIENT_SECRET is not valid UTF-8"
    );
}

#[test]
fn a_whole_kind_becomes_a_credential() {
    let github = [(GITHUB_URL, "https://a?b=c"), (GITHUB_TOKEN, "s3cret")];
    for (kind, set, route, assertion) in [
        (
            CredentialKind::Secret,
            &[(SECRET, "s3cret")][..],
            Route::Proxied,
            None,
        ),
        (
            CredentialKind::Secret,
            &[(SECRET, "s3cret"), (AUTHORITY, "localhost:9")],
            Route::Direct,
            None,
        ),
        (
            CredentialKind::Certificate,
            &[(CERTIFICATE, "/c.pem"), (SEND_CHAIN, "true")],
            Route::Proxied,
            None,
        ),
        (
            CredentialKind::Certificate,
            &[(CERTIFICATE, "/c.pem"), (SEND_CHAIN, "False")],
            Route::Proxied,
            None,
        ),
        (
            CredentialKind::Workload,
            &[(TOKEN_FILE, "/t"), (AUTHORITY, "http://127.0.0.1:9/")],
            Route::Plain,
            None,
        ),
        (CredentialKind::ManagedIdentity, &[], Route::Plain, None),
        (
            CredentialKind::ManagedIdentity,
            &[(ENDPOINT, "https://a/b"), (HEADER, "s3cret")],
            Route::Direct,
            None,
        ),
        (
            CredentialKind::ManagedIdentityFederation,
            &[(IDENTITY, "i")],
            Route::Proxied,
            Some(Route::Plain),
        ),
        (
            CredentialKind::GitHub,
            &github,
            Route::Proxied,
            Some(Route::Proxied),
        ),
    ] {
        let variables = with(set);
        let credential = kind.credential(&variables).unwrap();
        assert_eq!(
            (
                credential.endpoint().0,
                credential.assertion_endpoint().map(|it| it.0)
            ),
            (route, assertion),
            "{kind}"
        );
        let shown = format!("{credential:?} {variables:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert_eq!(
            credential.application().is_none(),
            kind == CredentialKind::ManagedIdentity
        );
        assert!(kind.trimmed(&variables).is_empty());
    }
}

#[test]
fn the_id_of_an_identity_is_its_own_variable() {
    let query = |kind: CredentialKind, set: &[(&str, &str)]| {
        let credential = kind.credential(&with(set)).unwrap();
        format!("{credential:?}")
    };
    let own = query(CredentialKind::ManagedIdentity, &[(IDENTITY, "other")]);
    assert!(own.contains("ClientId(\"app\")"), "{own}");
    let standing_in = query(
        CredentialKind::ManagedIdentityFederation,
        &[(IDENTITY, "other")],
    );
    assert!(standing_in.contains("ClientId(\"other\")"), "{standing_in}");
    let none = query(CredentialKind::ManagedIdentityFederation, &[]);
    assert!(!none.contains("ClientId("), "{none}");
    let none = CredentialKind::ManagedIdentity
        .credential(&variables(&[]))
        .unwrap();
    assert!(!format!("{none:?}").contains("ClientId("));
}

#[test]
fn ends_are_trimmed_and_reported() {
    let variables = variables(&[
        (TENANT, " contoso.com\r\n"),
        (CLIENT, "app"),
        (SECRET, "s\u{200b}"),
        (TOKEN_FILE, "/t "),
    ]);
    assert_eq!(CredentialKind::Secret.trimmed(&variables), [TENANT, SECRET]);
    assert_eq!(
        CredentialKind::Workload.trimmed(&variables),
        [TENANT, TOKEN_FILE]
    );
    assert!(CredentialKind::Secret.credential(&variables).is_ok());
}

#[test]
fn names_are_distinct() {
    let mut names = CredentialKind::ALL.map(CredentialKind::name);
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    let mut names = Variables::NAMES;
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

proptest! {
    #[test]
    fn any_values_give_a_credential_or_an_error(values in prop::collection::vec(prop::option::of("(https?://)?[a-z.:/]{0,12}|\\PC{0,6}|canary"), 17)) {
        let variables = Variables::read(|name| {
            let at = Variables::NAMES.iter().position(|it| *it == name)?;
            values[at].as_ref().map(Into::into)
        });
        for kind in CredentialKind::ALL {
            if let Err(error) = kind.credential(&variables) {
                prop_assert!(!error.to_string().contains("canary"), "{}", error);
            }
        }
    }
}
