//! Where the access token comes from, before it is known which client will use it.

use std::{
    fmt, fs,
    io::{self, Read},
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

/// The longest token file read, in bytes.
const FILE_LIMIT: u64 = 64 * 1024;

/// A source of tokens, checked as far as it can be without asking anybody.
#[derive(Clone, Debug)]
pub(crate) enum Tokens {
    /// One token that stays.
    Fixed(AccessToken),
    /// A file.
    File(TokenFile),
    /// A command for `sh -c`.
    Command(String),
    /// An application's own credentials.
    Credentials(ClientCredentials),
}

/// How long the command may take, and what ends it earlier.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    until: Option<Instant>,
    interrupt: Interrupt,
}

/// Why there is no token from a file.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It has none.
    Token(TokenError),
    /// The time limit passed first.
    Late,
    /// The first signal came.
    Interrupted,
}

impl Patience {
    /// Counts from now.
    pub(crate) fn new(timeout: Duration, interrupt: &Interrupt) -> Self {
        Self {
            until: Instant::now().checked_add(timeout),
            interrupt: interrupt.clone(),
        }
    }

    /// The time that is left.
    pub(crate) fn left(&self) -> Duration {
        self.until.map_or(Duration::MAX, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// Does the work on a thread of its own, which is left alone if it does not end in time: a pipe may never be
    /// written to.
    fn within<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unread> {
        let (send, done) = mpsc::channel();
        let stop = send.clone();
        self.interrupt.on_stop(move || drop(stop.send(None)));
        thread::Builder::new()
            .name("token file".to_owned())
            .spawn(move || drop(send.send(Some(work()))))
            .map_err(|error| Unread::Token(TokenError::unavailable(error)))?;
        match done.recv_timeout(self.left()) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(Unread::Interrupted),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(Unread::Late),
        }
    }
}

/// A file with a token in it, read anew for each fresh token: somebody may rotate it.
#[derive(Clone)]
pub(crate) struct TokenFile {
    path: PathBuf,
    patience: Patience,
    /// The token of a pipe or a terminal, which can be read once only.
    once: Option<AccessToken>,
}

impl TokenFile {
    /// Reads the file, so that one which is missing, empty or no token is told before anything is done.
    pub(crate) fn open(path: PathBuf, patience: &Patience) -> Result<Self, Unread> {
        let mut file = Self {
            path,
            patience: patience.clone(),
            once: None,
        };
        let token = file.read_file()?;
        let regular = fs::metadata(&file.path).is_ok_and(|meta| meta.is_file());
        file.once = (!regular).then_some(token);
        Ok(file)
    }

    /// The token that stands there now.
    pub(crate) fn read(&self) -> Result<AccessToken, TokenError> {
        match &self.once {
            Some(token) => Ok(token.clone()),
            None => self.read_file().map_err(|unread| match unread {
                Unread::Token(error) => error,
                Unread::Late => {
                    TokenError::unavailable("the time limit passed before the token file was read")
                }
                Unread::Interrupted => TokenError::unavailable("interrupted"),
            }),
        }
    }

    fn read_file(&self) -> Result<AccessToken, Unread> {
        let path = self.path.clone();
        self.patience
            .within(move || read(&path))?
            .map_err(Unread::Token)
    }
}

fn read(path: &Path) -> Result<AccessToken, TokenError> {
    let mut text = String::new();
    let opened = fs::File::open(path);
    let path = path.display();
    opened
        .and_then(|file| file.take(FILE_LIMIT).read_to_string(&mut text))
        .map_err(|error| {
            let what = if error.kind() == io::ErrorKind::InvalidData {
                "is not text".to_owned()
            } else {
                format!("cannot be read: {error}")
            };
            TokenError::Unusable(format!("the token file {path} {what}"))
        })?;
    AccessToken::from_output(&text, Timestamp::now())
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

    fn patience() -> Patience {
        Patience::new(Duration::from_secs(60), &Interrupt::default())
    }

    fn refused(path: PathBuf) -> String {
        match TokenFile::open(path, &patience()).unwrap_err() {
            Unread::Token(error) => error.to_string(),
            Unread::Late | Unread::Interrupted => String::new(),
        }
    }

    #[test]
    fn a_file_is_read_anew_for_each_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "first\n").unwrap();
        let file = TokenFile::open(path.clone(), &patience()).unwrap();
        fs::write(&path, r#"{"accessToken": "second"}"#).unwrap();
        let second = AccessToken::new("second").unwrap();
        assert!(file.read().unwrap().is_same_token(&second));
        fs::remove_file(&path).unwrap();
        assert!(file.read().is_err());
    }

    #[test]
    fn what_is_no_token_is_told_without_its_text() {
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
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(refused(path).contains("not text"));
        assert!(!refused(folder.path().to_owned()).is_empty());
    }
}
