//! The answer of `GET {base}/external/industryData/operations/{id}`: how far a run has come.
//!
//! The resource is
//! [longRunningOperation](https://learn.microsoft.com/graph/api/resources/longrunningoperation).
//! Its `status` decides; every other member is advisory, and a wrong type there is no error.

mod members;

use std::borrow::Cow;

use jiff::Timestamp;
use serde::de::IgnoredAny;

use crate::{
    model::{members::Members, operation::members::OperationMembers, status::OperationStatus},
    wire::{
        body_error::BodyError,
        json::{Node, is_json, is_too_deep, without_bom},
    },
};

/// What the service says about an operation (rules B1 to B12).
///
/// Text is kept as received: show it through [`escape_controls`](crate::escape_controls).
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
/// let captive = Operation::decode(Some(b"text/html"), b"<html>Sign in");
/// assert_eq!(captive, Err(BodyError::WrongContentType));
/// # Ok::<(), BodyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    status: OperationStatus,
    id: Option<String>,
    status_detail: Option<String>,
    resource_location: Option<String>,
    odata_type: Option<String>,
    created: Option<Timestamp>,
    last_action: Option<Timestamp>,
}

impl Operation {
    /// Reads the body of a 2xx answer to a poll, given the value of its `Content-Type`.
    ///
    /// # Errors
    ///
    /// The first of the rules B1 to B8 that fails. Such an answer says nothing of the operation.
    pub fn decode(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, BodyError> {
        if !content_type.is_none_or(is_json) {
            return Err(BodyError::WrongContentType);
        }
        if body.is_empty() {
            return Err(BodyError::EmptyBody);
        }
        let json = without_bom(str::from_utf8(body).map_err(|_| BodyError::NotUtf8)?);
        let members = if json
            .trim_start_matches([' ', '\t', '\n', '\r'])
            .starts_with('{')
        {
            serde_json::from_str(json).map(Some)
        } else {
            serde_json::from_str(json).map(|_: IgnoredAny| None)
        };
        let members: Option<OperationMembers<'_>> = members.map_err(|_| BodyError::InvalidJson)?;
        if is_too_deep(json) {
            return Err(BodyError::TooDeep);
        }
        Self::of_members(members.ok_or(BodyError::NotAnObject)?)
    }

    fn of_members(members: OperationMembers<'_>) -> Result<Self, BodyError> {
        if members.has_second_status {
            return Err(BodyError::DuplicateKey);
        }
        let status = match members.status {
            Some(Node::Text(status)) => OperationStatus::from(status),
            Some(Node::Null) | None => return Err(BodyError::MissingStatus),
            Some(Node::Number(_) | Node::List(_) | Node::Object(_) | Node::Other) => {
                return Err(BodyError::InvalidStatus);
            }
        };
        Ok(Self {
            status,
            id: members.id.map(Cow::into_owned),
            status_detail: members.status_detail.map(Cow::into_owned),
            resource_location: members.resource_location.map(Cow::into_owned),
            odata_type: members.odata_type.map(Cow::into_owned),
            created: members.created,
            last_action: members.last_action,
        })
    }

    /// One of a list: a status that is missing is the empty unknown one, so that no entry is lost by it.
    pub(crate) fn of(members: &Members<'_, '_>) -> Self {
        Self {
            status: OperationStatus::from(Cow::Owned(members.text("status").unwrap_or_default())),
            id: members.text("id"),
            status_detail: members.text("statusDetail"),
            resource_location: members.text("resourceLocation"),
            odata_type: members.text("@odata.type"),
            created: members.time("createdDateTime"),
            last_action: members.time("lastActionDateTime"),
        }
    }

    /// The same operation, with `secret` replaced wherever the service echoed it.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        let Self {
            status,
            id,
            status_detail,
            resource_location,
            odata_type,
            created: _,
            last_action: _,
        } = &mut self;
        let mut texts = [id, status_detail, resource_location, odata_type];
        for text in texts.iter_mut().filter_map(|text| text.as_mut()) {
            if text.contains(secret) {
                *text = text.replace(secret, "[redacted]");
            }
        }
        if let OperationStatus::Other(text) = status {
            *text = text.replace(secret, "[redacted]");
        }
        self
    }

    /// How far the operation has come.
    #[must_use]
    pub const fn status(&self) -> &OperationStatus {
        &self.status
    }

    /// The operation's id as the body gives it.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What the service says about the status, for people.
    #[must_use]
    pub fn status_detail(&self) -> Option<&str> {
        self.status_detail.as_deref()
    }

    /// The resource operated on. It is data: nothing here ever fetches it.
    #[must_use]
    pub fn resource_location(&self) -> Option<&str> {
        self.resource_location.as_deref()
    }

    /// The `@odata.type`.
    #[must_use]
    pub fn odata_type(&self) -> Option<&str> {
        self.odata_type.as_deref()
    }

    /// When the operation was created (`createdDateTime`).
    #[must_use]
    pub const fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// When the operation last did something (`lastActionDateTime`).
    #[must_use]
    pub const fn last_action(&self) -> Option<Timestamp> {
        self.last_action
    }
}

#[cfg(test)]
mod tests;
