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

/// The statuses that nearly all bodies have.
const STATUSES: [(&str, OperationStatus); 3] = [
    ("running", OperationStatus::Running),
    ("succeeded", OperationStatus::Succeeded),
    ("notStarted", OperationStatus::NotStarted),
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
        match Self::flat(body.json()?, body.redaction()) {
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

    /// Reads the body that Graph writes: a flat object without spaces within and without an `error`, in which no member
    /// that is read occurs twice.
    ///
    /// `None` for any other body. Where there is a result, [`nested`](Self::nested) has the same.
    fn flat(json: &[u8], redaction: Redaction<'_>) -> Option<Self> {
        type Rest<'r, 'a> = &'r mut flat_json::Rest<'a>;
        let text = |rest: Rest<'_, '_>| Some(rest.value()?.text().map(|it| redaction.text(it)));
        let time = |rest: Rest<'_, '_>| match rest.usual_time() {
            Some(time) => Some(Some(time)),
            None => Some(rest.value()?.bytes().and_then(rfc3339)),
        };
        let kind_of = |rest: Rest<'_, '_>| {
            let known = rest.one_of(TYPES.map(|it| (it, it)));
            if let Some(known) = known.filter(|it| !redaction.can_be_in(it.len())) {
                return Some(Some(Cow::Borrowed(known)));
            }
            let kind = match known {
                Some(known) => Some(known),
                None => rest.value()?.text(),
            };
            Some(kind.map(|kind| type_name(kind, redaction)))
        };
        let status_of = |rest: Rest<'_, '_>| match rest.one_of(STATUSES) {
            Some(known) => Some(known),
            None => Some(OperationStatus::of(rest.value()?.text()?, redaction)),
        };
        let mut members = flat_json::Compact::new(json)?;
        let (mut context, mut error, mut kind, mut id) = (None, None, None, None);
        let (mut created, mut last_action, mut resource) = (None, None, None);
        let (mut status, mut detail) = (None, None);
        // As Graph orders them.
        loop {
            members.member("\"@odata.context\":", &mut context, |it| it.value())?;
            members.member("\"@odata.type\":", &mut kind, kind_of)?;
            members.member("\"id\":", &mut id, text)?;
            members.member("\"createdDateTime\":", &mut created, time)?;
            members.member("\"lastActionDateTime\":", &mut last_action, time)?;
            members.member("\"resourceLocation\":", &mut resource, text)?;
            members.member("\"status\":", &mut status, status_of)?;
            members.member("\"statusDetail\":", &mut detail, text)?;
            members.member("\"error\":", &mut error, |it| it.value())?;
            if !members.other_member()? {
                break;
            }
        }
        // It may be the status detail.
        if error.is_some() {
            return None;
        }
        Some(Self {
            status: status?,
            id: id.flatten(),
            status_detail: detail.flatten(),
            resource_location: resource.flatten(),
            odata_type: kind.flatten(),
            created: created.flatten(),
            last_action: last_action.flatten(),
            errors: Vec::new(),
            warnings: Vec::new(),
            validated_files: Vec::new(),
            others: Others::in_json(json, KNOWN, redaction),
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
