//! A command as a token source.

use std::{fmt, process::Stdio};

use industrydata_core::{
    Tenant,
    auth::{AccessToken, Challenge, TokenError},
};
use tokio::{
    io::{AsyncReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    clock::now,
    tokens::{TokenFuture, TokenSource},
};

/// The most output read of a command, in bytes.
const OUTPUT_LIMIT: u64 = 64 * 1024;

/// Runs a command for each token, such as `az account get-access-token --resource https://graph.microsoft.com --output json`.
///
/// The command prints a bare token or az's JSON ([`AccessToken::from_output`]); its error output goes to that of this
/// process. After [`Limits::TOKEN`](industrydata_core::policy::Limits::TOKEN) it is killed. On Unix it runs in a new process
/// group, which is killed with it, and so it cannot ask for input on the terminal. It receives neither the tenant nor a
/// challenge.
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
        BufReader::new(stdout)
            .take(OUTPUT_LIMIT)
            .read_to_end(&mut output)
            .await
            .map_err(TokenError::unavailable)?;
        let status = child.0.wait().await.map_err(TokenError::unavailable)?;
        if !status.success() {
            return Err(TokenError::unavailable(format!(
                "the token command ended with {status}: run it by itself to see why"
            )));
        }
        AccessToken::from_output(output, now().utc)
    }
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
