//! The store URL, parsed strictly. Its errors never show the URL.

#[cfg(test)]
mod tests;

use std::{net::IpAddr, path::PathBuf};

use percent_encoding::percent_decode_str;
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

use super::store_error::Obstacle;

/// Parameters passed to PostgreSQL unchanged.
const PASSED: [&str; 13] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "options",
    "password",
    "port",
    "user",
];

/// How a server proves its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Not at all, and nothing is encrypted.
    Plain,
    /// Not at all; the connection is encrypted if the server supports it.
    Encrypted,
    /// By a certificate of the authority given.
    Authority,
    /// By a certificate of an authority, for the host name in the URL.
    Name,
}

/// The parts of a URL.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) proof: Proof,
    pub(super) roots: Option<PathBuf>,
    pub(super) schema: Option<String>,
}

/// Reads `url`.
pub(super) fn parse(url: &str) -> Result<Address, Obstacle> {
    let rest = ["postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))
        .ok_or(Obstacle::Scheme)?;
    let (user, rest) = match rest.find('@') {
        Some(at) => rest.split_at(at + 1),
        None => ("", rest),
    };
    // A password with one of these would be parsed as a host, a database or a parameter, and shown in a message.
    if user.contains(['/', '?', '#']) || rest.contains(['@', '#']) || url.contains(char::is_control)
    {
        return Err(Obstacle::Unescaped);
    }
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut mode, mut roots, mut schema, mut passed) = (None, None, None, Vec::new());
    for parameter in parameters
        .split('&')
        .filter(|parameter| !parameter.is_empty())
    {
        let (key, value) = parameter.split_once('=').ok_or(Obstacle::Unreadable)?;
        match key {
            "sslmode" => mode = Some(value),
            "sslrootcert" => roots = Some(PathBuf::from(decoded(value)?)),
            "schema" => schema = Some(decoded(value)?),
            key if PASSED.contains(&key) => passed.push(parameter),
            key => return Err(Obstacle::Parameter(name(key))),
        }
    }
    let plain = format!("postgres://{user}{place}?{}", passed.join("&"));
    // Its errors may show parts of the URL.
    let mut config: Config = plain.parse().map_err(|_| Obstacle::Unreadable)?;
    if config.get_hosts().is_empty() {
        return Err(Obstacle::NoHost);
    }
    let proof = proof(mode, roots.is_some(), &config)?;
    config.ssl_mode(match proof {
        Proof::Plain => SslMode::Disable,
        Proof::Encrypted => SslMode::Prefer,
        Proof::Authority | Proof::Name => SslMode::Require,
    });
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_application_name().is_none() {
        config.application_name("industrydata");
    }
    Ok(Address {
        config,
        proof,
        roots,
        schema,
    })
}

/// Where the ledger is, without the password.
pub(super) fn place(config: &Config) -> String {
    let hosts = hosts(config).map(|(host, port)| match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
        Host::Tcp(name) => format!("{name}:{port}"),
        #[cfg(unix)]
        Host::Unix(path) => format!("{}:{port}", path.display()),
    });
    let hosts: Vec<String> = hosts.collect();
    let user = config
        .get_user()
        .map_or(String::new(), |user| format!("{user}@"));
    let base = config
        .get_dbname()
        .map_or(String::new(), |name| format!("/{name}"));
    format!("{user}{}{base}", hosts.join(","))
}

/// The hosts with their ports: the first port is that of every host without one.
pub(super) fn hosts(config: &Config) -> impl Iterator<Item = (&Host, u16)> {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate();
    hosts.map(|(n, host)| (host, *ports.get(n).or(ports.first()).unwrap_or(&5432)))
}

fn proof(mode: Option<&str>, has_roots: bool, config: &Config) -> Result<Proof, Obstacle> {
    match mode {
        Some("disable") => Ok(Proof::Plain),
        Some("prefer") => Ok(Proof::Encrypted),
        Some("require" | "verify-full") => Ok(Proof::Name),
        Some("verify-ca") if has_roots => Ok(Proof::Authority),
        Some("verify-ca") => Err(Obstacle::NoAuthority),
        Some(_) => Err(Obstacle::SslMode),
        None if !has_roots && config.get_hosts().iter().all(is_here) => Ok(Proof::Encrypted),
        None => Ok(Proof::Name),
    }
}

/// Whether the host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// The key as a message may show it.
fn name(key: &str) -> String {
    key.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(40)
        .collect()
}

/// Decodes the percent form. A `%` without two digits behind it is refused, as PostgreSQL's own programs do.
fn decoded(text: &str) -> Result<String, Obstacle> {
    let has_digits = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if text.split('%').skip(1).all(has_digits) => Ok(decoded.into_owned()),
        Ok(_) | Err(_) => Err(Obstacle::Unreadable),
    }
}
