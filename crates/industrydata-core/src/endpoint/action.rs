//! The actions of the industryData API other than a start.

use http::Uri;

use crate::{model::origin::OperationOrigin, wire::base_url::BaseUrl};

/// A POST without a body that changes something at the service and uses no slot. Its constructors are the whole list, so
/// that no action is a start in disguise. [`Perform`](crate::lro::Perform) sends it once.
#[derive(Clone, Debug)]
pub struct Action {
    pub(super) origin: OperationOrigin,
    /// What is asked for, for messages.
    pub(super) subject: &'static str,
    /// What it is done to, for messages.
    pub(super) object: &'static str,
    pub(super) permission: &'static str,
    /// The path below the API. `None` if an id in it is not usable in a path.
    pub(super) path: Option<String>,
}

impl Action {
    /// What it is: the origin of the operation that it creates.
    #[must_use]
    pub const fn origin(&self) -> OperationOrigin {
        self.origin
    }

    /// The least privileged permission that the request needs.
    #[must_use]
    pub const fn permission(&self) -> &'static str {
        self.permission
    }

    pub(crate) const fn subject(&self) -> &'static str {
        self.subject
    }

    pub(crate) const fn object(&self) -> &'static str {
        self.object
    }

    /// The URI of the request. `None` if an id in it is not usable in a path.
    pub(crate) fn uri(&self, base: &BaseUrl) -> Option<Uri> {
        super::path::under(base, self.path.as_deref()?)
    }
}
