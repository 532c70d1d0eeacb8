//! What the emulated platforms and issuers keep: assertions, the ids of those that were used, and tokens of identities.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::bounded::push_bounded;

/// How many assertions, and how many ids of used ones, are kept at least.
const KEPT: usize = 1024;

/// A token that a platform gives again until half of its life is over.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) token: String,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    /// When the platform asks for another one.
    pub(crate) renewed: Timestamp,
}

/// The memory of the platforms and issuers.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    /// The secret of `IDENTITY_HEADER`.
    pub(crate) identity_header: String,
    /// The tokens of the identities, by the object id and the resource.
    pub(crate) kept: BTreeMap<(String, String), Kept>,
    assertions: Vec<String>,
    used: Vec<String>,
}

impl Issued {
    pub(crate) fn new(identity_header: &str) -> Self {
        Self {
            identity_header: identity_header.to_owned(),
            kept: BTreeMap::new(),
            assertions: Vec::new(),
            used: Vec::new(),
        }
    }

    /// Remembers an assertion that was issued.
    pub(crate) fn add(&mut self, assertion: String) {
        push_bounded(&mut self.assertions, assertion, KEPT);
    }

    /// Whether this assertion was issued, letter by letter.
    pub(crate) fn has(&self, assertion: &str) -> bool {
        self.assertions.iter().any(|it| it == assertion)
    }

    /// Marks the id of an assertion as used. False if it was.
    pub(crate) fn mark_used(&mut self, id: &str) -> bool {
        let is_new = self.used.iter().all(|it| it != id);
        if is_new {
            push_bounded(&mut self.used, id.to_owned(), KEPT);
        }
        is_new
    }
}
