//! `completions` and `man`: files for the shell and for `man`, from the definition of the command line.

use std::{fs, path::Path};

use industrydata_core::wire::escape_controls;
use serde::Serialize;

use crate::{
    args::{CompletionsArgs, ManArgs},
    commands::answer::Answer,
    help,
    report::{Document, Kind, Outcome},
};

#[derive(Serialize)]
struct Completions {
    shell: String,
    script: String,
}

#[derive(Serialize)]
struct Pages {
    files: Vec<String>,
}

/// The script with which a shell completes the command line.
pub(super) fn completions(args: &CompletionsArgs) -> Answer {
    let mut command = help::completed();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let report = Completions {
        shell: args.shell.to_string(),
        script: script.clone(),
    };
    Answer::value(&report, script)
}

/// Writes a man page for each command into a folder, which is created.
pub(super) fn man(args: &ManArgs) -> Result<Answer, Box<Document>> {
    let written = fs::create_dir_all(&args.dir)
        .and_then(|()| clap_mangen::generate_to(help::plain(), &args.dir))
        .and_then(|()| pages(&args.dir));
    let files = written.map_err(|error| {
        let message = format!("cannot write man pages to {}: {error}", args.dir.display());
        Document::error(Outcome::Unexpected, Kind::Unexpected, message)
            .advise("name a folder that you may write to")
    })?;
    let text = files
        .iter()
        .map(|file| format!("{}\n", escape_controls(file)))
        .collect();
    Ok(Answer::value(&Pages { files }, text))
}

/// The pages of this program in the folder.
fn pages(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with("industrydata") && name.ends_with(".1")) {
            files.push(path.display().to_string());
        }
    }
    files.sort_unstable();
    Ok(files)
}
