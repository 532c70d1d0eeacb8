//! `quota --watch`: shows the quota until a signal comes.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use industrydata_core::ledger::Quota;

use crate::{
    commands::{answer::Answer, context::Context},
    report::{Document, Outcome},
    terminal::{self, Unwritten, colour},
};

/// How often the ledger is read.
const READ: Duration = Duration::from_secs(2);

/// Draws what `read` returns in place of what it returned before. Without a terminal, each change of the quota is written.
pub(super) fn run(
    context: Context<'_>,
    read: impl Fn() -> Result<(Quota, String), Box<Document>>,
) -> Result<Answer, Box<Document>> {
    let (mut last, text) = read()?;
    // The picture is the result of this command: after it a signal prints nothing more.
    let interrupted = Answer::Printed {
        exit_code: Outcome::Interrupted.exit_code(),
    };
    if !context.interrupt.claim_output() {
        return Ok(interrupted);
    }
    let target = ProgressDrawTarget::stdout();
    if target.is_hidden() {
        let unwritten = |_| Answer::Printed {
            exit_code: Unwritten::EXIT_CODE,
        };
        let mut is_read = terminal::print_on(&text);
        while let Ok(true) = is_read {
            if context.interrupt.wait_for(READ) {
                return Ok(interrupted);
            }
            let (quota, text) = match read() {
                Ok(read) => read,
                Err(error) => return Ok(failed(&error, context)),
            };
            if differs(&quota, &last) {
                is_read = terminal::print_on(&format!("\n{text}"));
            }
            last = quota;
        }
        // The reader wants no more.
        let ended = Answer::Printed { exit_code: 0 };
        return Ok(is_read.map_or_else(unwritten, |_| ended));
    }
    let style = ProgressStyle::with_template("{msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    let picture = ProgressBar::with_draw_target(None, target).with_style(style);
    picture.set_message(colour::for_stdout(text.trim_end()));
    while !context.interrupt.wait_for(READ) {
        match read() {
            Ok((_, text)) => picture.set_message(colour::for_stdout(text.trim_end())),
            Err(error) => {
                picture.abandon();
                return Ok(failed(&error, context));
            }
        }
    }
    picture.abandon();
    Ok(interrupted)
}

/// Prints the error here: the right to print was claimed.
fn failed(error: &Document, context: Context<'_>) -> Answer {
    Answer::Printed {
        exit_code: Answer::from(error).print(context.output),
    }
}

/// Whether more differs than the time.
fn differs(quota: &Quota, last: &Quota) -> bool {
    let of = |quota: &Quota| {
        (
            (quota.used(), quota.in_doubt(), quota.available()),
            (quota.next_slot_at(), quota.not_before()),
            quota.entries().to_vec(),
        )
    };
    of(quota) != of(last)
}
