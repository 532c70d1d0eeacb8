//! A command as a token source.

use std::{fmt, process::Stdio};

use industrydata_core::{AccessToken, Challenge, Tenant, TokenError};
use tokio::{
    io::{AsyncReadExt, BufReader},
    process::Command,
};

use crate::{
    clock::now,
    tokens::{TokenFuture, TokenSource},
};

/// The most output read of a command, in bytes.
const OUTPUT_LIMIT: u64 = 64 * 1024;

/// Runs a command for each token, such as `az account get-access-token --resource https://graph.microsoft.com`.
///
/// Its output is a bare token or az's JSON ([`AccessToken::from_output`]); its error output goes to this process's own.
/// It may take [`Limits::TOKEN`](industrydata_core::Limits::TOKEN), and is ended then. The tenant and a challenge are
/// not handed to it.
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

    /// Runs `line` by `sh -c`.
    #[must_use]
    pub fn shell(line: impl Into<String>) -> Self {
        Self::new("sh", ["-c".to_owned(), line.into()])
    }

    async fn output(&self) -> Result<AccessToken, TokenError> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                TokenError::unavailable(format!("the token command could not be run: {error}"))
            })?;
        let Some(stdout) = child.stdout.take() else {
            return Err(TokenError::unavailable("the token command has no output"));
        };
        let mut output = Vec::new();
        BufReader::new(stdout)
            .take(OUTPUT_LIMIT)
            .read_to_end(&mut output)
            .await
            .map_err(TokenError::unavailable)?;
        let status = child.wait().await.map_err(TokenError::unavailable)?;
        if !status.success() {
            return Err(TokenError::unavailable(format!(
                "the token command ended with {status}: run it by itself to see why"
            )));
        }
        let text = String::from_utf8(output).map_err(|_| {
            TokenError::Unusable("the token command's output is not text".to_owned())
        })?;
        AccessToken::from_output(&text, now().utc)
    }
}

impl TokenSource for CommandToken {
    fn token<'a>(&'a self, _: &'a Tenant, _: Option<&'a Challenge>) -> TokenFuture<'a> {
        TokenFuture::new(self.output())
    }
}

impl fmt::Debug for CommandToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandToken")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
