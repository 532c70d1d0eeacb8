//! A PostgreSQL server for the tests, on loopback and with a new data folder. It ends with the process that started it.
//!
//! The checks and the tests that restart a server both include this file.

use std::{
    env,
    error::Error,
    fs,
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The time limit of creating, of starting and of stopping a server.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many ports are tried for a server.
const PORTS: u32 = 5;
const USER: &str = "industry";
const PASSWORD: &str = "ledger of the tests";

/// Interrupts the server when standard input ends: on request, or because the process that started it has ended.
const WATCH: &str = r#""$@" & server=$!; read _; kill -INT "$server"; wait "$server""#;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    settings: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Creates a server and starts it. `files` are written to its data folder, `settings` are `name=value`.
    pub(crate) fn start(files: &[(&str, &str)], settings: &[&str]) -> Result<Self, Box<dyn Error>> {
        let programs = programs()?;
        let folder = tempfile::Builder::new()
            .prefix("industrydata-pg-")
            .tempdir()?;
        give(folder.path())?;
        let secret = folder.path().join("password");
        private(&secret, PASSWORD)?;
        let data = folder.path().join("data");
        let mut make = unprivileged(&programs.join("initdb"), folder.path())?;
        make.args([
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-instructions",
        ]);
        make.arg("--pwfile").arg(&secret).arg("-D").arg(&data);
        let made = make.output()?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        for (name, text) in files {
            private(&data.join(name), text)?;
        }
        let mut server = Self {
            folder,
            programs,
            port: free_port()?,
            settings: settings.iter().map(ToString::to_string).collect(),
            child: None,
        };
        // A connection of another test may take the port before the server does.
        for _ in 0..PORTS {
            match server.resume() {
                Err(error) if error.to_string().contains("Address already in use") => {
                    server.stop()?;
                    fs::remove_file(server.log())?;
                    server.port = free_port()?;
                }
                result => return result.map(|()| server),
            }
        }
        Err("every port that was free was taken before the server started".into())
    }

    /// Starts it again after [`stop`](Self::stop).
    pub(crate) fn resume(&mut self) -> Result<(), Box<dyn Error>> {
        let data = self.folder.path().join("data");
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())?;
        let mut command = unprivileged(Path::new("sh"), self.folder.path())?;
        command
            .args(["-c", WATCH, "sh"])
            .arg(self.programs.join("postgres"));
        command.arg("-D").arg(&data);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
        ] {
            command.args(["-c", setting]);
        }
        command.args(["-c", &format!("port={}", self.port)]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.child = Some(command.spawn()?);
        let begun = Instant::now();
        while !is_ready(&data) {
            if begun.elapsed() > PATIENCE || self.has_ended()? {
                let log = fs::read_to_string(self.log()).unwrap_or_default();
                return Err(format!("the server did not start: {log}").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Stops it and closes its connections.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        drop(child.stdin.take());
        let begun = Instant::now();
        while child.try_wait()?.is_none() {
            if begun.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The URL, with the password.
    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://{USER}:{}@127.0.0.1:{}/postgres",
            PASSWORD.replace(' ', "%20"),
            self.port
        )
    }

    /// Its name and version.
    pub(crate) fn about(&self) -> String {
        let output = Command::new(self.programs.join("postgres"))
            .arg("--version")
            .output();
        output.map_or_else(
            |_| "PostgreSQL".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Whether the server has ended without a request, or has logged that it could not start.
    fn has_ended(&mut self) -> io::Result<bool> {
        let log = fs::read_to_string(self.log())?;
        let exited = match &mut self.child {
            Some(child) => child.try_wait()?.is_some(),
            None => true,
        };
        Ok(exited
            || log
                .lines()
                .last()
                .is_some_and(|line| line.contains("FATAL:") && line.contains("could not")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("the PostgreSQL server of the tests could not be stopped: {error}");
        }
    }
}

/// The folder of the server's programs: on the PATH, or else the distribution's newest.
fn programs() -> Result<PathBuf, Box<dyn Error>> {
    let is_whole =
        |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let path = env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = env::split_paths(&path).find(is_whole) {
        return Ok(folder);
    }
    let mut found = Vec::new();
    for folder in ["/usr/lib/postgresql", "/usr/local/lib/postgresql"] {
        for version in fs::read_dir(folder).into_iter().flatten() {
            let version = version?.path();
            let number = version
                .file_name()
                .and_then(|name| name.to_str()?.parse::<u32>().ok());
            found.extend(number.map(|number| (number, version.join("bin"))));
        }
    }
    found.extend([
        (0, "/usr/pgsql/bin".into()),
        (0, "/opt/homebrew/opt/postgresql/bin".into()),
    ]);
    found.retain(|(_, folder)| is_whole(folder));
    let newest = found.into_iter().max().map(|(_, folder)| folder);
    newest.ok_or_else(|| "no PostgreSQL server is installed: apt-get install postgresql (its initdb and postgres are \
                          looked for on the PATH and in /usr/lib/postgresql)".into())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether the server reports that it accepts connections, be it as a standby.
fn is_ready(data: &Path) -> bool {
    let pid_file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    pid_file
        .lines()
        .nth(7)
        .is_some_and(|line| matches!(line.trim(), "ready" | "standby"))
}

/// Writes a file that only the server may read.
fn private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())?;
    give(path)
}

/// The user to run the server as if this process is root, which the server refuses.
#[cfg(unix)]
fn nobody() -> io::Result<Option<(u32, u32)>> {
    let number = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim().parse::<u32>().map_err(io::Error::other)
    };
    if number(&["-u"])? != 0 {
        return Ok(None);
    }
    Ok(Some((
        number(&["-u", "nobody"])?,
        number(&["-g", "nobody"])?,
    )))
}

#[cfg(unix)]
fn give(path: &Path) -> io::Result<()> {
    match nobody()? {
        Some((user, group)) => std::os::unix::fs::chown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn unprivileged(program: &Path, folder: &Path) -> io::Result<Command> {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    if let Some((user, group)) = nobody()? {
        command.uid(user).gid(group);
    }
    command.current_dir(folder).env("HOME", folder);
    Ok(command)
}

#[cfg(not(unix))]
fn give(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn unprivileged(program: &Path, folder: &Path) -> io::Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(folder);
    Ok(command)
}
