//! The service's types as serde reads and writes them, with the service's names: the feature `serde`.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Map, Value};

use crate::model::{
    activity::{ActivityStatus, RunActivity},
    members::Members,
    operation::Operation,
    others::Others,
    public_error::PublicError,
    run::{IndustryDataRun, RunStatus},
    statistics::{ActivityStatistics, AggregatedInboundStatistics, RoleCount, RunStatistics},
    status::OperationStatus,
};
use crate::policy::{MAX_BODY_DEPTH, MAX_OPERATION_DEPTH};
use crate::wire::{
    body_error::BodyError, json::Node, redact::Redaction, service_error::detail::ErrorDetail,
};

/// An object of any members.
struct Object {
    members: Map<String, Value>,
    /// Whether it has two members `status`: an operation of which that is true is refused.
    has_two_statuses: bool,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut read: A) -> Result<Object, A::Error> {
                let mut members = Map::new();
                let mut has_two_statuses = false;
                while let Some((name, value)) = read.next_entry::<String, Value>()? {
                    has_two_statuses |= name == "status" && members.contains_key(&name);
                    members.insert(name, value);
                }
                Ok(Object {
                    members,
                    has_two_statuses,
                })
            }
        }
        reader.deserialize_map(Whole)
    }
}

/// Reads an object as an answer of the service is read, and with the same errors.
fn read<'de, D: Deserializer<'de>, T>(
    reader: D,
    names: &'static [&'static str],
    depth: usize,
    read: impl FnOnce(Members<'_, '_>) -> Result<T, BodyError>,
) -> Result<T, D::Error> {
    let object = Object::deserialize(reader)?;
    if object.has_two_statuses {
        return Err(D::Error::custom(BodyError::DuplicateKey));
    }
    let whole = Value::Object(object.members);
    let node = Node::of_value(&whole, names, depth);
    let members = node
        .as_ref()
        .and_then(|node| Members::of(node, Redaction::of(None)));
    let members = members.ok_or_else(|| D::Error::custom(BodyError::NotAnObject))?;
    read(members.with_whole(Some(&whole))).map_err(D::Error::custom)
}

macro_rules! read_as_an_answer {
    ($name:ty, $names:expr, $depth:expr, $read:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                read(reader, $names, $depth, $read)
            }
        }
    };
}

read_as_an_answer!(Operation, Self::NAMES, MAX_OPERATION_DEPTH, |it| {
    Self::checked(&it)
});
read_as_an_answer!(IndustryDataRun, Self::NAMES, MAX_BODY_DEPTH, |it| Self::of(
    &it
));
read_as_an_answer!(RunActivity, Self::NAMES, MAX_BODY_DEPTH, |it| Self::of(&it));
read_as_an_answer!(RunStatistics, Self::NAMES, MAX_BODY_DEPTH, |it| Self::of(
    &it
));
read_as_an_answer!(
    AggregatedInboundStatistics,
    RunStatistics::NAMES,
    MAX_BODY_DEPTH,
    |it| Ok(Self::of(&it))
);
read_as_an_answer!(
    ActivityStatistics,
    RunStatistics::NAMES,
    MAX_BODY_DEPTH,
    |it| Self::of(&it).ok_or(BodyError::MissingMember("activityId"))
);
read_as_an_answer!(
    PublicError,
    IndustryDataRun::NAMES,
    MAX_OPERATION_DEPTH,
    |it| Ok(Self::of(&it))
);

macro_rules! as_the_service_spells_it {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                let text = String::deserialize(reader)?;
                Ok(Self::known(&text).unwrap_or(Self::Other(text)))
            }
        }
    )*};
}

as_the_service_spells_it!(OperationStatus, RunStatus, ActivityStatus);

impl Serialize for PublicError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Document<'e> {
            code: Option<&'e str>,
            message: Option<&'e str>,
            target: Option<&'e str>,
            details: &'e [ErrorDetail],
            #[serde(skip_serializing_if = "Option::is_none")]
            inner_error: Option<InnerError<'e>>,
            #[serde(flatten)]
            others: &'e Others,
        }
        let document = Document {
            code: self.code(),
            message: self.message(),
            target: self.target(),
            details: self.details(),
            inner_error: InnerError::of(self.inner_codes()),
            others: self.others(),
        };
        document.serialize(serializer)
    }
}

/// A chain of inner errors, of which the codes are known.
struct InnerError<'e> {
    code: &'e str,
    inner: &'e [String],
}

impl<'e> InnerError<'e> {
    fn of(codes: &'e [String]) -> Option<Self> {
        let (code, inner) = codes.split_first()?;
        Some(Self { code, inner })
    }
}

impl Serialize for InnerError<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("code", self.code)?;
        if let Some(inner) = Self::of(self.inner) {
            members.serialize_entry("innerError", &inner)?;
        }
        members.end()
    }
}

impl Serialize for RunStatistics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Document<'s> {
            run_id: Option<&'s str>,
            status: &'s RunStatus,
            inbound_totals: Option<&'s AggregatedInboundStatistics>,
            /// An item that was not an activity is `null`, which is none either.
            activity_statistics: Vec<Option<&'s ActivityStatistics>>,
            #[serde(flatten)]
            others: &'s Others,
        }
        let activities = self.activities().iter().map(Some);
        let document = Document {
            run_id: self.run_id(),
            status: self.status(),
            inbound_totals: self.inbound_totals(),
            activity_statistics: activities
                .chain(std::iter::repeat_n(None, self.unrecognised()))
                .collect(),
            others: self.others(),
        };
        document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RoleCount {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        read(reader, RunStatistics::NAMES, MAX_BODY_DEPTH, |it| {
            Ok(Self::of(&it))
        })
    }
}
