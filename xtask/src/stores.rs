//! The database servers of the tests, and the environment that names them.

use std::{ffi::OsString, fs, process::Command};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::{Failure, cargo, postgres::Server};

/// The servers, for as long as tests run.
pub(crate) struct Stores {
    postgres: Server,
    folder: TempDir,
}

impl Stores {
    /// Starts the servers that the stores need. If one cannot be started, the tests fail instead of being left out.
    pub(crate) fn start() -> Result<Self, Failure> {
        let authority = authority("industrydata test authority")?;
        let key = KeyPair::generate()?;
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)?.signed_by(&key, &authority)?;
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("ca.pem"), authority.pem())?;
        fs::write(
            folder.path().join("other.pem"),
            self::authority("another")?.pem(),
        )?;
        let files = [
            ("server.crt", certificate.pem()),
            ("server.key", key.serialize_pem()),
        ];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let postgres = Server::start(&files, &["ssl=on"])?;
        Ok(Self { postgres, folder })
    }

    /// Their names and versions.
    pub(crate) fn about(&self) -> String {
        self.postgres.about()
    }

    /// Puts the servers' addresses into a command's environment.
    pub(crate) fn tell(&self, tests: &mut Command) {
        tests.env("INDUSTRYDATA_TEST_POSTGRES", self.postgres.url());
        tests.env(
            "INDUSTRYDATA_TEST_POSTGRES_CERTIFICATES",
            self.folder.path(),
        );
    }
}

/// Runs a command with the servers up.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let (program, rest) = arguments
        .split_first()
        .ok_or("stores takes a command to run")?;
    let stores = Stores::start()?;
    let mut command = Command::new(program);
    stores.tell(command.args(rest));
    cargo::show(&mut command)
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, Failure> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}
