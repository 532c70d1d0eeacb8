//! `ledger export` and `ledger import`: all books as one document, out of a ledger and into another. Nobody is asked, and
//! no token is needed.

mod file;
mod refused;

use std::{path::Path, time::Duration};

use industrydata_core::{LedgerExport, Store, escape_controls};
use industrydata_ledger::Books;
use serde::Serialize;
use serde_json::{Value, json};

use self::{
    file::{STANDARD, inner, read, write},
    refused::{unexportable, unimportable},
};
use crate::{
    args::{Global, LedgerCommand, Output},
    commands::{Answer, Context, follow},
    human,
    report::{Document, Kind, Outcome},
    settings, verdict,
};

/// How long another holder of the books may be waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The document of every command, and beside it what was exported or imported.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    document: Document,
    ledger: Option<LedgerReport>,
}

/// What went over, and what did not.
#[derive(Serialize)]
struct LedgerReport {
    /// `null` for standard input and output.
    file: Option<String>,
    exported_at: String,
    books: usize,
    entries: usize,
    /// Entries that the import brought or altered; `null` after an export.
    changed: Option<usize>,
    whole: bool,
    damage: Vec<Value>,
    /// The export itself, where it was to go to standard output.
    export: Option<Value>,
}

pub(super) fn run(
    global: &Global,
    command: &LedgerCommand,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    settings::ledger_is_path(global, context.env)?;
    let answer = match command {
        LedgerCommand::Export { file } => export(global, file, context),
        LedgerCommand::Import { file } => import(global, file, context),
    };
    // The key stands in every answer of the command.
    answer.or_else(|document| Ok(answer_of(*document, None, String::new())))
}

fn export(global: &Global, file: &Path, context: Context<'_>) -> Result<Answer, Box<Document>> {
    let books = open(global, context)?;
    let is_standard = file == Path::new(STANDARD);
    if !is_standard && file.symlink_metadata().is_ok() {
        let message = format!(
            "{} is there already, and is not written over",
            file.display()
        );
        return Err(Document::usage(message)
            .advise("name a file that is not there yet")
            .into());
    }
    let export = books.export().map_err(|fault| unexportable(&fault))?;
    let text = export.to_json();
    if !is_standard {
        write(file, &text).map_err(|error| {
            let message = format!("{} cannot be written: {error}", file.display());
            Document::usage(message).advise("name a file in a folder that can be written to")
        })?;
    }
    let damage = damage(&export);
    let mut document = good();
    if !export.is_whole() {
        let message = format!(
            "the ledger is damaged, and is exported so far as it can be read: {}",
            said(&damage)
        );
        document = Document::refusal(Outcome::Ledger, Kind::Ledger, message).advise(ADVICE);
    } else if export.books().is_empty() {
        human::tell("warning: the ledger has no books: look whether --ledger names the right one");
    }
    let mut report = LedgerReport::new(file, &export, damage);
    let told = format!("exported {}\n", summary(&report));
    if is_standard && context.output == Output::Json {
        report.export = serde_json::from_str(&text).ok();
    }
    if !is_standard {
        return Ok(answer_of(document, Some(report), told));
    }
    context.progress(told.trim_end());
    Ok(answer_of(document, Some(report), text))
}

fn import(global: &Global, file: &Path, context: Context<'_>) -> Result<Answer, Box<Document>> {
    // All of the document is checked before any book is opened.
    let text = read(file).map_err(|error| {
        let message = format!("{} cannot be read: {error}", file.display());
        Document::usage(message).advise("name a file that `industrydata ledger export` wrote")
    })?;
    let export = LedgerExport::from_json(&inner(text)).map_err(|error| unimportable(&error))?;
    let books = open(global, context)?;
    let changed = books.import(&export).map_err(|fault| {
        verdict::books(&fault).advise(
            "mend the ledger as its message says, or name another with --ledger; then import again: what was taken over stands, and is not taken over twice",
        )
    })?;
    let damage = damage(&export);
    if !export.is_whole() {
        human::tell(format!(
            "warning: the ledger was damaged when it was exported: {}",
            escape_controls(&said(&damage))
        ));
        human::tell(format!("warning: {DOUBTS}"));
    }
    let mut report = LedgerReport::new(file, &export, damage);
    report.changed = Some(changed);
    let told = format!(
        "imported {}, {changed} entries new or altered\n",
        summary(&report)
    );
    Ok(answer_of(good(), Some(report), told))
}

/// What to do with the export of a damaged ledger.
const ADVICE: &str = "import it into a new ledger: five starts in doubt stand for the books of each tenant named here, so that no start too many is let through; `industrydata quota --reconcile` resolves them half an hour later, else they end with the window";
/// What to know of a ledger into which such an export was imported.
const DOUBTS: &str = "five starts in doubt stand for the books of each tenant named: `industrydata quota --reconcile` resolves them from half an hour after the export on, else they end with the window; a tenant whose name could not be read has no books now: reconcile them before its next start";

impl LedgerReport {
    fn new(file: &Path, export: &LedgerExport, damage: Vec<Value>) -> Self {
        let is_standard = file == Path::new(STANDARD);
        Self {
            file: (!is_standard).then(|| file.display().to_string()),
            exported_at: export.exported_at().to_string(),
            books: export.books().len(),
            entries: export.books().iter().map(|it| it.entries().len()).sum(),
            changed: None,
            whole: export.is_whole(),
            damage,
            export: None,
        }
    }
}

fn open(global: &Global, context: Context<'_>) -> Result<Books, Box<Document>> {
    let books = settings::books(global, context.env, PATIENCE).map_err(|mut document| {
        if let Some(error) = &mut document.error {
            // No start was to be made.
            error.message = error.message.replace("no start without books: ", "");
        }
        document
    })?;
    if books.is_forgetful() {
        follow::warn_if_forgetful(&books);
    }
    Ok(books)
}

fn answer_of(document: Document, ledger: Option<LedgerReport>, text: String) -> Answer {
    let code = document.outcome.exit_code();
    let told = human::error(&document);
    let report = Report { document, ledger };
    // Strings and numbers are always JSON.
    let json = serde_json::to_string(&report).unwrap_or_default();
    Answer::Whole {
        json: format!("{json}\n"),
        text,
        told,
        code,
    }
}

fn good() -> Document {
    Document {
        outcome: Outcome::Succeeded,
        operation: None,
        quota: None,
        error: None,
        followed: None,
    }
}

fn summary(report: &LedgerReport) -> String {
    let standard = if report.changed.is_some() {
        "standard input"
    } else {
        "standard output"
    };
    let file = report.file.as_deref().unwrap_or(standard);
    let starts = counted(report.entries, "start", "starts");
    let books = counted(report.books, "set of books", "sets of books");
    format!("{starts} in {books} ({file})")
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// What is damaged, the ledger as a whole first.
fn damage(export: &LedgerExport) -> Vec<Value> {
    let whole = export.damage().iter();
    let whole = whole.map(|why| json!({ "base": null, "tenant": null, "why": why }));
    let books = export.books().iter().filter_map(|books| {
        let (key, why) = (books.key(), books.damage()?);
        Some(json!({ "base": key.base(), "tenant": key.tenant(), "why": why }))
    });
    whole.chain(books).collect()
}

fn said(damage: &[Value]) -> String {
    let parts = damage.iter().map(|it| {
        let text = |key: &str| it.get(key).and_then(Value::as_str);
        let why = text("why").unwrap_or_default();
        match text("tenant").zip(text("base")) {
            Some((tenant, base)) => format!("tenant {tenant} at {base}: {why}"),
            None => why.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("; ")
}
