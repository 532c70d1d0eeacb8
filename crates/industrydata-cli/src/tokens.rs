//! Sources of access tokens, independent of the HTTP client.

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
use industrydata_core::auth::CredentialKind;
use industrydata_core::auth::TokenError;

use crate::{signals::Interrupt, terminal};

/// The size limit of a token file, in bytes.
const FILE_LIMIT: u64 = 64 * 1024;
/// How long a token file may be absent, empty or half written, because another program is replacing it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is read meanwhile.
const TICK: Duration = Duration::from_millis(50);

/// A token source, checked as far as that is possible without a request.
#[derive(Clone, Debug)]
pub(crate) enum Tokens {
    /// A token that never changes.
    Fixed(AccessToken),
    /// A file.
    File(TokenFile),
    /// A command that the shell of the system runs.
    Command(String),
    /// A credential of the environment, which is read anew for each exchange.
    Credential(CredentialKind),
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
        let read = file.read_file()?;
        if read.is_readable_by_all {
            terminal::warn(format!(
                "every user of this machine can read the token file {}: run `chmod go= {0}`",
                file.path.display()
            ));
        }
        file.once = (!read.is_regular).then_some(read.token);
        Ok(file)
    }

    /// The token in the file now.
    pub(crate) fn read(&self) -> Result<AccessToken, TokenError> {
        match &self.once {
            Some(token) => Ok(token.clone()),
            None => self
                .read_file()
                .map(|read| read.token)
                .map_err(|error| match error {
                    TokenFileError::Token(error) => error,
                    TokenFileError::TimedOut => TokenError::unavailable(
                        "the time limit passed before the token file was read",
                    ),
                    TokenFileError::Interrupted => TokenError::unavailable("interrupted"),
                }),
        }
    }

    fn read_file(&self) -> Result<FileContent, TokenFileError> {
        let path = self.path.clone();
        let patience = PATIENCE.min(self.deadline.remaining() / 2);
        self.deadline
            .run(move || read(&path, patience))?
            .map_err(TokenFileError::Token)
    }
}

/// What a token file holds.
struct FileContent {
    token: AccessToken,
    is_regular: bool,
    is_readable_by_all: bool,
}

/// Why a token file gave no token, and whether another program may be writing it just now.
struct Unread {
    error: TokenError,
    may_change: bool,
}

/// Reads the file, and again while another program may be writing it.
fn read(path: &Path, patience: Duration) -> Result<FileContent, TokenError> {
    let began = Instant::now();
    loop {
        match read_once(path) {
            Ok(content) => return Ok(content),
            Err(unread) if !unread.may_change || began.elapsed() >= patience => {
                return Err(unread.error);
            }
            Err(_) => thread::sleep(TICK),
        }
    }
}

fn read_once(path: &Path) -> Result<FileContent, Unread> {
    let unusable = |may_change, text: String| Unread {
        error: TokenError::Unusable(format!("the token file {} {text}", path.display())),
        may_change,
    };
    let failed = |error: io::Error| {
        let is_absent = error.kind() == io::ErrorKind::NotFound;
        unusable(is_absent, format!("cannot be read: {error}"))
    };
    let file = fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let is_regular = metadata.is_file();
    let mode = if is_regular { mode(&metadata) } else { 0 };
    if mode & 0o002 != 0 {
        let text = "can be written by every user of this machine: run `chmod o-w` on it, and renew the token";
        return Err(unusable(false, text.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let token = AccessToken::from_output(&bytes, Timestamp::now()).map_err(|error| Unread {
        error: TokenError::Unusable(format!("the token file {}: {error}", path.display())),
        may_change: is_regular,
    })?;
    Ok(FileContent {
        token,
        is_regular,
        is_readable_by_all: mode & 0o004 != 0,
    })
}

/// The permissions of the file.
#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata)
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0
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

    /// Longer than a busy machine takes.
    fn deadline() -> Deadline {
        Deadline::new(Duration::from_secs(60), &Interrupt::default())
    }

    fn refused(path: &Path) -> String {
        let error = read(path, Duration::ZERO).err().unwrap();
        error.to_string()
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
    fn a_file_that_is_being_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        for before in [None, Some(""), Some("{\"accessToken\": \"sec")] {
            let path = folder.path().join("token");
            let _ = fs::remove_file(&path);
            if let Some(text) = before {
                fs::write(&path, text).unwrap();
            }
            let target = path.clone();
            let writer = thread::spawn(move || {
                thread::sleep(Duration::from_millis(300));
                fs::write(target, "{\"accessToken\": \"second\"}").unwrap();
            });
            let file = TokenFile::open(path, &deadline()).unwrap();
            writer.join().unwrap();
            assert!(file.once.is_none());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_is_refused_at_once() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "canary").unwrap();
        for (mode, is_readable_by_all) in [
            (0o600, Some(false)),
            (0o640, Some(false)),
            (0o644, Some(true)),
            (0o604, Some(true)),
            (0o602, None),
            (0o666, None),
            (0o777, None),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let read = read_once(&path);
            if let Err(unread) = &read {
                assert!(!unread.may_change, "{mode:o}");
                assert!(unread.error.to_string().contains("every user"), "{mode:o}");
            }
            let found = read.ok().map(|read| read.is_readable_by_all);
            assert_eq!(found, is_readable_by_all, "{mode:o}");
        }
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
            let error = refused(&path);
            assert!(!error.is_empty() && !error.contains("canary"), "{error}");
        }
        fs::write(&path, [0xff, 0xff]).unwrap();
        assert!(refused(&path).contains("not text"));
        assert!(!refused(folder.path()).is_empty());
    }

    #[test]
    fn a_time_limit_is_no_error_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let open = |deadline: &Deadline| {
            TokenFile::open(folder.path().join("token"), deadline).unwrap_err()
        };
        assert!(matches!(open(&deadline()), TokenFileError::Token(_)));
        let error = open(&Deadline::new(Duration::ZERO, &Interrupt::default()));
        assert!(matches!(error, TokenFileError::TimedOut), "{error:?}");
    }
}
