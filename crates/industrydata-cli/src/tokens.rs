//! Sources of access tokens, independent of the HTTP client.

use std::{
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::ClientCredentials;
use industrydata_core::auth::TokenError;

use crate::signals::Interrupt;

/// The size limit of a token file, in bytes.
const FILE_LIMIT: u64 = 64 * 1024;

/// A token source, checked as far as that is possible without a request.
#[derive(Clone, Debug)]
pub(crate) enum Tokens {
    /// A token that never changes.
    Fixed(AccessToken),
    /// A file.
    File(TokenFile),
    /// A command that `sh -c` runs.
    Command(String),
    /// The client credentials of an application.
    Credentials(ClientCredentials),
}

/// The time limit of a command, which an interrupt ends early.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    interrupt: Interrupt,
}

/// Why a token file gave no token.
#[derive(Debug)]
pub(crate) enum TokenFileError {
    /// The file cannot be read, or holds no token.
    Token(TokenError),
    /// The time limit passed.
    TimedOut,
    /// The command was interrupted.
    Interrupted,
}

impl Deadline {
    /// The time limit starts now.
    pub(crate) fn new(timeout: Duration, interrupt: &Interrupt) -> Self {
        Self {
            at: Instant::now().checked_add(timeout),
            interrupt: interrupt.clone(),
        }
    }

    /// The time left.
    pub(crate) fn remaining(&self) -> Duration {
        self.at.map_or(Duration::MAX, |at| {
            at.saturating_duration_since(Instant::now())
        })
    }

    /// Runs the work on another thread, and abandons it when the time limit passes: a read of a pipe may never end.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TokenFileError> {
        let (send, done) = mpsc::channel();
        let stop = send.clone();
        self.interrupt.on_stop(move || drop(stop.send(None)));
        thread::Builder::new()
            .name("token file".to_owned())
            .spawn(move || drop(send.send(Some(work()))))
            .map_err(|error| TokenFileError::Token(TokenError::unavailable(error)))?;
        match done.recv_timeout(self.remaining()) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(TokenFileError::Interrupted),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(TokenFileError::TimedOut)
            }
        }
    }
}

/// A file with a token. It is read again for each fresh token, because another program may rotate it.
#[derive(Clone)]
pub(crate) struct TokenFile {
    path: PathBuf,
    deadline: Deadline,
    /// The token of a pipe or a terminal, which can only be read once.
    once: Option<AccessToken>,
}

impl TokenFile {
    /// Reads the file, so that a missing file or an invalid token is reported before anything is sent.
    pub(crate) fn open(path: PathBuf, deadline: &Deadline) -> Result<Self, TokenFileError> {
        let mut file = Self {
            path,
            deadline: deadline.clone(),
            once: None,
        };
        let token = file.read_file()?;
        let regular = fs::metadata(&file.path).is_ok_and(|meta| meta.is_file());
        file.once = (!regular).then_some(token);
        Ok(file)
    }

    /// The token in the file now.
    pub(crate) fn read(&self) -> Result<AccessToken, TokenError> {
        match &self.once {
            Some(token) => Ok(token.clone()),
            None => self.read_file().map_err(|error| match error {
                TokenFileError::Token(error) => error,
                TokenFileError::TimedOut => {
                    TokenError::unavailable("the time limit passed before the token file was read")
                }
                TokenFileError::Interrupted => TokenError::unavailable("interrupted"),
            }),
        }
    }

    fn read_file(&self) -> Result<AccessToken, TokenFileError> {
        let path = self.path.clone();
        self.deadline
            .run(move || read(&path))?
            .map_err(TokenFileError::Token)
    }
}

fn read(path: &Path) -> Result<AccessToken, TokenError> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(FILE_LIMIT).read_to_end(&mut bytes));
    let path = path.display();
    read.map_err(|error| {
        TokenError::Unusable(format!("the token file {path} cannot be read: {error}"))
    })?;
    AccessToken::from_output(&bytes, Timestamp::now())
        .map_err(|error| TokenError::Unusable(format!("the token file {path}: {error}")))
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadline() -> Deadline {
        Deadline::new(Duration::from_secs(60), &Interrupt::default())
    }

    fn refused(path: PathBuf) -> String {
        match TokenFile::open(path, &deadline()).unwrap_err() {
            TokenFileError::Token(error) => error.to_string(),
            TokenFileError::TimedOut | TokenFileError::Interrupted => String::new(),
        }
    }

    #[test]
    fn a_file_is_read_again_for_each_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "first\n").unwrap();
        let file = TokenFile::open(path.clone(), &deadline()).unwrap();
        fs::write(&path, r#"{"accessToken": "second"}"#).unwrap();
        let second = AccessToken::new("second").unwrap();
        assert!(file.read().unwrap().is_same_token(&second));
        fs::remove_file(&path).unwrap();
        assert!(file.read().is_err());
    }

    #[test]
    fn an_error_never_quotes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for bad in [
            "",
            " \n",
            "canary canary",
            "{\"canary\": 1}",
            "canary\ncanary",
        ] {
            fs::write(&path, bad).unwrap();
            let error = refused(path.clone());
            assert!(!error.is_empty() && !error.contains("canary"), "{error}");
        }
        fs::write(&path, [0xff, 0xff]).unwrap();
        assert!(refused(path).contains("not text"));
        assert!(!refused(folder.path().to_owned()).is_empty());
    }
}
