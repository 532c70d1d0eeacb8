//! The name of a tenant as a setting.

use industrydata_core::Tenant;

use crate::report::Document;

/// The name for a tenant that has none.
pub(crate) fn unnamed() -> Result<Tenant, Box<Document>> {
    parse("default")
}

pub(super) fn parse(name: &str) -> Result<Tenant, Box<Document>> {
    name.parse::<Tenant>()
        .map_err(|error| Document::usage(error.to_string()).into())
}
