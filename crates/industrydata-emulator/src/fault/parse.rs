//! Reads faults from JSON and refuses values that no response could carry.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderName, HeaderValue,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use serde_json::Value;

use crate::fault::{definition::Fault, kinds::On};

/// The JSON does not describe a fault. The message says what is wrong and, in a list, at which index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseFaultError(String);

impl Fault {
    /// Reads one fault or a list of faults from JSON.
    ///
    /// # Errors
    ///
    /// If the text is not JSON, a member is unknown or of the wrong type, or a response cannot carry a value.
    pub fn parse(json: &[u8]) -> Result<Vec<Self>, ParseFaultError> {
        let value = serde_json::from_slice(json)
            .map_err(|error| ParseFaultError(format!("not json: {error}")))?;
        let Value::Array(list) = value else {
            return Ok(vec![Self::from_value(value).map_err(ParseFaultError)?]);
        };
        list.into_iter()
            .enumerate()
            .map(|(index, value)| {
                Self::from_value(value)
                    .map_err(|error| ParseFaultError(format!("fault {index}: {error}")))
            })
            .collect()
    }

    fn from_value(value: Value) -> Result<Self, String> {
        let fault: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        fault.check()?;
        Ok(fault)
    }

    fn check(&self) -> Result<(), String> {
        if self.times == 0 {
            return Err("times: must be at least 1".to_owned());
        }
        if self
            .status
            .is_some_and(|status| !(200..=999).contains(&status))
        {
            return Err("status: must be between 200 and 999".to_owned());
        }
        let has_codes = matches!(self.on, On::Token | On::Metadata | On::Identity);
        if self.aadsts.is_some() && !has_codes {
            return Err("aadsts: only token, metadata and identity have codes of Entra".to_owned());
        }
        if self.rotate && self.on != On::Identity {
            return Err("rotate: only identity has a header that rotates".to_owned());
        }
        if let Some(body) = &self.body_base64 {
            if self.body.is_some() {
                return Err("body and body_base64: give only one of them".to_owned());
            }
            STANDARD
                .decode(body)
                .map_err(|_| "body_base64: not base64".to_owned())?;
        }
        for (name, values) in &self.headers {
            let header = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("headers: '{name}' is not a header name"))?;
            if header == CONTENT_LENGTH || header == TRANSFER_ENCODING {
                return Err(format!(
                    "headers: the transport sets '{name}'; to cut a body short, use cut_after"
                ));
            }
            check_values(&format!("headers: {name}"), values)?;
        }
        check_values("content_type", self.content_type.as_slice())?;
        check_values("retry_after", self.retry_after.as_slice())?;
        check_values("location", self.location.as_deref().unwrap_or_default())
    }
}

fn check_values(member: &str, values: &[String]) -> Result<(), String> {
    match values
        .iter()
        .find(|value| HeaderValue::from_str(value).is_err())
    {
        Some(value) => Err(format!("{member}: a header cannot hold {value:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::kinds::Lose;

    #[test]
    fn json_and_methods_build_equal_faults() {
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
                r#"{"on":"start","location":[["a"],null,3]}"#,
                Fault::on(On::Start).location(&["a", "3"]),
            ),
            (
                r#"{"on":"start","retry_after":[2.5]}"#,
                Fault::on(On::Start).retry_after("2.5"),
            ),
            (
                r#"{"on":"start","retry_after":null,"status":null}"#,
                Fault::on(On::Start),
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
                r#"{"on":"token","aadsts":7000215}"#,
                Fault::on(On::Token).aadsts(7_000_215),
            ),
            (
                r#"{"on":"identity","rotate":true}"#,
                Fault::on(On::Identity).rotate(),
            ),
            (
                r#"{"on":"github","status":500}"#,
                Fault::on(On::GitHub).status(500),
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
    fn errors_name_the_cause() {
        for (json, expected) in [
            ("", "not json"),
            ("{}", "missing field `on`"),
            ("7", "expected a fault"),
            (
                r#"{"on":"start","retry_after":[1,2]}"#,
                "expected one string or number",
            ),
            (r#"{"on":"start","stauts":503}"#, "unknown field `stauts`"),
            (r#"{"on":"stop"}"#, "unknown variant `stop`"),
            (r#"{"on":"start","times":0}"#, "times"),
            (r#"{"on":"start","aadsts":7000215}"#, "codes of Entra"),
            (r#"{"on":"any","aadsts":7000215}"#, "codes of Entra"),
            (r#"{"on":"token","rotate":true}"#, "only identity"),
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
