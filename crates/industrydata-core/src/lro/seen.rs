//! The operation as a poll last saw it, whole or packed.

use std::sync::Arc;

use crate::{
    model::operation::{Operation, packed::PackedOperation},
    wire::location::OperationUrl,
};

/// The operation as of the last poll that returned it. A poll that waits among many keeps it packed.
#[derive(Debug, Default)]
pub(super) enum Seen {
    #[default]
    Nothing,
    Whole(Arc<Operation>),
    Packed(PackedOperation),
}

impl Seen {
    /// The operation, unless there is none or it is packed.
    pub(super) const fn whole(&self) -> Option<&Arc<Operation>> {
        match self {
            Self::Whole(operation) => Some(operation),
            Self::Nothing | Self::Packed(_) => None,
        }
    }

    /// What `look` finds in the operation, packed or not.
    pub(super) fn read<T>(
        &self,
        url: &OperationUrl,
        look: impl FnOnce(&Operation) -> T,
    ) -> Option<T> {
        match self {
            Self::Nothing => None,
            Self::Whole(operation) => Some(look(operation)),
            Self::Packed(packed) => packed.unpack(url.operation_id()).as_ref().map(look),
        }
    }

    /// Packs the operation, if it has only what is usual.
    pub(super) fn pack(&mut self, url: &OperationUrl) {
        if let Some(packed) = self.whole().and_then(|it| it.pack(url.operation_id())) {
            *self = Self::Packed(packed);
        }
    }

    pub(super) fn unpack(&mut self, url: &OperationUrl) {
        if let Self::Packed(packed) = self {
            let operation = packed.unpack(url.operation_id());
            *self = operation.map_or(Self::Nothing, |it| Self::Whole(Arc::new(it)));
        }
    }
}
