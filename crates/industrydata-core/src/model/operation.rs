//! An operation: what a start or a validation creates, and what is polled until it has ended
//! ([longRunningOperation](https://learn.microsoft.com/graph/api/resources/longrunningoperation),
//! [fileValidateOperation](https://learn.microsoft.com/graph/api/resources/industrydata-filevalidateoperation)).

use std::borrow::Cow;

use jiff::Timestamp;

use crate::policy::MAX_OPERATION_DEPTH;
use crate::{
    model::{
        members::{Body, Members},
        others::Others,
        public_error::PublicError,
        status::OperationStatus,
    },
    wire::{
        body_error::BodyError, flat_json, json::Node, redact::Redaction, rfc3339::rfc3339,
        service_error::reading::summary,
    },
};

/// What the service says about an operation.
///
/// `status` decides. Every other member is advisory: a wrong type there reads as absent. An operation that `succeeded`
/// may still have found errors in the data: see [`errors`](Self::errors).
///
/// ```
/// use industrydata_core::{model::{Operation, OperationStatus}, wire::BodyError};
///
/// let body = br#"{"id":"a-1","status":"running","createdDateTime":"2024-09-11T05:54:35.400029Z"}"#;
/// let operation = Operation::decode(Some(b"application/json;charset=utf-8"), body)?;
/// assert_eq!(operation.status(), &OperationStatus::Running);
/// assert!(!operation.status().is_terminal());
/// assert_eq!(operation.id(), Some("a-1"));
///
/// let sign_in_page = Operation::decode(Some(b"text/html"), b"<html>Sign in");
/// assert_eq!(sign_in_page, Err(BodyError::WrongContentType));
/// # Ok::<(), BodyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
pub struct Operation {
    status: OperationStatus,
    id: Option<String>,
    status_detail: Option<String>,
    resource_location: Option<String>,
    #[cfg_attr(feature = "serde", serde(rename = "@odata.type"))]
    odata_type: Option<Cow<'static, str>>,
    #[cfg_attr(feature = "serde", serde(rename = "createdDateTime"))]
    created: Option<Timestamp>,
    #[cfg_attr(feature = "serde", serde(rename = "lastActionDateTime"))]
    last_action: Option<Timestamp>,
    errors: Vec<PublicError>,
    warnings: Vec<PublicError>,
    validated_files: Vec<String>,
    #[cfg_attr(feature = "serde", serde(flatten))]
    others: Others,
}

/// The types of a validation's operation, without the `#` that `@odata.type` may begin with.
const VALIDATIONS: [&str; 2] = [
    "microsoft.graph.industryData.fileValidateOperation",
    "microsoft.graph.industryData.validateOperation",
];

/// The types in use, which are not copied.
const TYPES: [&str; 3] = [
    "#microsoft.graph.longRunningOperation",
    "#microsoft.graph.industryData.validateOperation",
    "#microsoft.graph.industryData.fileValidateOperation",
];

/// The members that are read of a flat body or occur in each, with the quote that ends them, as Graph orders them.
const READ: [&str; 9] = [
    "@odata.context\"",
    "@odata.type\"",
    "id\"",
    "createdDateTime\"",
    "lastActionDateTime\"",
    "resourceLocation\"",
    "status\"",
    "statusDetail\"",
    "error\"",
];

/// The members that this release knows.
const KNOWN: &[&str] = &[
    "status",
    "id",
    "statusDetail",
    "resourceLocation",
    "@odata.type",
    "createdDateTime",
    "lastActionDateTime",
    "errors",
    "warnings",
    "validatedFiles",
];

impl Operation {
    pub(crate) const NAMES: &'static [&'static str] = &[
        "value",
        "@odata.nextLink",
        "status",
        "id",
        "statusDetail",
        "error",
        "code",
        "message",
        "resourceLocation",
        "@odata.type",
        "createdDateTime",
        "lastActionDateTime",
        "errors",
        "warnings",
        "validatedFiles",
        PublicError::NAMES[2],
        PublicError::NAMES[3],
        PublicError::NAMES[4],
        PublicError::NAMES[5],
    ];

    /// Reads the body of a 2xx answer to a poll, given the value of its `Content-Type`.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if the body is not a JSON object with exactly one `status`, which is a string. Such an answer says
    /// nothing about the operation; poll again.
    pub fn decode(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, BodyError> {
        Self::decode_redacted(content_type, body, None)
    }

    /// As [`decode`](Self::decode), with the token of the request redacted.
    pub(crate) fn decode_redacted(
        content_type: Option<&[u8]>,
        body: &[u8],
        token: Option<&str>,
    ) -> Result<Self, BodyError> {
        let body = Body::new(content_type, body, token);
        match Self::flat(body.text()?, body.redaction()) {
            Some(operation) => Ok(operation),
            None => Self::nested(&body),
        }
    }

    /// Reads any body.
    fn nested(body: &Body<'_>) -> Result<Self, BodyError> {
        body.object(Self::NAMES, MAX_OPERATION_DEPTH, |members| {
            Self::checked(&members)
        })
    }

    /// Reads the body that Graph writes: a flat object without an `error`, in which no member that is read occurs twice.
    ///
    /// `None` for any other body. Where there is a result, [`nested`](Self::nested) has the same.
    fn flat(json: &str, redaction: Redaction<'_>) -> Option<Self> {
        let mut members = [None; READ.len()];
        let mut next = 0;
        let name = |rest: &mut flat_json::Rest<'_>| {
            rest.next(b'"')?;
            // Most members come in order.
            let mut places = (next..READ.len()).chain(0..next);
            let read = places.find(|at| READ.get(*at).is_some_and(|name| rest.passes(name)));
            match read {
                Some(at) => next = at + 1,
                None => _ = rest.until_quote()?,
            }
            Some(read)
        };
        flat_json::members(json, name, |read, value| match read {
            Some(at) => members.get_mut(at)?.replace(value).is_none().then_some(()),
            None => Some(()),
        })?;
        let [
            _,
            kind,
            id,
            created,
            last_action,
            resource,
            status,
            detail,
            error,
        ] = members;
        // It may be the status detail.
        if error.is_some() {
            return None;
        }
        let [status, id, detail, resource, kind, created, last_action] =
            [status, id, detail, resource, kind, created, last_action]
                .map(|value| value.and_then(flat_json::Scalar::text));
        let text = |text| redaction.text(text);
        Some(Self {
            status: OperationStatus::of(status?, redaction),
            id: id.map(text),
            status_detail: detail.map(text),
            resource_location: resource.map(text),
            odata_type: kind.map(|kind| type_name(kind, redaction)),
            created: created.and_then(rfc3339),
            last_action: last_action.and_then(rfc3339),
            errors: Vec::new(),
            warnings: Vec::new(),
            validated_files: Vec::new(),
            others: Others::in_text(json, KNOWN, redaction),
        })
    }

    /// Reads an operation, which has exactly one status.
    pub(crate) fn checked(members: &Members<'_, '_>) -> Result<Self, BodyError> {
        let mut statuses = members.node().all("status");
        match (statuses.next(), statuses.next()) {
            (Some(_), Some(_)) => Err(BodyError::DuplicateKey),
            (Some(Node::Text(_)), None) => Ok(Self::of(members)),
            (Some(Node::Null) | None, _) => Err(BodyError::MissingStatus),
            (Some(Node::Number(_) | Node::List(_) | Node::Object(_) | Node::Other), None) => {
                Err(BodyError::InvalidStatus)
            }
        }
    }

    /// Reads an item of a list. A missing status is empty and unknown, so that no item is lost.
    pub(crate) fn of(members: &Members<'_, '_>) -> Self {
        Self {
            status: OperationStatus::read(members, "status"),
            id: members.text("id"),
            status_detail: status_detail(members),
            resource_location: members.text("resourceLocation"),
            odata_type: members
                .node()
                .get("@odata.type")
                .and_then(Node::text)
                .map(|kind| type_name(kind, members.redaction())),
            created: members.time("createdDateTime"),
            last_action: members.time("lastActionDateTime"),
            errors: public_errors(members, "errors"),
            warnings: public_errors(members, "warnings"),
            validated_files: members.texts("validatedFiles"),
            others: members.others(KNOWN),
        }
    }

    /// The status of the operation.
    #[must_use]
    pub const fn status(&self) -> &OperationStatus {
        &self.status
    }

    /// The operation's id, as the body gives it.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What the service says about the status, for people: the text of `statusDetail`, or else code and message of an object
    /// there or in the member `error`.
    #[must_use]
    pub fn status_detail(&self) -> Option<&str> {
        self.status_detail.as_deref()
    }

    /// The URL of the resource that the operation works on. This library never requests it.
    #[must_use]
    pub fn resource_location(&self) -> Option<&str> {
        self.resource_location.as_deref()
    }

    /// The `@odata.type`.
    #[must_use]
    pub fn odata_type(&self) -> Option<&str> {
        self.odata_type.as_deref()
    }

    /// When the operation was created (`createdDateTime`, UTC).
    #[must_use]
    pub const fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// When the operation last changed (`lastActionDateTime`, UTC).
    #[must_use]
    pub const fn last_action(&self) -> Option<Timestamp> {
        self.last_action
    }

    /// The errors that a validation found in the data. If there are any, the data is unusable although the operation
    /// `succeeded`. [`PublicError::target`] names the file.
    #[must_use]
    pub fn errors(&self) -> &[PublicError] {
        &self.errors
    }

    /// The warnings of a validation. The data is usable.
    #[must_use]
    pub fn warnings(&self) -> &[PublicError] {
        &self.warnings
    }

    /// The names of the files that a validation has read.
    #[must_use]
    pub fn validated_files(&self) -> &[String] {
        &self.validated_files
    }

    /// Whether this is the operation of a validation, by its `@odata.type`. No run belongs to it.
    #[must_use]
    pub fn is_validation(&self) -> bool {
        self.odata_type().is_some_and(|name| {
            let name = name.strip_prefix('#').unwrap_or(name);
            VALIDATIONS.iter().any(|it| it.eq_ignore_ascii_case(name))
        })
    }
}

/// The name of a type.
fn type_name(kind: &str, redaction: Redaction<'_>) -> Cow<'static, str> {
    let kind = redaction.borrowed(kind);
    match TYPES.iter().find(|known| **known == kind) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(kind.into_owned()),
    }
}

/// The errors of a list. An item that is text is an error with this message, so that no error is lost (B13).
fn public_errors(members: &Members<'_, '_>, name: &str) -> Vec<PublicError> {
    let redaction = members.redaction();
    let errors = members
        .items(name)
        .filter_map(|(item, object)| match item.text() {
            Some(message) => Some(PublicError::of_message(message, redaction)),
            None => object.map(|it| PublicError::of(&it)),
        });
    errors.collect()
}

/// The text of `statusDetail`; if that is blank, code and message of an object there, or of an `error` beside it.
fn status_detail(members: &Members<'_, '_>) -> Option<String> {
    let said = members.text("statusDetail");
    if said.as_deref().is_some_and(|text| !text.trim().is_empty()) {
        return said;
    }
    let read = |name| {
        let error = members.node().get(name)?;
        let detail = summary(members.node(), Some(error), members.redaction());
        let parts = [detail.code(), detail.message()];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        let text = parts.collect::<Vec<_>>().join(": ");
        // Of a detail, a code alone is not a text.
        let is_text = !text.is_empty() && (name == "error" || detail.message().is_some());
        is_text.then_some(text)
    };
    read("statusDetail").or_else(|| read("error")).or(said)
}

pub(crate) mod packed;
#[cfg(test)]
mod tests;
