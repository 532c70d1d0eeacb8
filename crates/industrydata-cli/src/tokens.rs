//! Where the access token comes from, before it is known which client will use it.

use std::{
    fmt, fs,
    io::{self, Read},
    path::PathBuf,
};

use industrydata_core::{AccessToken, ClientCredentials, Timestamp, TokenError};

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

/// A file with a token in it, read anew for each fresh token: somebody may rotate it.
#[derive(Clone)]
pub(crate) struct TokenFile {
    path: PathBuf,
    /// The token of a pipe or a terminal, which can be read once only.
    once: Option<AccessToken>,
}

impl TokenFile {
    /// Reads the file, so that one which is missing, empty or no token is told before anything is done.
    pub(crate) fn open(path: PathBuf) -> Result<Self, TokenError> {
        let mut file = Self { path, once: None };
        let token = file.read_file()?;
        let regular = fs::metadata(&file.path).is_ok_and(|meta| meta.is_file());
        file.once = (!regular).then_some(token);
        Ok(file)
    }

    /// The token that stands there now.
    pub(crate) fn read(&self) -> Result<AccessToken, TokenError> {
        match &self.once {
            Some(token) => Ok(token.clone()),
            None => self.read_file(),
        }
    }

    fn read_file(&self) -> Result<AccessToken, TokenError> {
        let path = self.path.display();
        let mut text = String::new();
        fs::File::open(&self.path)
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

    #[test]
    fn a_file_is_read_anew_for_each_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "first\n").unwrap();
        let file = TokenFile::open(path.clone()).unwrap();
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
            let error = TokenFile::open(path.clone()).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(
            TokenFile::open(path)
                .unwrap_err()
                .to_string()
                .contains("not text")
        );
        assert!(TokenFile::open(folder.path().to_owned()).is_err());
    }
}
