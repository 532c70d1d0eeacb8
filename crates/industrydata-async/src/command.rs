//! A command as a token source.

use std::{
    fmt, io,
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use industrydata_core::{
    Tenant,
    auth::{AccessToken, Challenge, SECRET_VARIABLES, SHELL, TokenError},
};
use industrydata_system::{now, with_reqwest::sleep};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

use crate::tokens::{TokenFuture, TokenSource};

/// The most output read of a command, in bytes.
const OUTPUT_LIMIT: u64 = 64 * 1024;
/// How long the output may stay open once the command has ended.
const GRACE: Duration = Duration::from_secs(1);

/// Runs a command for each token, such as `az account get-access-token --resource https://graph.microsoft.com --output json`.
///
/// The command prints a bare token or az's JSON ([`AccessToken::from_output`]); its error output goes to that of this
/// process. After [`Limits::TOKEN`](industrydata_core::policy::Limits::TOKEN) it is killed. On Unix it runs in a new process
/// group, which is killed with it, and so it cannot ask for input on the terminal. If it has ended and a program that it
/// started keeps its output open, the output read within another second is used, and that program stays. It receives neither
/// the tenant nor a challenge, and does not inherit [`SECRET_VARIABLES`].
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # use industrydata_async::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// # let contoso = client.tenant("contoso")?;
/// use industrydata_async::CommandToken;
///
/// // Elsewhere: `az account get-access-token --resource https://graph.microsoft.com --output json`.
/// let tokens = CommandToken::shell("echo emulator-token");
/// let client = Client::builder(tokens, Ledger::memory()).base(emulator.base_url()).build()?;
/// client.tenant("contoso")?.preflight().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CommandToken {
    program: String,
    arguments: Vec<String>,
    /// The line that a shell runs.
    line: Option<String>,
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

    /// Starts the command in a new process group, which ends with the guard.
    fn spawn(&self) -> Result<Running, TokenError> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if let Some(line) = &self.line {
            add_line(&mut command, line);
        }
        for name in SECRET_VARIABLES {
            command.env_remove(name);
        }
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map(Running).map_err(|error| {
            TokenError::unavailable(format!("the token command could not be run: {error}"))
        })
    }

    async fn output(&self) -> Result<AccessToken, TokenError> {
        let mut child = self.spawn()?;
        let Some(stdout) = child.0.stdout.take() else {
            return Err(TokenError::unavailable("the token command has no output"));
        };
        let mut output = Vec::new();
        let ended = run(&mut child.0, stdout.take(OUTPUT_LIMIT), &mut output).await;
        let status = ended.map_err(TokenError::unavailable)?;
        if !status.success() {
            return Err(TokenError::unavailable(format!(
                "the token command ended with {status}: run it by itself to see why"
            )));
        }
        AccessToken::from_output(output, now().utc)
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
    command.raw_arg(format!("\"{line}\""));
}

/// Waits for the end of the command and of its output.
async fn run(
    child: &mut Child,
    stdout: impl AsyncRead + Unpin,
    output: &mut Vec<u8>,
) -> io::Result<ExitStatus> {
    let mut reading = pin!(read(stdout, output));
    tokio::select! {
        biased;
        read = &mut reading => read?,
        status = child.wait() => {
            // A program that it started may keep the output open.
            tokio::select! {
                biased;
                read = reading => read?,
                () = sleep(GRACE) => {}
            }
            return status;
        }
    }
    child.wait().await
}

/// Keeps what was read when it is dropped.
async fn read(mut from: impl AsyncRead + Unpin, output: &mut Vec<u8>) -> io::Result<()> {
    while from.read_buf(output).await? > 0 {}
    Ok(())
}

impl TokenSource for CommandToken {
    fn token<'a>(&'a self, _: &'a Tenant, _: Option<&'a Challenge>) -> TokenFuture<'a> {
        TokenFuture::new(self.output())
    }
}

/// Kills the command when dropped. On Unix this includes its process group, since a shell starts other programs.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self
            .0
            .id()
            .and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?))
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl fmt::Debug for CommandToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandToken")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
