//! The passfile of PostgreSQL's own programs: lines of `host:port:database:user:password`.

use std::path::{Path, PathBuf};

use tokio_postgres::{Config, config::Host};

use super::{
    parameters::Server,
    store_error::{Obstacle, check_private},
};

/// A file of passwords.
#[derive(Clone, Debug)]
pub(super) struct Passfile {
    pub(super) path: PathBuf,
    /// Whether the caller named the file, by an option or `PGPASSFILE`.
    pub(super) is_explicit: bool,
}

impl Passfile {
    /// The password of the user of `config` on `server`. A file in the default place is ignored if it is missing, cannot be read, or
    /// is open to other users.
    pub(super) fn password(
        &self,
        server: &Server,
        config: &Config,
    ) -> Result<Option<Vec<u8>>, Obstacle> {
        match read(&self.path) {
            Ok(text) => Ok(find(&text, server, config)),
            Err(obstacle) if self.is_explicit => Err(obstacle),
            Err(_) => Ok(None),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Obstacle> {
    check_private(path)?;
    std::fs::read(path).map_err(|error| Obstacle::Secret(path.to_owned(), error))
}

fn find(text: &[u8], server: &Server, config: &Config) -> Option<Vec<u8>> {
    let user = config.get_user()?.as_bytes();
    let base = config.get_dbname().map_or(user, str::as_bytes);
    let line = |line: &[u8]| {
        let [host, port, name, owner, password] = fields(line)?;
        let fits = |field: &[u8], value: &[u8]| field == b"*" || field == value;
        let here = match &server.host {
            Host::Tcp(name) => fits(&host, name.as_bytes()),
            #[cfg(unix)]
            Host::Unix(path) => {
                host == b"localhost" || fits(&host, path.as_os_str().as_encoded_bytes())
            }
        };
        let here = here && fits(&port, server.port.to_string().as_bytes());
        (here && fits(&name, base) && fits(&owner, user)).then_some(password)
    };
    text.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.starts_with(b"#"))
        .find_map(line)
}

/// The five fields of a line; `\` takes the next byte as it is.
fn fields(line: &[u8]) -> Option<[Vec<u8>; 5]> {
    let mut fields = vec![Vec::new()];
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b':' => fields.push(Vec::new()),
            b'\\' => fields.last_mut()?.extend(bytes.next()),
            byte => fields.last_mut()?.push(*byte),
        }
    }
    fields.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{super::url, *};

    #[track_caller]
    fn check(text: &str, url: &str, expected: &[Option<&str>]) {
        let address = url::parse(url).unwrap();
        let found = |server| find(text.as_bytes(), server, &address.config);
        let found: Vec<_> = address.servers.iter().map(found).collect();
        let expected = expected
            .iter()
            .map(|one| one.map(|text| text.as_bytes().to_vec()));
        assert_eq!(found, expected.collect::<Vec<_>>(), "{text:?}");
    }

    #[test]
    fn the_first_line_that_fits() {
        let url = "postgres://u@h:5433/d";
        check("h:5433:d:u:a", url, &[Some("a")]);
        check(
            "# h:5433:d:u:x\n\nh:5432:d:u:x\n*:*:*:*:b\nh:5433:d:u:c",
            url,
            &[Some("b")],
        );
        check("h:*:*:u:\\:\\\\ x\r\n", url, &[Some(":\\ x")]);
        for other in [
            "g:5433:d:u:a",
            "h:5433:e:u:a",
            "h:5433:d:v:a",
            "h:5433:d:u",
            "",
            "h",
        ] {
            check(other, url, &[None]);
        }
        check(
            "localhost:*:*:*:s",
            "postgres:///d?host=/run/pg&user=u",
            &[Some("s")],
        );
    }

    #[test]
    fn hosts_have_their_ports_and_the_database_defaults_to_the_user() {
        let two = "postgres://u@a:1,b:2/d";
        check("a:1:d:u:x", two, &[Some("x"), None]);
        check("b:2:d:u:x\na:1:d:u:y", two, &[Some("y"), Some("x")]);
        check("b:1:d:u:x", two, &[None, None]);
        let plain = "postgres://u@h";
        check("h:5432:u:u:x", plain, &[Some("x")]);
        check("h:5433:u:u:x", plain, &[None]);
        check(
            "/run/pg:*:*:*:s",
            "postgres:///d?host=/run/pg&user=u",
            &[Some("s")],
        );
        check("g:*:*:*:s", "postgres:///d?host=/run/pg&user=u", &[None]);
        check("a:1:d:u:x", "postgres://a:1/d", &[None]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_open_is_not_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        let address = url::parse("postgres://u@h:5433/d").unwrap();
        let password = |is_explicit| {
            let path = path.clone();
            Passfile { path, is_explicit }.password(&address.servers[0], &address.config)
        };
        assert!(matches!(password(true), Err(Obstacle::Secret(..))));
        assert!(matches!(password(false), Ok(None)));
        std::fs::write(&path, "h:5433:d:u:a\n").unwrap();
        for (mode, is_read) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o604, false),
            (0o620, false),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let own = password(false).unwrap();
            assert_eq!(
                own.as_deref(),
                is_read.then_some(b"a".as_slice()),
                "{mode:o}"
            );
            match password(true) {
                Ok(found) => assert!(is_read && found.is_some()),
                Err(Obstacle::OpenToOthers(_, found)) => assert!(!is_read && found == mode),
                Err(other) => panic!("{other}"),
            }
        }
    }
}
