//! What a token says about itself.

use industrydata_core::{
    Tenant, Timestamp,
    auth::TokenClaims,
    wire::{BaseUrl, escape_controls},
};

use crate::{
    checks::check::{Advice, Check, Step},
    report::Document,
};

const NAME: &str = "token";
/// How many permissions are named.
const MOST_NAMED: usize = 12;
/// How many characters of a claim are shown.
const MOST_SHOWN: usize = 100;

/// The audiences of tokens for Microsoft Graph: its URL and its application id.
const GRAPH: [&str; 2] = [
    "https://graph.microsoft.com",
    "00000003-0000-0000-c000-000000000000",
];

/// A token that was obtained.
pub(crate) fn judge(
    step: Step,
    claims: Option<&TokenClaims>,
    base: &BaseUrl,
    now: Timestamp,
) -> Check {
    let Some(claims) = claims else {
        let message = "the token is opaque (not a JWT), so its tenant, application and permissions cannot be read";
        let advice = "check with its issuer that it is for this service; if a start is accepted, nothing is wrong";
        return Check::warning(step, NAME, message, advice);
    };
    let message = described(claims);
    match flaw(claims, base, now) {
        Some((flaw, advice)) => Check::warning(step, NAME, format!("{message}; {flaw}"), advice),
        None => Check::ok(step, NAME, message),
    }
}

/// A token that the service refuses.
pub(crate) fn refused(
    document: Document,
    claims: Option<&TokenClaims>,
    base: &BaseUrl,
    now: Timestamp,
) -> Check {
    let Some((flaw, advice)) = claims.and_then(|claims| flaw(claims, base, now)) else {
        return Check::problem(Step::Answer, NAME, document);
    };
    let mut document = document;
    if let Some(error) = &mut document.error {
        error.message = format!("{}; {flaw}", error.message);
    }
    Check::problem(Step::Answer, NAME, document).advise(Advice::from(advice))
}

/// A token of another tenant than the one whose starts are counted. A name that is not an id cannot be compared.
pub(crate) fn is_of_another(tenant: &Tenant, claims: &TokenClaims) -> bool {
    tenant.is_guid() && claims.tenant().is_some_and(|other| other != tenant)
}

fn described(claims: &TokenClaims) -> String {
    let tenant = claims
        .tenant()
        .map(Tenant::as_str)
        .unwrap_or("that is not named");
    let application = claims.application().map(shown);
    let application = application.as_deref().unwrap_or("that is not named");
    let permissions = |name: &str, list: &[String]| {
        let mut shown: Vec<_> = list
            .iter()
            .take(MOST_NAMED)
            .map(|it| self::shown(it))
            .collect();
        if list.len() > MOST_NAMED {
            shown.push(format!("{} more", list.len() - MOST_NAMED));
        }
        (!list.is_empty()).then(|| format!("{name} {}", shown.join(", ")))
    };
    let parts = [
        permissions("roles", claims.roles()),
        permissions("delegated scopes", claims.scopes()),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let permissions = match parts.is_empty() {
        true => "no roles and no scopes".to_owned(),
        false => parts.join("; "),
    };
    let expires = claims.expires().map(|at| format!("; valid until {at:.0}"));
    format!(
        "tenant {tenant}; application {application}; {permissions}{}",
        expires.unwrap_or_default()
    )
}

/// What makes the service refuse the token, and what to do.
fn flaw(claims: &TokenClaims, base: &BaseUrl, now: Timestamp) -> Option<(String, &'static str)> {
    if let Some(audience) = claims.audience()
        && base.host() == BaseUrl::graph().host()
        && !GRAPH
            .iter()
            .any(|it| audience.trim_end_matches('/').eq_ignore_ascii_case(it))
    {
        let flaw = format!("it is for {}, and not for Microsoft Graph", shown(audience));
        let advice = "get a token for Microsoft Graph, such as with `az account get-access-token --resource https://graph.microsoft.com --output json` after `az login --service-principal` or `az login --identity`";
        return Some((flaw, advice));
    }
    let expired = claims.expires().filter(|at| *at <= now)?;
    let flaw = format!("it expired at {expired:.0}");
    let advice = "get a new token, or use a token source that renews it, such as --token-command or another kind of credential";
    Some((flaw, advice))
}

/// A claim, shortened and on one line.
fn shown(text: &str) -> String {
    let text: String = text.chars().take(MOST_SHOWN).collect();
    escape_controls(&text).to_string()
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use industrydata_core::auth::AccessToken;

    use super::*;
    use crate::{
        checks::check::CheckResult,
        report::{Kind, Outcome},
    };

    fn claims(json: &str) -> TokenClaims {
        let token = format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(json));
        TokenClaims::read(&AccessToken::new(&token).unwrap()).unwrap()
    }

    fn judged(claims: Option<&TokenClaims>, base: &str) -> Check {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        judge(Step::Token, claims, &base.parse().unwrap(), now)
    }

    #[test]
    fn a_token_is_described() {
        let graph = "https://graph.microsoft.com/beta";
        for (json, result, parts) in [
            (
                r#"{"tid":"72f988bf-86f1-41af-91ab-2d7cd011db47","appid":"app","roles":["A","B"],"exp":1800000001}"#,
                CheckResult::Ok,
                &[
                    "tenant 72f988bf",
                    "application app",
                    "roles A, B",
                    "until 2027-01-15T08:00:01Z",
                ][..],
            ),
            (
                r#"{"azp":"app","scp":"A B"}"#,
                CheckResult::Ok,
                &["tenant that is not named", "delegated scopes A, B"],
            ),
            ("{}", CheckResult::Ok, &["no roles and no scopes"]),
            (
                r#"{"aud":"https://graph.microsoft.com/"}"#,
                CheckResult::Ok,
                &[],
            ),
            (
                r#"{"aud":"00000003-0000-0000-C000-000000000000"}"#,
                CheckResult::Ok,
                &[],
            ),
            (
                r#"{"aud":"https://management.azure.com"}"#,
                CheckResult::Warning,
                &["for https://management.azure.com"],
            ),
            (
                r#"{"exp":1800000000}"#,
                CheckResult::Warning,
                &["expired at 2027-01-15T08:00:00Z"],
            ),
            (
                r#"{"appid":"a\nb"}"#,
                CheckResult::Ok,
                &["application a\\nb;"],
            ),
        ] {
            let check = judged(Some(&claims(json)), graph);
            assert_eq!(check.result, result, "{json}");
            assert_eq!(check.advice.is_some(), result != CheckResult::Ok);
            for part in parts {
                assert!(check.message.contains(part), "{json}: {}", check.message);
            }
        }
        // Another service has other audiences.
        let elsewhere = claims(r#"{"aud":"https://gateway.example"}"#);
        let check = judged(Some(&elsewhere), "https://gateway.example/beta");
        assert_eq!(check.result, CheckResult::Ok);
        assert_eq!(judged(None, graph).result, CheckResult::Warning);
        let many: Vec<_> = (0..40).map(|n| format!("\"r{n}\"")).collect();
        let many = claims(&format!("{{\"roles\":[{}]}}", many.join(",")));
        let message = judged(Some(&many), graph).message;
        assert!(
            message.contains("r11, 28 more") && !message.contains("r12"),
            "{message}"
        );
    }

    #[test]
    fn a_refusal_says_what_is_wrong_with_the_token() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let document =
            || Document::error(Outcome::Unauthorized, Kind::Unauthorized, "401").advise("x");
        let of = |json: &str| refused(document(), Some(&claims(json)), &BaseUrl::graph(), now);
        let check = of(r#"{"exp":1}"#);
        assert!(
            check
                .message
                .starts_with("401; it expired at 1970-01-01T00:00:01Z")
        );
        let error = check.document.unwrap().error.unwrap();
        assert_eq!(
            (error.message, error.kind),
            (check.message, Kind::Unauthorized)
        );
        assert!(error.advice.unwrap().starts_with("get a new token"));
        assert!(of(r#"{"aud":"x"}"#).message.contains("it is for x"));
        let check = of("{}");
        // The source may have said why.
        assert_eq!(check.message, "401");
        assert_eq!(check.advice, Some(Advice::from("x")));
    }

    #[test]
    fn only_another_directory_id_is_another_tenant() {
        let claims = claims(r#"{"tid":"72f988bf-86f1-41af-91ab-2d7cd011db47"}"#);
        for (name, is_another) in [
            ("72F988BF-86F1-41AF-91AB-2D7CD011DB47", false),
            ("72f988bf-86f1-41af-91ab-2d7cd011db48", true),
            ("contoso", false),
        ] {
            assert_eq!(is_of_another(&name.parse().unwrap(), &claims), is_another);
        }
        let id = "72f988bf-86f1-41af-91ab-2d7cd011db48".parse().unwrap();
        assert!(!is_of_another(&id, &TokenClaims::default()));
    }
}
