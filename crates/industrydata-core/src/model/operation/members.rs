//! The members of an operation, read in one pass.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::wire::{
    json::{Name, Node, Shape},
    rfc3339::rfc3339,
};

/// The members of an operation that are known, as they came.
#[derive(Default)]
pub(super) struct OperationMembers<'a> {
    /// `None` without a member `status`.
    pub(super) status: Option<Node<'a>>,
    pub(super) has_second_status: bool,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) status_detail: Option<Cow<'a, str>>,
    pub(super) resource_location: Option<Cow<'a, str>>,
    pub(super) odata_type: Option<Cow<'a, str>>,
    pub(super) created: Option<Timestamp>,
    pub(super) last_action: Option<Timestamp>,
}

impl<'de: 'a, 'a> Deserialize<'de> for OperationMembers<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

/// The members that are kept of an operation.
const NAMES: &[&str] = &[
    "status",
    "id",
    "statusDetail",
    "resourceLocation",
    "@odata.type",
    "createdDateTime",
    "lastActionDateTime",
];

/// One value; what is nested in it is skipped.
const FLAT: Shape = Shape {
    names: &[],
    depth: 0,
};

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = OperationMembers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an operation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OperationMembers<'de>, A::Error> {
        let mut members = OperationMembers::default();
        while let Some(name) = map.next_key_seed(Name(NAMES))? {
            let Some(name) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let node = map.next_value_seed(FLAT)?;
            if name == "status" {
                members.has_second_status |= members.status.is_some();
                members.status = Some(node);
                continue;
            }
            let text = match node {
                Node::Text(text) => Some(text),
                Node::Null | Node::Number(_) | Node::List(_) | Node::Object(_) | Node::Other => {
                    None
                }
            };
            let time = || rfc3339(text.as_deref()?);
            match name {
                "createdDateTime" => members.created = time(),
                "lastActionDateTime" => members.last_action = time(),
                "id" => members.id = text,
                "statusDetail" => members.status_detail = text,
                "resourceLocation" => members.resource_location = text,
                _ => members.odata_type = text,
            }
        }
        Ok(members)
    }
}
