//! Runs cargo, and the programs of the workspace.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use crate::Failure;

/// The arguments of every build of the whole workspace. As long as all steps ask for the same packages and features,
/// dependencies are compiled once.
pub(crate) const WHOLE: [&str; 4] = [
    "--locked",
    "--workspace",
    "--features",
    "industrydata-ledger/postgres,industrydata-async/azure-identity,industrydata-core/serde",
];

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// A cargo command in the workspace's folder.
pub(crate) fn cargo<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    without_own(&mut command);
    command
}

/// A command of git in the workspace's folder.
pub(crate) fn git<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(root());
    command
}

/// Removes from a command's environment what `cargo run` has set for this program.
pub(crate) fn without_own(command: &mut Command) {
    let own = env::vars_os().map(|(name, _)| name);
    for name in own.filter(|name| name.to_string_lossy().starts_with("CARGO_PKG_")) {
        command.env_remove(name);
    }
    command.env_remove("CARGO_MANIFEST_DIR");
    command.env_remove("CARGO_MANIFEST_PATH");
}

/// Runs cargo and shows its output.
pub(crate) fn run<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Result<(), Failure> {
    show(&mut cargo(arguments))
}

/// Prints a command, runs it and shows its output. Anything but success is an error.
pub(crate) fn show(command: &mut Command) -> Result<(), Failure> {
    // Not on stdout: the caller may save what the command prints there.
    eprintln!("+ {}", words(command));
    let status = command.status()?;
    succeeded(command, status)
}

/// Runs a command and returns its standard output.
pub(crate) fn read(command: &mut Command) -> Result<String, Failure> {
    let output = command.stderr(Stdio::inherit()).output()?;
    succeeded(command, output.status)?;
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether a command can be run and succeeds. Its output is dropped.
pub(crate) fn works(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Builds programs of the workspace, by default in the development profile, and returns the command that runs the first.
pub(crate) fn program(names: &[&str], profile: Option<&str>) -> Result<Command, Failure> {
    let name = names.first().ok_or("no program is named")?;
    let mut build = cargo(["build", "--quiet"]);
    build.args(WHOLE);
    build.args(names.iter().flat_map(|name| ["--bin", name]));
    if let Some(profile) = profile {
        build.args(["--profile", profile]);
    }
    let status = build.status()?;
    succeeded(&build, status)?;
    built(name, profile.unwrap_or("debug"))
}

/// The command that runs a built program. `folder` is that of its profile.
pub(crate) fn built(name: &str, folder: &str) -> Result<Command, Failure> {
    let mut command = Command::new(target()?.join(folder).join(name));
    command.current_dir(root());
    without_own(&mut command);
    Ok(command)
}

/// The target folder. This program is in the folder of its profile.
pub(crate) fn target() -> Result<PathBuf, Failure> {
    let this = env::current_exe()?;
    let target = this.parent().and_then(Path::parent);
    Ok(target
        .ok_or("this program is in no target folder")?
        .to_owned())
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    Err(format!("`{}` ended with {status}", words(command)).into())
}

/// A command as a user would type it, with the program's name instead of its path.
fn words(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    words.join(" ")
}
