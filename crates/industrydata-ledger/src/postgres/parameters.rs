//! What each parameter of PostgreSQL's client library means here: it is taken, or refused for its own reason.

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslMode, SslNegotiation, TargetSessionAttrs},
};

use super::store_error::Obstacle;

/// How a server proves its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Not at all, and nothing is encrypted.
    Plain,
    /// Not at all; the connection is encrypted if the server supports it.
    Encrypted,
    /// By a certificate of the authority given.
    Authority,
    /// By a certificate of an authority, for the host name given.
    Name,
}

/// The authorities that may sign the server's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Roots {
    /// Mozilla's list.
    #[default]
    Public,
    /// Those of the operating system.
    System,
    /// The certificates of a file.
    File(PathBuf),
}

/// How a connection is encrypted.
#[derive(Clone, Debug)]
pub(super) struct Encryption {
    pub(super) proof: Proof,
    pub(super) roots: Roots,
    /// The client's certificate and its key.
    pub(super) client: Option<(PathBuf, PathBuf)>,
    pub(super) sends_name: bool,
    pub(super) without_tls12: bool,
    pub(super) without_tls13: bool,
    /// TLS begins at once, without PostgreSQL's request for it.
    pub(super) is_direct: bool,
}

/// One server that may have the ledger.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) host: Host,
    /// The address, if it is given beside the name.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

/// The parts of a URL or a keyword string.
#[derive(Debug)]
pub(super) struct Address {
    /// Everything but the servers.
    pub(super) config: Config,
    pub(super) servers: Vec<Server>,
    pub(super) encryption: Encryption,
    pub(super) schema: Option<String>,
    pub(super) passfile: Option<PathBuf>,
}

/// The parameters read so far.
#[derive(Default)]
pub(super) struct Parameters {
    /// What the URL says before its parameters.
    base: Config,
    /// Keyword strings for the client's own reader.
    servers: String,
    passed: String,
    application_name: Option<String>,
    tcp_user_timeout: Option<Duration>,
    mode: Option<String>,
    roots: Option<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    uses_no_certificate: bool,
    hides_name: bool,
    without_tls12: bool,
    without_tls13: bool,
    schema: Option<String>,
    passfile: Option<PathBuf>,
    has_password: bool,
}

impl Parameters {
    /// Takes user, password, hosts and database from a URL.
    pub(super) fn begin(&mut self, base: Config) {
        self.base = base;
    }

    /// Takes one parameter.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), Obstacle> {
        if value.contains('\0') {
            return Err(Obstacle::Unreadable);
        }
        match key {
            "host" | "hostaddr" | "port" => {
                self.servers += &passed(key, value)?;
            }
            "password" => {
                self.has_password = true;
                self.passed += &passed(key, value)?;
            }
            "application_name"
            | "channel_binding"
            | "connect_timeout"
            | "dbname"
            | "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_retries"
            | "options"
            | "sslnegotiation"
            | "user" => {
                self.passed += &passed(key, value)?;
            }
            // PostgreSQL's name for it.
            "keepalives_count" => {
                let tried = passed("keepalives_retries", value);
                self.passed += &tried.map_err(|_| Obstacle::Value("keepalives_count"))?;
            }
            // The client reads seconds, PostgreSQL milliseconds.
            "tcp_user_timeout" => {
                let milliseconds = value.parse::<u32>();
                let milliseconds = milliseconds.map_err(|_| Obstacle::Value("tcp_user_timeout"))?;
                self.tcp_user_timeout = Some(Duration::from_millis(milliseconds.into()))
                    .filter(|limit| !limit.is_zero());
            }
            "fallback_application_name" => self.application_name = Some(value.to_owned()),
            "schema" => self.schema = Some(value.to_owned()),
            "passfile" => self.passfile = Some(value.into()),
            "sslmode" => self.mode = Some(value.to_owned()),
            "sslrootcert" => self.roots = Some(value.to_owned()),
            "sslcert" => self.certificate = Some(value.into()),
            "sslkey" => self.key = Some(value.into()),
            _ => return self.set_rarer(key, value),
        }
        Ok(())
    }

    /// Takes a parameter that has one or two values which mean something here, or refuses it.
    fn set_rarer(&mut self, key: &str, value: &str) -> Result<(), Obstacle> {
        match (key, value) {
            // The ledger always needs a server that takes writes, which is what each of these allows.
            ("target_session_attrs", "any" | "read-write" | "primary") => {}
            ("target_session_attrs", "read-only" | "standby" | "prefer-standby") => {
                return refused(
                    "target_session_attrs",
                    "a ledger is written to: write read-write, primary or any, or leave it out",
                );
            }
            ("gssencmode", "disable" | "prefer") => {}
            ("gssencmode", "require") => {
                return refused(
                    "gssencmode",
                    "this program encrypts with TLS and not with GSSAPI: write disable or prefer, and choose an sslmode",
                );
            }
            ("load_balance_hosts", "disable") => {}
            ("load_balance_hosts", "random") => {
                return refused(
                    "load_balance_hosts",
                    "a ledger is on the one server that takes writes, and hosts are tried in their order: write disable, or \
                     leave it out",
                );
            }
            ("client_encoding", encoding) => {
                let encoding = encoding.to_ascii_lowercase();
                if !["auto", "utf8", "utf-8", "unicode"].contains(&encoding.as_str()) {
                    return refused(
                        "client_encoding",
                        "this program writes UTF-8 into any database: leave it out",
                    );
                }
            }
            ("sslsni", "1") => self.hides_name = false,
            ("sslsni", "0") => self.hides_name = true,
            ("sslcertmode", "allow") => self.uses_no_certificate = false,
            ("sslcertmode", "disable") => self.uses_no_certificate = true,
            ("sslcertmode", "require") => {
                return refused(
                    "sslcertmode",
                    "this program cannot check that the server asks for its certificate: write allow",
                );
            }
            ("ssl_min_protocol_version", "TLSv1" | "TLSv1.1" | "TLSv1.2") => {
                self.without_tls12 = false;
            }
            ("ssl_min_protocol_version", "TLSv1.3") => self.without_tls12 = true,
            ("ssl_max_protocol_version", "TLSv1.3") => self.without_tls13 = false,
            ("ssl_max_protocol_version", "TLSv1.2") => self.without_tls13 = true,
            ("ssl_max_protocol_version", "TLSv1" | "TLSv1.1") => {
                return refused(
                    "ssl_max_protocol_version",
                    "this program speaks TLS 1.2 and 1.3: write TLSv1.2 or TLSv1.3",
                );
            }
            // Compression is off in any case, and so is a protocol newer than 3.0.
            ("sslcompression", "0" | "1")
            | ("min_protocol_version", "3.0")
            | ("max_protocol_version", "3.0" | "3.2" | "latest")
            | ("requiressl", "0")
            | ("gssdelegation", "0")
            | ("replication", "false" | "off" | "no" | "0")
            | ("tty", _) => {}
            ("min_protocol_version", "3.2" | "latest") => {
                return refused(
                    "min_protocol_version",
                    "this program speaks version 3.0 of the protocol: write 3.0, or leave it out",
                );
            }
            ("requiressl", "1") => {
                return refused("requiressl", "it is out of use: write sslmode=require");
            }
            _ => return Err(self.refuse(key)),
        }
        Ok(())
    }

    fn refuse(&self, key: &str) -> Obstacle {
        let why = match key {
            "service" | "servicefile" => {
                "service files are not read here: write the settings of the service instead"
            }
            "sslpassword" => {
                "an encrypted key is not read here: name a decrypted one with sslkey, mode 0600"
            }
            "sslcrl" | "sslcrldir" => {
                "lists of revoked certificates are not read here: leave it out, or name the exact certificate of the server \
                 with sslrootcert"
            }
            "sslkeylogfile" => "the keys of a connection are not written to a file: leave it out",
            "requirepeer" => {
                "the owner of a socket is not checked here: leave it out, and use a folder that only the server can write"
            }
            "require_auth" => {
                "the way to log in cannot be chosen here: leave it out; channel_binding=require takes only SCRAM"
            }
            "krbsrvname" | "gsslib" | "gssdelegation" => {
                "this program does not log in with Kerberos: leave it out, and use a password or a certificate"
            }
            "scram_client_key" | "scram_server_key" => {
                "this program derives its keys from the password: give the password"
            }
            "oauth_issuer" | "oauth_client_id" | "oauth_client_secret" | "oauth_scope" => {
                "this program does not log in with OAuth: use a password or a certificate"
            }
            "replication" => "a ledger takes an ordinary connection: leave it out",
            "ssl" | "sslfactory" => "it is a setting of other clients: write sslmode=verify-full",
            "currentSchema" | "search_path" => {
                "it is a setting of other clients: write schema=NAME for the schema of the ledger"
            }
            "target_session_attrs"
            | "gssencmode"
            | "load_balance_hosts"
            | "sslsni"
            | "sslcertmode"
            | "ssl_min_protocol_version"
            | "ssl_max_protocol_version"
            | "sslcompression"
            | "min_protocol_version"
            | "max_protocol_version"
            | "requiressl" => "it has a value that PostgreSQL does not know",
            // What follows a password may be a part of one that should have been quoted.
            _ if self.has_password => return Obstacle::ParameterBehindPassword,
            _ => return Obstacle::Parameter(name(key)),
        };
        Obstacle::Refused(name(key), why)
    }

    /// Puts the parameters together.
    pub(super) fn address(self) -> Result<Address, Obstacle> {
        let read = |text: &str| text.parse::<Config>().map_err(|_| Obstacle::Unreadable);
        let mut config = read(&self.passed)?;
        if let (None, Some(user)) = (config.get_user(), self.base.get_user()) {
            config.user(user);
        }
        if let (None, Some(password)) = (config.get_password(), self.base.get_password()) {
            config.password(password);
        }
        if let (None, Some(name)) = (config.get_dbname(), self.base.get_dbname()) {
            config.dbname(name);
        }
        if config.get_application_name().is_none() {
            config.application_name(self.application_name.as_deref().unwrap_or("industrydata"));
        }
        if let Some(limit) = self.tcp_user_timeout {
            config.tcp_user_timeout(limit);
        }
        let servers = servers(&self.base, &read(&self.servers)?)?;
        let roots = match self.roots {
            None => Roots::Public,
            Some(name) if name == "system" => Roots::System,
            Some(path) => Roots::File(path.into()),
        };
        let proof = proof(self.mode.as_deref(), &roots, &servers)?;
        let client = match (self.certificate, self.key) {
            _ if self.uses_no_certificate => None,
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(Obstacle::HalfCertificate),
        };
        let is_direct = config.get_ssl_negotiation() == SslNegotiation::Direct;
        if is_direct && !matches!(proof, Proof::Authority | Proof::Name) {
            return refused(
                "sslnegotiation",
                "direct takes sslmode=require, verify-ca or verify-full",
            );
        }
        if self.without_tls12 && self.without_tls13 {
            return refused(
                "ssl_max_protocol_version",
                "it is below ssl_min_protocol_version",
            );
        }
        config.ssl_mode(match proof {
            Proof::Plain => SslMode::Disable,
            Proof::Encrypted => SslMode::Prefer,
            Proof::Authority | Proof::Name => SslMode::Require,
        });
        // Whether the server takes writes is asked after: the answer then says why not.
        config.target_session_attrs(TargetSessionAttrs::Any);
        Ok(Address {
            config,
            servers,
            encryption: Encryption {
                proof,
                roots,
                client,
                sends_name: !self.hides_name,
                without_tls12: self.without_tls12,
                without_tls13: self.without_tls13,
                is_direct,
            },
            schema: self.schema,
            passfile: self.passfile,
        })
    }
}

fn refused<T>(key: &str, why: &'static str) -> Result<T, Obstacle> {
    Err(Obstacle::Refused(key.to_owned(), why))
}

/// The parameter as a keyword string, once the client has read it.
fn passed(key: &str, value: &str) -> Result<String, Obstacle> {
    let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
    let text = format!("{key}='{escaped}' ");
    match text.parse::<Config>() {
        Ok(_) => Ok(text),
        // Its text may show the value.
        Err(_) => Err(Obstacle::Value(match key {
            "channel_binding" => "channel_binding",
            "connect_timeout" => "connect_timeout",
            "hostaddr" => "hostaddr",
            "port" => "port",
            "sslnegotiation" => "sslnegotiation",
            _ => "keepalives",
        })),
    }
}

/// The servers in their order. Those of the parameters take precedence over those of the URL.
fn servers(base: &Config, set: &Config) -> Result<Vec<Server>, Obstacle> {
    let hosts = match set.get_hosts() {
        [] => base.get_hosts(),
        hosts => hosts,
    };
    let addresses = set.get_hostaddrs();
    let count = hosts.len().max(addresses.len());
    let fits = |length: usize| length == 0 || length == count;
    let ports = match set.get_ports() {
        [] => base.get_ports(),
        ports => ports,
    };
    if count == 0 {
        return Err(Obstacle::NoHost);
    }
    if !fits(hosts.len()) || !fits(addresses.len()) || !(ports.len() == 1 || fits(ports.len())) {
        return Err(Obstacle::Counts);
    }
    let server = |index: usize| {
        let address = addresses.get(index).copied();
        let host = match (hosts.get(index), address) {
            (Some(host), _) => host.clone(),
            (None, Some(address)) => Host::Tcp(address.to_string()),
            (None, None) => return Err(Obstacle::NoHost),
        };
        if !is_name(&host) {
            return Err(Obstacle::Host);
        }
        let port = *ports.get(index).or(ports.first()).unwrap_or(&5432);
        Ok(Server {
            host,
            address,
            port,
        })
    };
    (0..count).map(server).collect()
}

/// Whether the host is a name, an address or a folder. Anything else is a typing mistake that may show a password.
fn is_name(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let is_part = |c: char| c.is_alphanumeric() || ".-_:%".contains(c);
            !name.is_empty() && name.chars().all(is_part)
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn proof(mode: Option<&str>, roots: &Roots, servers: &[Server]) -> Result<Proof, Obstacle> {
    let is_here = || servers.iter().all(|server| is_here(&server.host));
    match (mode, roots) {
        (Some("allow"), _) => Err(Obstacle::AllowMode),
        (Some("require" | "verify-full") | None, Roots::System) => Ok(Proof::Name),
        (Some("disable" | "prefer" | "verify-ca"), Roots::System) => refused(
            "sslrootcert",
            "system takes sslmode=verify-full, since anyone can get a certificate of a public authority; write ./system for a \
             file",
        ),
        (Some("disable"), _) => Ok(Proof::Plain),
        (Some("prefer"), _) => Ok(Proof::Encrypted),
        (Some("require" | "verify-full"), _) => Ok(Proof::Name),
        (Some("verify-ca"), Roots::File(_)) => Ok(Proof::Authority),
        (Some("verify-ca"), Roots::Public) => Err(Obstacle::NoAuthority),
        (Some(_), _) => Err(Obstacle::SslMode),
        (None, Roots::Public) if is_here() => Ok(Proof::Encrypted),
        (None, Roots::Public | Roots::File(_)) => Ok(Proof::Name),
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

impl fmt::Display for Server {
    /// `host:port`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.host {
            Host::Tcp(name) if name.contains(':') => write!(f, "[{name}]:{port}"),
            Host::Tcp(name) => write!(f, "{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => write!(f, "{}:{port}", path.display()),
        }
    }
}

impl Address {
    /// Where the ledger is, without the password.
    pub(super) fn place(&self) -> String {
        let servers: Vec<String> = self.servers.iter().map(ToString::to_string).collect();
        let user = self.config.get_user().map(shown);
        let user = user.map_or(String::new(), |user| format!("{user}@"));
        let base = self.config.get_dbname().map(shown);
        let base = base.map_or(String::new(), |name| format!("/{name}"));
        format!("{user}{}{base}", servers.join(","))
    }
}

/// The name of a user or a database, unless it may be a whole connection string by mistake.
fn shown(name: &str) -> &str {
    if name.contains(['=', ';', ':', '@', '/', '?', '&']) || name.contains(char::is_control) {
        "..."
    } else {
        name
    }
}
