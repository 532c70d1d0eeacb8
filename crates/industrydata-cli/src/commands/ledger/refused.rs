//! What is said where nothing could be exported or imported.

use industrydata_core::{ExportError, StoreFault};

use crate::{
    report::{Document, Kind, Outcome},
    verdict,
};

pub(super) fn unexportable(fault: &StoreFault) -> Document {
    match fault {
        StoreFault::Damaged(why) => {
            let message = format!("nothing can be read of the ledger: {why}");
            Document::refusal(Outcome::Ledger, Kind::Ledger, message).advise(
                "look whether --ledger names a ledger; if it does, move it away and run `industrydata quota --reconcile` with a new one for each tenant, before any start",
            )
        }
        StoreFault::Busy
        | StoreFault::Unavailable(_)
        | StoreFault::Newer { .. }
        | StoreFault::Unconfirmed(_)
        | _ => verdict::books(fault),
    }
}

pub(super) fn unimportable(error: &ExportError) -> Document {
    Document::usage(error.to_string()).advise(
        "nothing was imported: give a document of `industrydata ledger export`, as it was written",
    )
}
