//! A command as a token source.

use std::{
    fmt, io,
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use industrydata_core::{
    Tenant,
    auth::{AccessToken, Challenge, SECRET_VARIABLES, TokenError},
};
use industrydata_system::now;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::timeout,
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
pub struct CommandToken {
    program: String,
    arguments: Vec<String>,
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
        }
    }

    /// Runs `line` with `sh -c`.
    #[must_use]
    pub fn shell(line: impl Into<String>) -> Self {
        Self::new("sh", ["-c".to_owned(), line.into()])
    }

    /// Starts the command in a new process group, which ends with the guard.
    fn spawn(&self) -> Result<Running, TokenError> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
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
            timeout(GRACE, reading).await.unwrap_or(Ok(()))?;
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
