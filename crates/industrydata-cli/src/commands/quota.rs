//! `quota`: what the books say. Nobody is asked, and no token is needed.

use std::time::Duration;

use industrydata_core::{BooksKey, Change, Store, Throttle};

use crate::{
    args::Global,
    commands::{Answer, Context, follow},
    report::{Document, Kind, Outcome},
    settings,
};

/// How long another holder of the books may be waited for.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(global: &Global, context: Context<'_>) -> Result<Answer, Box<Document>> {
    let env = context.env;
    let base = settings::base(global, env)?;
    let tenant = settings::tenant(global, env)?;
    settings::token_options(global)?;
    settings::ledger_is_path(global, env)?;
    let books = settings::books(global, env, PATIENCE)?;
    follow::warn_if_forgetful(&books);
    let change = Change::read(BooksKey::new(&base, &tenant), Throttle::default());
    let verdict = books.transact(&change).map_err(|fault| {
        Document::refusal(Outcome::Ledger, Kind::Ledger, fault.to_string())
            .advise("mend the ledger as its message says, or name another with --ledger")
    })?;
    let whose = format!("tenant {tenant} at {base}");
    Ok(Answer::Quota(Box::new(verdict.quota().clone()), whose))
}
