//! Reads the members of an error body.

use crate::wire::json::Node;
use crate::wire::redact::Redaction;
use crate::wire::service_error::detail::ErrorDetail;

pub(super) const INNER: &str = "innerError";
pub(super) const INNER_LOWER: &str = "innererror";

/// The outermost error, in any of the forms in use (E2, E3).
pub(crate) fn summary(
    body: &Node<'_>,
    error: Option<&Node<'_>>,
    redaction: Redaction<'_>,
) -> ErrorDetail {
    let top = |name| body.get(name).and_then(Node::text);
    match error {
        Some(error @ Node::Object(_)) => detail(error, redaction),
        Some(Node::Text(code)) => {
            ErrorDetail::redacted(Some(code), top("error_description"), None, redaction)
        }
        Some(Node::Null | Node::Number(_) | Node::List(_) | Node::Other) => ErrorDetail::default(),
        None => {
            let message = top("message").or_else(|| top("Message"));
            ErrorDetail::redacted(None, message, None, redaction)
        }
    }
}

/// Code, message and target of an object (E2).
pub(crate) fn detail(node: &Node<'_>, redaction: Redaction<'_>) -> ErrorDetail {
    let message = node.get("message");
    let message = message.and_then(|node| node.get("value").unwrap_or(node).text());
    let target = node.get("target").and_then(Node::text);
    ErrorDetail::redacted(code(node), message, target, redaction)
}

/// The code of an object: text, or a number as text.
fn code<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    match node.get("code")? {
        Node::Number(code) => Some(code),
        Node::Text(code) => Some(code),
        Node::Null | Node::List(_) | Node::Object(_) | Node::Other => None,
    }
}

/// The objects of the member `details` (E6).
pub(crate) fn details(error: Option<&Node<'_>>, redaction: Redaction<'_>) -> Vec<ErrorDetail> {
    let Some(Node::List(details)) = error.and_then(|error| error.get("details")) else {
        return Vec::new();
    };
    let objects = details
        .iter()
        .filter(|node| matches!(node, Node::Object(_)));
    objects.map(|node| detail(node, redaction)).collect()
}

/// The inner errors of `error`, the outermost first, at most `limit` of them (E4).
pub(crate) fn inner_errors<'n, 'a>(
    error: Option<&'n Node<'a>>,
    limit: usize,
) -> impl Iterator<Item = &'n Node<'a>> + Clone {
    std::iter::successors(error.and_then(inner), |node| inner(node)).take(limit)
}

/// The codes of inner errors that are text (E4).
pub(crate) fn codes<'n, 'a: 'n>(
    errors: impl Iterator<Item = &'n Node<'a>>,
    redaction: Redaction<'_>,
) -> Vec<String> {
    let codes = errors.filter_map(|node| node.get("code")?.text());
    codes.map(|code| redaction.text(code)).collect()
}

/// `innerError`, or `innererror` if the former is absent or null.
fn inner<'n, 'a>(node: &'n Node<'a>) -> Option<&'n Node<'a>> {
    let next = match node.get(INNER) {
        Some(Node::Null) | None => node.get(INNER_LOWER),
        next => next,
    };
    next.filter(|next| matches!(next, Node::Object(_)))
}
