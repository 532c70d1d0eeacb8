//! Lists of the service that lag, are cut, have gaps, or spell ids differently.

use industrydata_core::Timestamp;
use serde_json::Value;

use crate::{fate::Lists, world::utc};

/// Changes the body of a response, if it is a page of a list.
pub(crate) fn differ(path: &str, body: &mut Vec<u8>, lists: Lists, now: u64) {
    let is_operations = path.ends_with("/operations");
    if !is_operations && !path.ends_with("/runs") {
        return;
    }
    let Ok(mut page) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let Some(items) = page["value"].as_array_mut() else {
        return;
    };
    items.retain_mut(|item| {
        let age = age(item, now);
        match lists {
            Lists::Lag(seconds) => age > seconds as i64,
            Lists::Cut(seconds) => age <= seconds as i64,
            Lists::Gaps { operations, nth } => {
                let id = item["id"].as_str().unwrap_or_default();
                let number: u32 = id.bytes().map(u32::from).sum();
                operations != is_operations || number % 3 != u32::from(nth)
            }
            Lists::Spelt => {
                let id = item["id"].as_str().unwrap_or_default().to_uppercase();
                item["id"] = id.into();
                true
            }
            Lists::Empty { operations } => operations.is_some_and(|it| it != is_operations),
        }
    });
    *body = page.to_string().into_bytes();
}

/// The age of an item in seconds.
fn age(item: &Value, now: u64) -> i64 {
    let time = |name: &str| item[name].as_str()?.parse::<Timestamp>().ok();
    let at = time("createdDateTime").or_else(|| time("startDateTime"));
    at.map_or(0, |at| utc(now as i64).duration_since(at).as_secs())
}
