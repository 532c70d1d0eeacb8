//! What is wrong with a document that is to be imported.

/// Why a document cannot be taken for an export of a ledger. Nothing was changed by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// Not a document of this kind.
    #[error("this is no export of a ledger: {0}")]
    NotOne(String),
    /// Written by a newer release.
    #[error(
        "the export was written by a newer release (version {found}, this one reads up to {known}): update this program"
    )]
    Newer {
        /// The version found.
        found: u64,
        /// The newest version this release reads.
        known: u64,
    },
    /// Altered since it was written.
    #[error(
        "the export was altered since it was written, its checksum does not match: export anew"
    )]
    Checksum,
}
