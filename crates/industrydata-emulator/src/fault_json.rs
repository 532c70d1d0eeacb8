//! Faults from JSON: the members that have several spellings, and what is refused with a reason.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::fault::Fault;

/// Why text is no fault. Its message names the member, and in a list the fault's place from 0 on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFault(String);

impl Fault {
    /// Reads one fault, or a list of them, from JSON.
    ///
    /// # Errors
    ///
    /// If the text is not JSON, a member is unknown or of another type, or a value cannot stand in an answer.
    pub fn parse(json: &[u8]) -> Result<Vec<Self>, BadFault> {
        match serde_json::from_slice(json)
            .map_err(|error| BadFault(format!("not json: {error}")))?
        {
            Value::Array(list) => list
                .into_iter()
                .enumerate()
                .map(|(at, value)| {
                    Self::of(value).map_err(|error| BadFault(format!("fault {at}: {error}")))
                })
                .collect(),
            value @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => Ok(vec![Self::of(value)?]),
        }
    }

    fn of(value: Value) -> Result<Self, BadFault> {
        let fault: Self =
            serde_json::from_value(value).map_err(|error| BadFault(error.to_string()))?;
        fault.check().map_err(BadFault)?;
        Ok(fault)
    }

    fn check(&self) -> Result<(), String> {
        if self.times == 0 {
            return Err("times: at least 1 request is needed".to_owned());
        }
        if self
            .status
            .is_some_and(|status| !(200..=999).contains(&status))
        {
            return Err("status: not between 200 and 999".to_owned());
        }
        if self.body.is_some() && self.body_base64.is_some() {
            return Err("body and body_base64: only one of them can be given".to_owned());
        }
        if self
            .body_base64
            .as_ref()
            .is_some_and(|body| STANDARD.decode(body).is_err())
        {
            return Err("body_base64: not base64".to_owned());
        }
        for (name, values) in &self.headers {
            HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("headers: '{name}' is no header name"))?;
            if ["content-length", "transfer-encoding"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
            {
                return Err(format!(
                    "headers: '{name}' is for the transport to set; see cut_after"
                ));
            }
            holdable(&format!("headers: {name}"), values)?;
        }
        holdable("content_type", self.content_type.as_slice())?;
        holdable("retry_after", self.retry_after.as_slice())?;
        holdable("location", self.location.as_deref().unwrap_or_default())
    }
}

/// A duration in whole milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A string or a number, as a string.
pub(crate) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match texts(Value::deserialize(deserializer)?)
        .map_err(D::Error::custom)?
        .as_slice()
    {
        [] => Ok(None),
        [text] => Ok(Some(text.clone())),
        [_, _, ..] => Err(D::Error::custom("expected one string or number")),
    }
}

/// A string, a list of them, or null for none.
pub(crate) fn several<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    texts(Value::deserialize(deserializer)?)
        .map(Some)
        .map_err(D::Error::custom)
}

/// An object whose members are each a string, a list of them, or null for none.
pub(crate) fn several_each<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let members = BTreeMap::<String, Value>::deserialize(deserializer)?;
    members
        .into_iter()
        .map(|(name, value)| Ok((name, texts(value).map_err(D::Error::custom)?)))
        .collect()
}

fn texts(value: Value) -> Result<Vec<String>, &'static str> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![text]),
        Value::Number(number) => Ok(vec![number.to_string()]),
        Value::Array(list) => list
            .into_iter()
            .map(texts)
            .collect::<Result<Vec<_>, _>>()
            .map(|lists| lists.concat()),
        Value::Bool(_) | Value::Object(_) => Err("expected a string, a list of strings or null"),
    }
}

fn holdable(member: &str, values: &[String]) -> Result<(), String> {
    match values
        .iter()
        .find(|value| HeaderValue::from_str(value).is_err())
    {
        Some(value) => Err(format!("{member}: {value:?} cannot stand in a header")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Lose, On};

    #[test]
    fn json_and_methods_say_the_same() {
        for (json, fault) in [
            (r#"{"on":"start"}"#, Fault::on(On::Start)),
            (
                r#"{"on":"any","times":2,"after":1,"lose":"answer"}"#,
                Fault::on(On::Any).times(2).after(1).lose(Lose::Answer),
            ),
            (
                r#"{"on":"operation","status":503,"retry_after":7}"#,
                Fault::on(On::Operation).status(503).retry_after(7),
            ),
            (
                r#"{"on":"start","location":null}"#,
                Fault::on(On::Start).location(&[]),
            ),
            (
                r#"{"on":"start","location":"a"}"#,
                Fault::on(On::Start).location(&["a"]),
            ),
            (
                r#"{"on":"start","location":["a","b"]}"#,
                Fault::on(On::Start).location(&["a", "b"]),
            ),
            (
                r#"{"on":"runs","headers":{"x":["1","2"],"date":null}}"#,
                Fault::on(On::Runs)
                    .header("x", "1")
                    .header("x", "2")
                    .without_header("date"),
            ),
            (
                r#"{"on":"token","body_base64":"/w=="}"#,
                Fault::on(On::Token).body([0xff]),
            ),
            (
                r#"{"on":"start","operation_status":["running",null]}"#,
                Fault::on(On::Start).operation_status(&[Some("running"), None]),
            ),
            (
                r#"{"on":"start","delay_ms":5,"stall":true}"#,
                Fault::on(On::Start).delay(Duration::from_millis(5)).stall(),
            ),
        ] {
            assert_eq!(
                Fault::parse(json.as_bytes()).unwrap(),
                std::slice::from_ref(&fault),
                "{json}"
            );
            let written = serde_json::to_vec(std::slice::from_ref(&fault)).unwrap();
            assert_eq!(Fault::parse(&written).unwrap(), [fault]);
        }
    }

    #[test]
    fn what_is_refused_is_named() {
        for (json, expected) in [
            ("", "not json"),
            ("{}", "missing field `on`"),
            ("7", "expected struct Fault"),
            (r#"{"on":"start","stauts":503}"#, "unknown field `stauts`"),
            (r#"{"on":"stop"}"#, "unknown variant `stop`"),
            (r#"{"on":"start","times":0}"#, "times"),
            (r#"{"on":"start","status":99}"#, "status"),
            (
                r#"{"on":"start","location":true}"#,
                "expected a string, a list of strings or null",
            ),
            (r#"{"on":"start","location":"a\nb"}"#, "location"),
            (r#"{"on":"start","headers":{"a b":"c"}}"#, "'a b'"),
            (
                r#"{"on":"start","headers":{"Content-Length":"5"}}"#,
                "cut_after",
            ),
            (r#"{"on":"start","body_base64":"?"}"#, "body_base64"),
            (r#"{"on":"start","body":"a","body_base64":""}"#, "only one"),
            (
                r#"[{"on":"start"},{"on":"any","x":1}]"#,
                "fault 1: unknown field `x`",
            ),
        ] {
            let error = Fault::parse(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
