//! The text that names a database, read strictly: a URL, or a keyword string as PostgreSQL's own programs take it. Errors
//! never show the text.

#[cfg(test)]
mod tests;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;

use super::{
    parameters::{Address, Parameters},
    store_error::Obstacle,
};
use crate::place::LedgerPlace;

/// Reads `text`.
pub(super) fn parse(text: &str) -> Result<Address, Obstacle> {
    let scheme = ["postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let mut parameters = Parameters::default();
    match scheme {
        Some(rest) => read_url(rest, &mut parameters)?,
        None if matches!(LedgerPlace::parse(text), Ok(LedgerPlace::Postgres(_))) => {
            read_keywords(text, &mut parameters)?;
        }
        None => return Err(Obstacle::Scheme),
    }
    parameters.address()
}

/// Reads a URL behind its scheme: `user:password@host:port,…/database?name=value&…`.
fn read_url(rest: &str, parameters: &mut Parameters) -> Result<(), Obstacle> {
    let (user, rest) = match rest.find('@') {
        Some(at) => rest.split_at(at + 1),
        None => ("", rest),
    };
    // A password with one of these would be parsed as a host, a database or a parameter, and shown in a message.
    if user.contains(['/', '?', '#'])
        || rest.contains(['@', '#'])
        || user.contains(char::is_control)
        || rest.contains(char::is_control)
    {
        return Err(Obstacle::Unescaped);
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    // Its errors may show parts of the URL.
    let base: Config = format!("postgres://{user}{place}")
        .parse()
        .map_err(|_| Obstacle::Unreadable)?;
    parameters.begin(base);
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = parameter.split_once('=').ok_or(Obstacle::Unreadable)?;
        parameters.set(key, &decoded(value)?)?;
    }
    Ok(())
}

/// Reads `name = value …`, where a value with blanks is in quotes and `\` takes the next character as it is.
fn read_keywords(text: &str, parameters: &mut Parameters) -> Result<(), Obstacle> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=').ok_or(Obstacle::Keywords)?;
        let key = key.trim_end();
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Obstacle::Keywords);
        }
        let (value, behind) = keyword_value(behind.trim_start())?;
        parameters.set(key, &value)?;
        rest = behind.trim_start();
    }
    Ok(())
}

/// The value at the beginning of `text`, and the text behind it.
fn keyword_value(text: &str) -> Result<(String, &str), Obstacle> {
    let quoted = text.strip_prefix('\'');
    let mut value = String::new();
    let mut characters = quoted.unwrap_or(text).chars();
    loop {
        let behind = characters.as_str();
        match (characters.next(), quoted.is_some()) {
            (Some('\\'), _) => value.extend(characters.next()),
            (Some('\''), true) => return Ok((value, characters.as_str())),
            (Some(c), false) if c.is_whitespace() => return Ok((value, behind)),
            (Some(c), _) => value.push(c),
            (None, true) => return Err(Obstacle::Keywords),
            (None, false) => return Ok((value, "")),
        }
    }
}

/// Decodes the percent form. A `%` without two digits behind it is refused, as PostgreSQL's own programs do.
fn decoded(text: &str) -> Result<String, Obstacle> {
    let has_digits = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if text.split('%').skip(1).all(has_digits) => Ok(decoded.into_owned()),
        Ok(_) | Err(_) => Err(Obstacle::Unreadable),
    }
}
