//! A fault as data: which requests it is for, and what becomes of their answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault_json::{one, several, several_each};

/// Which requests a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// A start of a run.
    Start,
    /// A read of one operation.
    Operation,
    /// A read of the list of operations.
    Operations,
    /// A read of runs: the list, one run, its statistics, its activities.
    Runs,
    /// A request for a token.
    Token,
    /// Any request but the control paths.
    Any,
}

/// What of an exchange is lost. The connection is closed without one byte of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lose {
    /// The request: the service does not act on it.
    Request,
    /// The answer: the service has acted.
    Answer,
}

/// A scripted fault, written in Rust by its methods or in JSON with their names.
///
/// A fault without a status changes the answer that the service would give. One with a status stands in for it: the
/// service does not act, unless [`Fault::act`] says so or the request is a read and the status a 2xx.
///
/// ```
/// use industrydata_emulator::{Fault, On};
///
/// let lost = Fault::parse(br#"{"on": "start", "lose": "answer"}"#)?;
/// let busy = Fault::on(On::Operation).times(3).status(503).retry_after(7);
/// # assert_eq!(lost.len(), 1);
/// # Ok::<(), industrydata_emulator::BadFault>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub(crate) on: On,
    #[serde(default = "once")]
    pub(crate) times: u32,
    #[serde(default)]
    pub(crate) after: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "several_each"
    )]
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "one"
    )]
    pub(crate) retry_after: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "several"
    )]
    pub(crate) location: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lose: Option<Lose>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stall: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cut_after: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) drip_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) operation_status: Vec<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fail_operation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) date_skew_seconds: Option<i64>,
}

fn once() -> u32 {
    1
}
