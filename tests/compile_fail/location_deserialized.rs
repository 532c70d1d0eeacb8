//! E0277: the trait bound `OperationUrl: serde::
//! A URL passes the gate with the base URL at hand, which a deserializer has not. A resume token is read instead.

use industrydata_core::wire::OperationUrl;

fn main() {}

pub fn read(text: &str) -> OperationUrl {
    serde_json::from_str(text).unwrap()
}
