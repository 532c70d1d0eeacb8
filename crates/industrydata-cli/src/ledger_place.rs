//! How the place of a ledger is shown: without a password.

use industrydata_ledger::LedgerPlace;

/// Stands for a database whose text cannot be shown in part.
const DATABASE: &str = "postgres://";

/// The place without the secrets that it may hold: a path, a URL, a keyword string or `none`.
pub(crate) fn shown(place: &LedgerPlace) -> String {
    match place {
        LedgerPlace::Memory => "none".to_owned(),
        LedgerPlace::File(path) => path.display().to_string(),
        LedgerPlace::Postgres(text) if text.contains("://") && !text.contains('=') => url(text),
        LedgerPlace::Postgres(text) => match text.split_once("://") {
            Some((scheme, _)) if scheme.starts_with("postgres") => url(text),
            Some(_) | None => keywords(text).unwrap_or_else(|| DATABASE.to_owned()),
        },
    }
}

/// Whether a parameter may be a secret. A name with a percent sign may spell any other.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.is_empty() || name.contains('%') || name.contains("pass") || name.contains("secret")
}

/// A URL without the password in its authority and without the parameters that may be one.
fn url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return DATABASE.to_owned();
    };
    // A password that is not percent-encoded may contain any of these.
    let (user, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
    let user = user.split(':').next().unwrap_or_default();
    if user.contains(['/', '?', '#']) {
        return DATABASE.to_owned();
    }
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let is_open = |parameter: &&str| !is_secret(parameter.split('=').next().unwrap_or_default());
    let parameters: Vec<_> = parameters.split('&').filter(is_open).collect();
    let at = if user.is_empty() { "" } else { "@" };
    let mark = if parameters.is_empty() { "" } else { "?" };
    let parameters = parameters.join("&");
    format!("{scheme}://{user}{at}{place}{mark}{parameters}")
}

/// A keyword string without the parameters that may be secrets; `None` if it cannot be divided. A value ends with a blank,
/// unless it is in single quotes; a backslash takes the next character as it is.
fn keywords(text: &str) -> Option<String> {
    let mut kept = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=')?;
        let (name, value) = (name.trim_end(), value.trim_start());
        let is_quoted = value.starts_with('\'');
        let mut is_escaped = false;
        let ends = |c: char| {
            let is_end = !is_escaped
                && if is_quoted {
                    c == '\''
                } else {
                    c.is_whitespace()
                };
            is_escaped = !is_escaped && c == '\\';
            is_end
        };
        let start = usize::from(is_quoted);
        let end = value.get(start..)?.find(ends).map(|at| at + 2 * start);
        let end = match end {
            Some(end) => end,
            None if is_quoted => return None,
            None => value.len(),
        };
        let (value, after) = value.split_at_checked(end)?;
        if !is_secret(name) {
            kept.push(format!("{name}={value}"));
        }
        rest = after.trim_start();
    }
    Some(kept.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_a_ledger_is_shown() {
        for (given, expected) in [
            ("/var/lib/ledger.sqlite", "/var/lib/ledger.sqlite"),
            ("./host=a password=b", "./host=a password=b"),
            ("none", "none"),
            ("postgres://host/db", "postgres://host/db"),
            ("postgres://me@host/db", "postgres://me@host/db"),
            (
                "postgres://me:pw@host:5432/db",
                "postgres://me@host:5432/db",
            ),
            ("postgresql://:pw@host/db", "postgresql://host/db"),
            ("postgres://me:p@w@host/db", "postgres://me@host/db"),
            ("postgres://me:p/w?@host/db", "postgres://me@host/db"),
            ("postgres://m/e:pw@host/db", "postgres://"),
            (
                "postgres://me@host/db?password=pw&sslmode=require&PassWord=pw",
                "postgres://me@host/db?sslmode=require",
            ),
            (
                "postgres://me@host/db?p%61ssword=pw",
                "postgres://me@host/db",
            ),
            (
                "host=db dbname=school user=u password=pw",
                "host=db dbname=school user=u",
            ),
            ("host=db password=pw://x user=u", "host=db user=u"),
            (r"password = 'pw\' user=pw' host='a b'", "host='a b'"),
            (r"host=a password=p\ pw dbname=d", "host=a dbname=d"),
            ("host=a password='pw", "postgres://"),
            ("host=a password='pw'pw", "postgres://"),
            ("host=a oauth_client_secret=pw", "host=a"),
        ] {
            let actual = shown(&LedgerPlace::parse(given).unwrap());
            assert_eq!(actual, expected, "{given}");
            assert!(!actual.contains("pw"), "{actual}");
        }
    }
}
