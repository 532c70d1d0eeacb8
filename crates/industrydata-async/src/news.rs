//! What the loops hand out.

use std::sync::Arc;

use industrydata_core::lro::Progress;

/// What a wait has to tell.
pub(crate) enum News<T> {
    Progress(Progress),
    Done(Arc<T>),
}
