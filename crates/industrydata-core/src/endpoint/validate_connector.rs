//! `POST {base}/external/industryData/dataConnectors/{id}/validate` validates the files of a data connector.
//!
//! - Permission: `IndustryData-DataConnector.Upload`, or `IndustryData-DataConnector.ReadWrite.All`.
//! - Documentation:
//!   [industryDataConnector: validate](https://learn.microsoft.com/graph/api/industrydata-industrydataconnector-validate).
//! - Request: no body, but `content-length: 0`, as for a start.
//! - Answer: `202 Accepted` without a body. Its `Location` is the URL of a
//!   [fileValidateOperation](https://learn.microsoft.com/graph/api/resources/industrydata-filevalidateoperation).

use crate::{
    endpoint::{action::Action, path::segment},
    model::origin::OperationOrigin,
};

impl Action {
    /// Validates the uploaded files of the data connector `connector`, and ends its upload session.
    #[must_use]
    pub fn validate(connector: &str) -> Self {
        Self {
            origin: OperationOrigin::Validation,
            subject: "the validation",
            object: "data connector",
            permission: "IndustryData-DataConnector.Upload",
            path: segment(connector).map(|id| format!("/dataConnectors/{id}/validate")),
        }
    }
}
