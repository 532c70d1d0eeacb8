//! What a ledger option names, and how it is shown.

use std::{ffi::OsStr, path::Path};

/// The ledger option if it is a URL, or looks like one. The PostgreSQL store refuses the wrong ones; none of them becomes
/// the name of a file, because it may hold a password.
pub(crate) fn url(given: &OsStr) -> Option<&str> {
    let text = given.to_str()?;
    let (scheme, _) = text.split_once(':')?;
    let is_scheme = |scheme: &str| {
        scheme.len() > 1
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    let looks_like_url =
        text.contains("://") || scheme.to_ascii_lowercase().starts_with("postgres");
    (looks_like_url && is_scheme(scheme)).then_some(text)
}

/// A ledger option without the password that it may hold.
pub(crate) fn shown_ledger(given: &Path) -> String {
    url(given.as_os_str()).map_or_else(|| given.display().to_string(), without_password)
}

/// A URL without the password in its authority and without the parameters that may be one. What is not spelt as a URL is
/// left out, since any part of it may be the password.
fn without_password(url: &str) -> String {
    const UNREADABLE: &str = "postgres://";
    let Some((scheme, rest)) = url.split_once("://") else {
        return UNREADABLE.to_owned();
    };
    // A password that is not percent-encoded may contain any of these.
    let (user, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
    let user = user.split(':').next().unwrap_or_default();
    if user.contains(['/', '?', '#']) {
        return UNREADABLE.to_owned();
    }
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let is_open = |parameter: &&str| {
        let name = parameter.split('=').next().unwrap_or_default();
        // A name with a percent sign may spell it as well.
        !name.is_empty() && !name.contains('%') && !name.to_ascii_lowercase().contains("pass")
    };
    let parameters: Vec<_> = parameters.split('&').filter(is_open).collect();
    let at = if user.is_empty() { "" } else { "@" };
    let mark = if parameters.is_empty() { "" } else { "?" };
    let parameters = parameters.join("&");
    format!("{scheme}://{user}{at}{place}{mark}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_a_ledger_is_shown() {
        for (given, shown) in [
            ("/var/lib/ledger.sqlite", "/var/lib/ledger.sqlite"),
            ("a:b@c", "a:b@c"),
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
            ("postgres:me:pw@host", "postgres://"),
            ("mysql://me:pw@host/db", "mysql://me@host/db"),
        ] {
            let actual = shown_ledger(Path::new(given));
            assert_eq!(actual, shown, "{given}");
            assert!(!actual.contains("pw"), "{actual}");
        }
    }
}
