//! A command as a token source.

use std::{
    fmt,
    io::Read,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use industrydata_core::{
    Tenant,
    auth::{AccessToken, Challenge, TokenError},
    policy::Limits,
};

use crate::{clock::now, stop::Stop, tokens::TokenSource};

/// The most output read of a command, in bytes.
const OUTPUT_LIMIT: u64 = 64 * 1024;
/// How often to check whether a command that has closed its output has ended.
const TICK: Duration = Duration::from_millis(20);

/// Runs a command for each token, such as `az account get-access-token --resource https://graph.microsoft.com --output json`.
///
/// The command prints a bare token or az's JSON ([`AccessToken::from_output`]); its error output goes to that of this
/// process. After [`Limits::TOKEN`] it is killed. On Unix it runs in a new process group, which is killed with it, and so
/// it cannot ask for input on the terminal. It receives neither the tenant nor a challenge.
pub struct CommandToken {
    program: String,
    arguments: Vec<String>,
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
            stop: Stop::default(),
        }
    }

    /// Runs `line` with `sh -c`.
    #[must_use]
    pub fn shell(line: impl Into<String>) -> Self {
        Self::new("sh", ["-c".to_owned(), line.into()])
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
        thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.take(OUTPUT_LIMIT).read_to_end(&mut output);
            // The receiver may have given up.
            let _ = sender.send(read.map(|_| output));
        });
        let began = Instant::now();
        let mut output = None;
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
            if output.is_none() {
                match receiver.recv_timeout(TICK) {
                    Ok(read) => output = Some(read.map_err(TokenError::unavailable)?),
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
                if let Some(output) = output {
                    return Ok(output);
                }
            } else if output.is_some() {
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
