//! How Microsoft Graph writes responses: their headers, error bodies and pages of lists.

pub(crate) mod page;
pub(crate) mod response;
