//! `POST {base}/external/industryData/outboundProvisioningFlowSets/{id}/provisioningFlows/{id}/reset` resets a
//! provisioning flow.
//!
//! - Permission: `IndustryData-OutboundFlow.ReadWrite.All`.
//! - Documentation:
//!   [provisioningFlow: reset](https://learn.microsoft.com/graph/api/industrydata-provisioningflow-reset).
//! - Request: no body, but `content-length: 0`, as for a start.
//! - Answer: `202 Accepted` without a body. No `Location` is documented; if one comes, it is that of an operation.

use crate::{
    endpoint::{action::Action, path::segment},
    model::origin::OperationOrigin,
};

impl Action {
    /// Resets the provisioning flow `flow` of the flow set `flow_set`.
    #[must_use]
    pub fn reset_flow(flow_set: &str, flow: &str) -> Self {
        let path = segment(flow_set).zip(segment(flow));
        Self {
            origin: OperationOrigin::Reset,
            subject: "the reset",
            object: "provisioning flow",
            permission: "IndustryData-OutboundFlow.ReadWrite.All",
            path: path.map(|(set, flow)| {
                format!("/outboundProvisioningFlowSets/{set}/provisioningFlows/{flow}/reset")
            }),
        }
    }
}
