//! A command as a token source.

use std::{
    fmt,
    io::{self, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use industrydata_core::{
    Tenant,
    auth::{AccessToken, Challenge, SECRET_VARIABLES, SHELL, TokenError},
    policy::Limits,
};
use industrydata_system::now;
use industrydata_system::on_a_thread;

use crate::{stop::Stop, tokens::TokenSource};

/// The most output read of a command, in bytes.
const OUTPUT_LIMIT: u64 = 64 * 1024;
/// How long the output may stay open once the command has ended.
const GRACE: Duration = Duration::from_secs(1);
/// How often to check whether a command that has closed its output has ended.
const TICK: Duration = Duration::from_millis(20);

/// Runs a command for each token, such as `az account get-access-token --resource https://graph.microsoft.com --output json`.
///
/// The command prints a bare token or az's JSON ([`AccessToken::from_output`]); its error output goes to that of this
/// process. After [`Limits::TOKEN`] it is killed. On Unix it runs in a new process group, which is killed with it, and so
/// it cannot ask for input on the terminal. If it has ended and a program that it started keeps its output open, the output
/// read within another second is used, and that program stays. It receives neither the tenant nor a challenge, and does not
/// inherit [`SECRET_VARIABLES`].
///
/// ```
/// # use industrydata_blocking::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// # let contoso = client.tenant("contoso")?;
/// use industrydata_blocking::CommandToken;
///
/// // Elsewhere: `az account get-access-token --resource https://graph.microsoft.com --output json`.
/// let tokens = CommandToken::shell("echo emulator-token");
/// let client = Client::builder(tokens, Ledger::memory()).base(emulator.base_url()).build()?;
/// client.tenant("contoso")?.preflight()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CommandToken {
    program: String,
    arguments: Vec<String>,
    /// The line that a shell runs.
    line: Option<String>,
    stop: Stop,
}

impl CommandToken {
    /// Runs `program` with `arguments`, without a shell.
    pub fn new<A: Into<String>>(
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            line: None,
            stop: Stop::default(),
        }
    }

    /// Runs `line` with the shell of the system: `sh -c`, or `cmd /C` on Windows.
    #[must_use]
    pub fn shell(line: impl Into<String>) -> Self {
        let (program, arguments) = SHELL;
        let line = Some(line.into());
        Self {
            line,
            ..Self::new(program, arguments.iter().copied())
        }
    }

    /// A handle that ends the command that is running, and every later one.
    #[must_use]
    pub fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }

    /// Reads the output to its end. The limit and the stop hold whatever the command does.
    fn output(&self, child: &mut Child) -> Result<Vec<u8>, TokenError> {
        let Some(stdout) = child.stdout.take() else {
            return Err(TokenError::unavailable("the token command has no output"));
        };
        let (sender, receiver) = mpsc::channel();
        let output = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&output);
        on_a_thread("token command", move || {
            // The receiver may have given up.
            let _ = sender.send(read(stdout.take(OUTPUT_LIMIT), &shared));
        })
        .map_err(TokenError::unavailable)?;
        let began = Instant::now();
        let (mut is_read, mut ended) = (false, None);
        loop {
            if self.stop.is_stopped() {
                return Err(TokenError::unavailable(
                    "stopped while the token command ran",
                ));
            }
            if began.elapsed() >= Limits::TOKEN {
                return Err(TokenError::unavailable(format!(
                    "the token command took longer than {} s",
                    Limits::TOKEN.as_secs()
                )));
            }
            if !is_read {
                match receiver.recv_timeout(TICK) {
                    Ok(read) => {
                        read.map_err(TokenError::unavailable)?;
                        is_read = true;
                    }
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Err(mpsc::RecvTimeoutError::Disconnected) => {
                        return Err(TokenError::unavailable(
                            "the token command's output was lost",
                        ));
                    }
                }
            }
            if let Some(status) = child.try_wait().map_err(TokenError::unavailable)? {
                if !status.success() {
                    return Err(TokenError::unavailable(format!(
                        "the token command ended with {status}: run it by itself to see why"
                    )));
                }
                // A program that it started may keep the output open.
                let ended = ended.get_or_insert_with(Instant::now);
                if is_read || ended.elapsed() >= GRACE {
                    return Ok(std::mem::take(&mut *lock(&output)));
                }
            } else if is_read {
                thread::sleep(TICK);
            }
        }
    }
}

impl TokenSource for CommandToken {
    fn token(&self, _: &Tenant, _: Option<&Challenge>) -> Result<AccessToken, TokenError> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(line) = &self.line {
            add_line(&mut command, line);
        }
        for name in SECRET_VARIABLES {
            command.env_remove(name);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|error| {
            TokenError::unavailable(format!("the token command could not be run: {error}"))
        })?;
        let output = self.output(&mut child);
        // Once it has ended, its id may name another process.
        if output.is_err() && matches!(child.try_wait(), Ok(None)) {
            end(&mut child);
        }
        AccessToken::from_output(output?, now().utc)
    }
}

/// Adds the line that a shell runs.
#[cfg(not(windows))]
fn add_line(command: &mut Command, line: &str) {
    command.arg(line);
}

/// The same for cmd, which does not read quotes as other programs do.
#[cfg(windows)]
fn add_line(command: &mut Command, line: &str) {
    use std::os::windows::process::CommandExt as _;
    command.raw_arg(format!("\"{line}\""));
}

/// Reads to the end, and shares what was read so far.
fn read(mut from: impl Read, output: &Mutex<Vec<u8>>) -> io::Result<()> {
    let mut bytes = [0; 4096];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(length) => lock(output).extend(bytes.iter().take(length)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn lock(output: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills the command. On Unix this includes its process group, since a shell starts other programs.
fn end(child: &mut Child) {
    #[cfg(unix)]
    {
        let group = rustix::process::Pid::from_child(child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    // It may have ended meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

impl fmt::Debug for CommandToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandToken")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
