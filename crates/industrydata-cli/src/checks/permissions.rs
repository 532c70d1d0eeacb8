//! Which permissions suffice for what, and the commands that grant the others.
//!
//! Ids: [permissions reference](https://learn.microsoft.com/graph/permissions-reference). Calls:
//! [grant an app role](https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto),
//! [grant a delegated permission](https://learn.microsoft.com/graph/api/oauth2permissiongrant-post).

use industrydata_core::{Tenant, auth::TokenClaims};

use crate::{
    checks::check::{Advice, Check, Step},
    report::{Document, Kind, Outcome},
};

const NAME: &str = "permissions";

/// The application id of Microsoft Graph, in every tenant.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// The application id of the Azure CLI, with which a person signs in.
const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

/// A permission of Microsoft Graph, and its id as an application permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Permission {
    name: &'static str,
    role: &'static str,
}

const START: Permission = Permission {
    name: "IndustryData-Run.Start",
    role: "7e429772-5b5e-47c0-8fd6-7279294c8033",
};
const READ_OPERATIONS: Permission = Permission {
    name: "IndustryData.ReadBasic.All",
    role: "4f5ac95f-62fd-472c-b60f-125d24ca0bc5",
};
const READ_RUNS: Permission = Permission {
    name: "IndustryData-Run.Read.All",
    role: "f6f5d10b-3024-4d1d-b674-aae4df4a1a73",
};
const ALL: [Permission; 3] = [START, READ_OPERATIONS, READ_RUNS];

/// What each work takes. A list within it is a choice: starting runs includes reading them.
const WORKS: [(&str, &[&[Permission]]); 4] = [
    ("start", &[&[START]]),
    ("wait", &[&[READ_OPERATIONS]]),
    ("follow", &[&[READ_OPERATIONS], &[READ_RUNS, START]]),
    ("reconcile", &[&[READ_OPERATIONS], &[READ_RUNS, START]]),
];

/// What the service answered to a read of the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadOfOperations {
    Allowed,
    Forbidden,
    /// There was no such answer.
    Unknown,
}

/// Judges what the token permits. The service's answer to the read beats the claims, which only the service verifies.
pub(crate) fn judge(claims: Option<&TokenClaims>, read: ReadOfOperations) -> Check {
    let Some(claims) = claims else {
        return of_opaque(read);
    };
    let has = |permission: &Permission| match read {
        ReadOfOperations::Allowed if *permission == READ_OPERATIONS => true,
        ReadOfOperations::Forbidden if *permission == READ_OPERATIONS => false,
        ReadOfOperations::Allowed | ReadOfOperations::Forbidden | ReadOfOperations::Unknown => {
            claims.permits(permission.name)
        }
    };
    let held: Vec<_> = ALL.iter().filter(|it| has(it)).map(|it| it.name).collect();
    let held = match held.is_empty() {
        true => "the token has none of the permissions of industryData".to_owned(),
        false => format!("the token has {}", listed(&held)),
    };
    let lacking = lacking(has);
    if lacking.is_empty() {
        let message = format!("{held}: enough for start, wait, follow and reconcile");
        return Check::ok(Step::Answer, NAME, message);
    }
    let parts: Vec<_> = lacking
        .iter()
        .map(|(works, lacks)| {
            let verb = if works.len() == 1 { "lacks" } else { "lack" };
            format!("{} {verb} {}", listed(works), listed(lacks))
        })
        .collect();
    let refused = match read {
        ReadOfOperations::Forbidden if claims.permits(READ_OPERATIONS.name) => {
            " (the service forbids the read, although the token names that permission)"
        }
        ReadOfOperations::Allowed | ReadOfOperations::Forbidden | ReadOfOperations::Unknown => "",
    };
    let message = format!("{held}; {}{refused}", parts.join("; "));
    // Starting includes reading runs, so the third permission is not needed beside the first.
    let missing: Vec<_> = [START, READ_OPERATIONS]
        .into_iter()
        .filter(|it| !has(it))
        .collect();
    let advice = grant(&missing, Some(claims));
    if has(&START) {
        return Check::warning(Step::Answer, NAME, message, advice);
    }
    let document = Document::error(Outcome::Unauthorized, Kind::Forbidden, message);
    Check::problem(Step::Answer, NAME, document).advise(advice)
}

fn of_opaque(read: ReadOfOperations) -> Check {
    let (shown, missing) = match read {
        ReadOfOperations::Allowed => (
            "; the service lets it read operations, as wait needs",
            &[START][..],
        ),
        ReadOfOperations::Forbidden => (
            "; the service forbids it to read operations: wait, follow and reconcile lack IndustryData.ReadBasic.All",
            &[START, READ_OPERATIONS][..],
        ),
        ReadOfOperations::Unknown => ("", &[START, READ_OPERATIONS][..]),
    };
    let message = format!("whether the token may start runs cannot be read from it{shown}");
    let mut advice = grant(missing, None);
    advice.text = format!("if a start is forbidden (exit code 4), {}", advice.text);
    Check::warning(Step::Answer, NAME, message, advice)
}

/// The works that are not possible, by what they lack.
fn lacking(has: impl Fn(&Permission) -> bool) -> Vec<(Vec<&'static str>, Vec<String>)> {
    let mut found: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for (work, needs) in WORKS {
        let lacks: Vec<_> = needs
            .iter()
            .filter(|choice| !choice.iter().any(&has))
            .map(|choice| {
                let names: Vec<_> = choice.iter().map(|it| it.name).collect();
                names.join(" or ")
            })
            .collect();
        if lacks.is_empty() {
            continue;
        }
        match found.iter_mut().find(|(_, other)| *other == lacks) {
            Some((works, _)) => works.push(work),
            None => found.push((vec![work], lacks)),
        }
    }
    found
}

/// The commands with which an administrator grants these to the token's application. A claim goes into a command only if it
/// is a GUID.
fn grant(missing: &[Permission], claims: Option<&TokenClaims>) -> Advice {
    let application = claims.and_then(TokenClaims::application);
    let is_guid = |id: &&str| id.parse::<Tenant>().is_ok_and(|it| it.is_guid());
    let application = application.filter(is_guid);
    let is_person = application == Some(AZURE_CLI);
    let is_delegated = claims.is_some_and(|it| !it.scopes().is_empty() && it.roles().is_empty());
    let principal = match application {
        Some(id) if !is_person => id.to_owned(),
        Some(_) | None => "\"$AZURE_CLIENT_ID\"".to_owned(),
    };
    let object =
        |name: &str, id: &str| format!("{name}=$(az ad sp show --id {id} --query id --output tsv)");
    let post = |url: &str, body: String| {
        format!(
            "az rest --method post --url \"https://graph.microsoft.com/v1.0/{url}\" --headers \"Content-Type=application/json\" --body \"{}\"",
            body.replace('"', "\\\"")
        )
    };
    let mut commands = vec![object("graph", GRAPH), object("principal", &principal)];
    if is_delegated && !is_person {
        let names: Vec<_> = missing.iter().map(|it| it.name).collect();
        commands.push(post(
            "oauth2PermissionGrants",
            format!(
                r#"{{"clientId":"$principal","consentType":"AllPrincipals","resourceId":"$graph","scope":"{}"}}"#,
                names.join(" ")
            ),
        ));
    } else {
        commands.extend(missing.iter().map(|permission| {
            post(
                "servicePrincipals/$graph/appRoleAssignedTo",
                format!(
                    r#"{{"principalId":"$principal","resourceId":"$graph","appRoleId":"{}"}}"#,
                    permission.role
                ),
            )
        }));
    }
    let names: Vec<_> = missing.iter().map(|it| it.name).collect();
    let names = listed(&names);
    let text = if is_person {
        format!(
            "sign in as an application (`az login --service-principal`, `--identity`), since the Azure CLI's own has no IndustryData permission, and have an administrator grant it {names}, then get a new token"
        )
    } else {
        format!(
            "have an administrator grant {names}, then get a new token (a managed identity keeps its token for up to 24 h)"
        )
    };
    Advice { text, commands }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(items: &[impl AsRef<str>]) -> String {
    let items: Vec<_> = items.iter().map(AsRef::as_ref).collect();
    match items.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        items => items.concat(),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use industrydata_core::auth::AccessToken;

    use super::*;
    use crate::checks::check::CheckResult;

    const APP: &str = "11111111-2222-3333-4444-555555555555";

    fn claims(json: &str) -> TokenClaims {
        let token = format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(json));
        TokenClaims::read(&AccessToken::new(&token).unwrap()).unwrap()
    }

    fn roles(names: &[&str]) -> TokenClaims {
        let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
        claims(&format!(
            r#"{{"appid":"{APP}","roles":[{}]}}"#,
            names.join(",")
        ))
    }

    fn commands(check: &Check) -> Vec<String> {
        check.advice.clone().unwrap_or_default().commands
    }

    #[test]
    fn each_work_has_its_permissions() {
        let (start, operations, runs) = (START.name, READ_OPERATIONS.name, READ_RUNS.name);
        for (held, result, lacks, granted) in [
            (
                &[start, operations, runs][..],
                CheckResult::Ok,
                "enough for start, wait, follow and reconcile",
                &[][..],
            ),
            (&[start, operations], CheckResult::Ok, "enough for", &[]),
            (
                &[start, runs],
                CheckResult::Warning,
                "; wait, follow and reconcile lack IndustryData.ReadBasic.All",
                &[READ_OPERATIONS],
            ),
            (
                &[start],
                CheckResult::Warning,
                "; wait, follow and reconcile lack IndustryData.ReadBasic.All",
                &[READ_OPERATIONS],
            ),
            (
                &[operations, runs],
                CheckResult::Problem,
                "; start lacks IndustryData-Run.Start",
                &[START],
            ),
            (
                &[operations],
                CheckResult::Problem,
                "; start lacks IndustryData-Run.Start; follow and reconcile lack IndustryData-Run.Read.All or IndustryData-Run.Start",
                &[START],
            ),
            (
                &[],
                CheckResult::Problem,
                "none of the permissions of industryData; start lacks IndustryData-Run.Start; wait lacks IndustryData.ReadBasic.All; \
                 follow and reconcile lack IndustryData.ReadBasic.All and IndustryData-Run.Read.All or IndustryData-Run.Start",
                &[START, READ_OPERATIONS],
            ),
            (
                &["User.Read.All", "industrydata-run.start", operations],
                CheckResult::Ok,
                "enough",
                &[],
            ),
        ] {
            let check = judge(Some(&roles(held)), ReadOfOperations::Unknown);
            assert_eq!(check.result, result, "{held:?}");
            assert!(
                check.message.ends_with(lacks) || result == CheckResult::Ok,
                "{}",
                check.message
            );
            assert!(check.message.contains(lacks), "{}", check.message);
            let commands = commands(&check);
            assert_eq!(
                commands.len(),
                if granted.is_empty() {
                    0
                } else {
                    granted.len() + 2
                }
            );
            for (permission, command) in granted.iter().zip(commands.iter().skip(2)) {
                assert!(command.starts_with("az rest --method post "), "{command}");
                assert!(command.contains(permission.role), "{command}");
            }
        }
    }

    #[test]
    fn the_service_beats_the_claims() {
        let both = roles(&[START.name, READ_OPERATIONS.name]);
        let forbidden = judge(Some(&both), ReadOfOperations::Forbidden);
        assert_eq!(forbidden.result, CheckResult::Warning);
        assert!(
            forbidden.message.contains("although the token names"),
            "{}",
            forbidden.message
        );
        let allowed = judge(Some(&roles(&[START.name])), ReadOfOperations::Allowed);
        assert_eq!(allowed.result, CheckResult::Ok);
    }

    #[test]
    fn scopes_are_granted_to_the_application_of_the_person() {
        let check = judge(
            Some(&claims(&format!(
                r#"{{"appid":"{APP}","scp":"openid IndustryData-Run.Start"}}"#
            ))),
            ReadOfOperations::Unknown,
        );
        assert_eq!(check.result, CheckResult::Warning);
        assert_eq!(
            commands(&check),
            [
                "graph=$(az ad sp show --id 00000003-0000-0000-c000-000000000000 --query id --output tsv)".to_owned(),
                format!("principal=$(az ad sp show --id {APP} --query id --output tsv)"),
                r#"az rest --method post --url "https://graph.microsoft.com/v1.0/oauth2PermissionGrants" --headers "Content-Type=application/json" --body "{\"clientId\":\"$principal\",\"consentType\":\"AllPrincipals\",\"resourceId\":\"$graph\",\"scope\":\"IndustryData.ReadBasic.All\"}""#.to_owned(),
            ]
        );
        let all = claims(r#"{"scp":"IndustryData-Run.Start IndustryData.ReadBasic.All"}"#);
        assert_eq!(
            judge(Some(&all), ReadOfOperations::Unknown).result,
            CheckResult::Ok
        );
    }

    #[test]
    fn no_claim_but_a_guid_goes_into_a_command() {
        for application in ["x; rm -rf /", "$(id)", "app", ""] {
            let json = format!(r#"{{"appid":"{application}"}}"#);
            let check = judge(Some(&claims(&json)), ReadOfOperations::Unknown);
            assert_eq!(
                commands(&check)[1],
                "principal=$(az ad sp show --id \"$AZURE_CLIENT_ID\" --query id --output tsv)"
            );
        }
        let person = claims(&format!(r#"{{"appid":"{AZURE_CLI}","scp":"User.Read"}}"#));
        let check = judge(Some(&person), ReadOfOperations::Unknown);
        let advice = check.advice.clone().unwrap();
        assert!(
            advice.text.starts_with("sign in as an application"),
            "{}",
            advice.text
        );
        assert!(!commands(&check).concat().contains(AZURE_CLI));
        assert!(commands(&check)[2].contains("appRoleAssignedTo"));
    }

    #[test]
    fn an_opaque_token_is_a_warning_with_what_the_service_shows() {
        for (read, part, count) in [
            (ReadOfOperations::Allowed, "lets it read operations", 3),
            (
                ReadOfOperations::Forbidden,
                "lack IndustryData.ReadBasic.All",
                4,
            ),
            (ReadOfOperations::Unknown, "cannot be read from it", 4),
        ] {
            let check = judge(None, read);
            assert_eq!(check.result, CheckResult::Warning);
            assert!(check.message.contains(part), "{}", check.message);
            assert_eq!(commands(&check).len(), count);
        }
    }
}
