//! The members of an operation, read in one pass.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{BodyError, Operation};
use crate::{
    json::{Name, Node, Shape},
    rfc3339::rfc3339,
    status::OperationStatus,
};

/// The members of an operation that are known, as they came.
#[derive(Default)]
pub(super) struct Members<'a> {
    /// `None` without a member `status`.
    status: Option<Node<'a>>,
    has_second_status: bool,
    id: Option<Cow<'a, str>>,
    status_detail: Option<Cow<'a, str>>,
    resource_location: Option<Cow<'a, str>>,
    odata_type: Option<Cow<'a, str>>,
    created: Option<Timestamp>,
    last_action: Option<Timestamp>,
}

impl Members<'_> {
    pub(super) fn operation(self) -> Result<Operation, BodyError> {
        if self.has_second_status {
            return Err(BodyError::DuplicateKey);
        }
        let status = match self.status {
            Some(Node::Text(status)) => OperationStatus::from(status),
            Some(Node::Null) | None => return Err(BodyError::MissingStatus),
            Some(Node::Number(_) | Node::List(_) | Node::Object(_) | Node::Other) => {
                return Err(BodyError::InvalidStatus);
            }
        };
        Ok(Operation {
            status,
            id: self.id.map(Cow::into_owned),
            status_detail: self.status_detail.map(Cow::into_owned),
            resource_location: self.resource_location.map(Cow::into_owned),
            odata_type: self.odata_type.map(Cow::into_owned),
            created: self.created,
            last_action: self.last_action,
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
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
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an operation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
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
