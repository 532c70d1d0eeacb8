//! An operation in few bytes, for a process that waits for very many.

use std::fmt;

use jiff::Timestamp;

use crate::model::{operation::Operation, others::Others, status::OperationStatus};

/// The type of a start's operation.
const USUAL_TYPE: &str = "#microsoft.graph.longRunningOperation";

/// Present in the bytes, each followed by what it names, in this order.
const TYPE: u8 = 1;
const DETAIL: u8 = 2;
const RESOURCE: u8 = 4;
const CREATED: u8 = 8;
const LAST_ACTION: u8 = 16;
const ID: u8 = 32;
/// Known from elsewhere: the id of the URL, and the usual type.
const SAME_ID: u8 = 64;
const IS_USUAL: u8 = 128;

/// An [`Operation`] in one allocation: about 35 bytes for the usual one, in place of about 330.
pub(crate) struct PackedOperation(Box<[u8]>);

impl fmt::Debug for PackedOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackedOperation({} bytes)", self.0.len())
    }
}

impl Operation {
    /// The operation without the `id` that its reader knows. `None` if it has what is unusual while it runs: findings of a
    /// validation, or members that this release does not know whose values are not text.
    pub(crate) fn pack(&self, id: &str) -> Option<PackedOperation> {
        let has_findings = !(self.errors.is_empty()
            && self.warnings.is_empty()
            && self.validated_files.is_empty());
        let others = self.others.texts().filter(|_| !has_findings)?;
        let mut bytes = vec![0];
        let mut flags = 0;
        put(&mut bytes, self.status.as_str())?;
        let kind = self.odata_type();
        if kind == Some(USUAL_TYPE) {
            flags |= IS_USUAL;
        }
        let own_id = self.id();
        if own_id == Some(id) {
            flags |= SAME_ID;
        }
        for (flag, text) in [
            (TYPE, kind.filter(|_| flags & IS_USUAL == 0)),
            (DETAIL, self.status_detail()),
            (RESOURCE, self.resource_location()),
            (ID, own_id.filter(|_| flags & SAME_ID == 0)),
        ] {
            if let Some(text) = text {
                flags |= flag;
                put(&mut bytes, text)?;
            }
        }
        for (flag, time) in [(CREATED, self.created), (LAST_ACTION, self.last_action)] {
            if let Some(time) = time {
                flags |= flag;
                bytes.extend_from_slice(&time.as_second().to_le_bytes());
                bytes.extend_from_slice(&time.subsec_nanosecond().to_le_bytes());
            }
        }
        for (name, value) in others {
            put(&mut bytes, name)?;
            put(&mut bytes, value)?;
        }
        if let Some(first) = bytes.first_mut() {
            *first = flags;
        }
        Some(PackedOperation(bytes.into_boxed_slice()))
    }
}

/// Adds a text with its length. `None` if it is longer than any body that is read.
fn put(bytes: &mut Vec<u8>, text: &str) -> Option<()> {
    bytes.extend_from_slice(&u32::try_from(text.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    Some(())
}

impl PackedOperation {
    /// The operation, with the `id` that it was packed with. `None` for bytes that [`Operation::pack`] did not make.
    pub(crate) fn unpack(&self, id: &str) -> Option<Operation> {
        let mut rest = Rest(&self.0);
        let [flags] = rest.array()?;
        let has = |flag| flags & flag != 0;
        let status = rest.text()?;
        let mut text = |flag| {
            let text = has(flag).then(|| rest.text().map(str::to_owned));
            text.map_or(Some(None), |text| text.map(Some))
        };
        let (kind, detail, resource, own_id) =
            (text(TYPE)?, text(DETAIL)?, text(RESOURCE)?, text(ID)?);
        let kind = kind.or_else(|| has(IS_USUAL).then(|| USUAL_TYPE.to_owned()));
        let mut time = |flag| has(flag).then(|| rest.time());
        let (created, last_action) = (time(CREATED), time(LAST_ACTION));
        let mut others = Vec::new();
        while !rest.0.is_empty() {
            others.push((rest.text()?, rest.text()?));
        }
        Some(Operation {
            status: OperationStatus::known(status)
                .unwrap_or_else(|| OperationStatus::Other(status.to_owned())),
            id: own_id.or_else(|| has(SAME_ID).then(|| id.to_owned())),
            status_detail: detail,
            resource_location: resource,
            odata_type: kind.map(Into::into),
            created: created.flatten(),
            last_action: last_action.flatten(),
            errors: Vec::new(),
            warnings: Vec::new(),
            validated_files: Vec::new(),
            others: Others::of_texts(others),
        })
    }
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        str::from_utf8(text).ok()
    }

    fn time(&mut self) -> Option<Timestamp> {
        let second = i64::from_le_bytes(self.array()?);
        Timestamp::new(second, i32::from_le_bytes(self.array()?)).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};

    use super::*;

    fn time() -> impl Strategy<Value = Option<Timestamp>> {
        let nanosecond = Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond();
        option::of(nanosecond.prop_map(|it| Timestamp::from_nanosecond(it).unwrap()))
    }

    fn operations() -> impl Strategy<Value = Operation> {
        let statuses = prop_oneof!["running", "notStarted", "succeeded", "failed", ".{0,9}"];
        let types = prop_oneof![Just(USUAL_TYPE.to_owned()), ".{0,9}"];
        let texts = (
            option::of("[ab]{0,2}"),
            option::of(".{0,300}"),
            option::of(".{0,9}"),
            option::of(types),
        );
        let others = prop::collection::btree_map(".{0,9}", ".{0,9}", 0..3);
        let parts = (statuses, texts, time(), time(), others);
        parts.prop_map(
            |(status, (id, detail, resource, kind), created, last, others)| Operation {
                status: OperationStatus::known(&status).unwrap_or(OperationStatus::Other(status)),
                id,
                status_detail: detail,
                resource_location: resource,
                odata_type: kind.map(Into::into),
                created,
                last_action: last,
                errors: Vec::new(),
                warnings: Vec::new(),
                validated_files: Vec::new(),
                others: Others::of_texts(
                    others
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_str()))
                        .collect(),
                ),
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(operation in operations(), id in "[ab]{0,2}") {
            let packed = operation.pack(&id).unwrap();
            prop_assert_eq!(packed.unpack(&id), Some(operation));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = PackedOperation(bytes.into()).unpack("a");
        }
    }

    #[test]
    fn the_usual_operation_is_small() {
        let body = br##"{"@odata.type":"#microsoft.graph.longRunningOperation","id":"a-1",
            "createdDateTime":"2026-03-10T12:00:00Z","lastActionDateTime":"2026-03-10T12:00:05Z",
            "status":"running","statusDetail":null}"##;
        let operation = Operation::decode(None, body).unwrap();
        assert_eq!(operation.pack("a-1").unwrap().0.len(), 36);
        assert_eq!(operation.pack("A-1").unwrap().0.len(), 43);
    }

    /// What Graph sends besides, which is kept with the feature `serde`.
    #[cfg(feature = "serde")]
    #[test]
    fn texts_of_other_names_are_packed_and_others_are_not() {
        let read = |member: &str| {
            let body = format!("{{{member},\"id\":\"a\",\"status\":\"running\"}}");
            Operation::decode(None, body.as_bytes()).unwrap()
        };
        let usual = read(
            "\"@odata.context\":\"https://graph.microsoft.com/beta/$metadata#external/industryData/operations/$entity\"",
        );
        let packed = usual.pack("a").unwrap();
        assert_eq!(packed.0.len(), 117);
        assert_eq!(packed.unpack("a"), Some(usual));
        for member in ["\"a\":\"\"", "\"\":\"b\"", "\"a\":\"b\",\"c\":\"\u{e9}\""] {
            let operation = read(member);
            assert_eq!(
                operation.pack("a").unwrap().unpack("a"),
                Some(operation),
                "{member}"
            );
        }
        for member in [
            "\"a\":1.5",
            "\"a\":null",
            "\"a\":true",
            "\"a\":[\"b\"]",
            "\"a\":{\"b\":\"c\"}",
            "\"a\":\"b\",\"c\":0",
        ] {
            assert!(read(member).pack("a").is_none(), "{member}");
        }
    }

    #[test]
    fn findings_are_not_packed() {
        for member in [
            "\"errors\":[{}]",
            "\"warnings\":[{}]",
            "\"validatedFiles\":[\"a\"]",
        ] {
            let body = format!("{{\"status\":\"running\",{member}}}");
            let operation = Operation::decode(None, body.as_bytes()).unwrap();
            assert!(operation.pack("a").is_none(), "{member}");
        }
    }
}
