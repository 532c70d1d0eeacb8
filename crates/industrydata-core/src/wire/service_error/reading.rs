//! The rules E2 to E6 and E8 on a body that was read.

use crate::wire::json::Node;
use crate::wire::service_error::detail::ErrorDetail;

pub(super) const INNER: &str = "innerError";
pub(super) const INNER_LOWER: &str = "innererror";
/// Stands where the request's token was echoed.
const REDACTED: &str = "[redacted]";

/// E2 and E3.
pub(super) fn summary(body: &Node<'_>, error: Option<&Node<'_>>, clean: Clean<'_>) -> ErrorDetail {
    let top = |name| body.get(name).and_then(Node::text);
    match error {
        Some(error @ Node::Object(_)) => {
            let code = match error.get("code") {
                Some(Node::Number(code)) => Some(code.as_str()),
                code => code.and_then(Node::text),
            };
            let message = error.get("message");
            let message = message.and_then(|node| node.get("value").unwrap_or(node).text());
            clean.detail(code, message, error.get("target").and_then(Node::text))
        }
        Some(Node::Text(code)) => clean.detail(Some(code), top("error_description"), None),
        Some(Node::Null | Node::Number(_) | Node::List(_) | Node::Other) => ErrorDetail::default(),
        None => clean.detail(None, top("message").or_else(|| top("Message")), None),
    }
}

/// E6.
pub(crate) fn details(error: Option<&Node<'_>>, clean: Clean<'_>) -> Vec<ErrorDetail> {
    let Some(Node::List(details)) = error.and_then(|error| error.get("details")) else {
        return Vec::new();
    };
    let objects = details
        .iter()
        .filter(|node| matches!(node, Node::Object(_)));
    let text = |node: &Node<'_>, name| node.get(name).and_then(Node::text).map(|t| clean.text(t));
    objects
        .map(|node| ErrorDetail {
            code: text(node, "code"),
            message: text(node, "message"),
            target: text(node, "target"),
        })
        .collect()
}

/// The next inner error (E4).
pub(crate) fn inner<'n, 'a>(node: &'n Node<'a>) -> Option<&'n Node<'a>> {
    let next = match node.get(INNER) {
        Some(Node::Null) | None => node.get(INNER_LOWER),
        next => next,
    };
    next.filter(|next| matches!(next, Node::Object(_)))
}

/// Takes the request's token out of text (E8).
#[derive(Clone, Copy)]
pub(crate) struct Clean<'t>(Option<&'t str>);

impl<'t> Clean<'t> {
    /// Takes out `token`; the empty one is everywhere and nobody's.
    pub(crate) fn of(token: Option<&'t str>) -> Self {
        Self(token.filter(|token| !token.is_empty()))
    }

    pub(crate) fn text(self, text: &str) -> String {
        match self.0 {
            Some(token) => text.replace(token, REDACTED),
            None => text.to_owned(),
        }
    }

    pub(crate) fn detail(
        self,
        code: Option<&str>,
        message: Option<&str>,
        target: Option<&str>,
    ) -> ErrorDetail {
        ErrorDetail {
            code: code.map(|text| self.text(text)),
            message: message.map(|text| self.text(text)),
            target: target.map(|text| self.text(text)),
        }
    }
}
