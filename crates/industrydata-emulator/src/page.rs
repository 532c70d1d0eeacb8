//! One page of a list: newest first, `$top`, an opaque `$skiptoken`, `$count` and `$select`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// What a link to the next page escapes: all but unreserved characters and the `$` before the name of an option.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'$');

/// The query options of a list that the service honours.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    top: Option<usize>,
    /// The entries that are older than this many first ones come next.
    below: Option<usize>,
    count: bool,
    select: Option<Vec<String>>,
    /// The options that a link to the next page repeats.
    repeated: String,
}

impl Query {
    /// Reads a query string; the error says what is wrong with it.
    pub(crate) fn read(query: &str) -> Result<Self, String> {
        let mut read = Self {
            top: None,
            below: None,
            count: false,
            select: None,
            repeated: String::new(),
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let bad = || format!("the query option '{name}' has the invalid value '{value}'");
            match name.as_ref() {
                "$top" => {
                    let top = value.parse().map_err(|_| bad())?;
                    read.top = Some(if top == 0 { return Err(bad()) } else { top });
                }
                "$skiptoken" => {
                    let digits = value.strip_prefix("before-").ok_or_else(bad)?;
                    read.below = Some(usize::from_str_radix(digits, 16).map_err(|_| bad())?);
                }
                "$count" => read.count = value.parse().map_err(|_| bad())?,
                "$select" => {
                    read.select = Some(
                        value
                            .split(',')
                            .map(|name| name.trim().to_owned())
                            .collect(),
                    )
                }
                other if other.starts_with('$') => {
                    return Err(format!("the query option '{name}' is not supported"));
                }
                _ => {}
            }
            if name != "$skiptoken" {
                read.repeated.push_str(&format!(
                    "{}={}&",
                    utf8_percent_encode(&name, ESCAPED),
                    utf8_percent_encode(&value, ESCAPED)
                ));
            }
        }
        Ok(read)
    }

    /// The page of a list, given its entries oldest first and what writes one.
    pub(crate) fn page<T>(
        &self,
        entries: &[T],
        at: &str,
        context: &str,
        most: usize,
        write: impl Fn(&T) -> Value,
    ) -> Value {
        let size = self.top.unwrap_or(most).min(most).max(1);
        let end = self.below.unwrap_or(entries.len()).min(entries.len());
        let begin = end.saturating_sub(size);
        let shown = entries.get(begin..end).unwrap_or_default();
        let mut page = Map::new();
        page.insert("@odata.context".to_owned(), json!(context));
        if self.count {
            page.insert("@odata.count".to_owned(), json!(entries.len()));
        }
        if begin > 0 {
            let link = format!("{at}?{}$skiptoken=before-{begin:x}", self.repeated);
            page.insert("@odata.nextLink".to_owned(), json!(link));
        }
        page.insert(
            "value".to_owned(),
            shown
                .iter()
                .rev()
                .map(|entry| self.selected(write(entry)))
                .collect(),
        );
        Value::Object(page)
    }

    /// An entity with only the properties that `$select` names, and its annotations.
    pub(crate) fn selected(&self, mut entity: Value) -> Value {
        if let (Some(names), Value::Object(members)) = (&self.select, &mut entity) {
            members.retain(|member, _| {
                member.starts_with('@') || names.iter().any(|name| name == member)
            });
        }
        entity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str, entries: usize) -> Value {
        let entries: Vec<usize> = (0..entries).collect();
        Query::read(query).unwrap().page(
            &entries,
            "http://h/l",
            "c",
            3,
            |entry| json!({"id": entry, "n": 1}),
        )
    }

    #[test]
    fn pages_follow_each_other_to_the_oldest() {
        let mut query = "$top=2&$select=id".to_owned();
        let mut seen = Vec::new();
        loop {
            let page = page(&query, 5);
            assert!(page["value"][0].get("n").is_none());
            seen.extend(
                page["value"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|entry| entry["id"].as_u64().unwrap()),
            );
            match page["@odata.nextLink"].as_str() {
                Some(link) => query = link.split_once('?').unwrap().1.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, [4, 3, 2, 1, 0]);
    }

    #[test]
    fn sizes() {
        for (query, shown, more) in [
            ("", 3, true),
            ("$top=9", 3, true),
            ("$top=1", 1, true),
            ("$skiptoken=before-2", 2, false),
        ] {
            let page = page(query, 4);
            assert_eq!(page["value"].as_array().unwrap().len(), shown, "{query}");
            assert_eq!(page.get("@odata.nextLink").is_some(), more, "{query}");
        }
        assert_eq!(
            page("$top=1&x=a%2Fb+c", 4)["@odata.nextLink"],
            "http://h/l?$top=1&x=a%2Fb%20c&$skiptoken=before-3"
        );
        assert_eq!(page("$count=true", 4)["@odata.count"], 4);
        assert_eq!(page("", 0)["value"], json!([]));
    }

    #[test]
    fn what_is_refused() {
        for query in [
            "$top=0",
            "$top=x",
            "$skiptoken=7",
            "$skiptoken=before-",
            "$filter=a",
            "$count=2",
        ] {
            assert!(Query::read(query).is_err(), "{query}");
        }
        assert!(Query::read("other=1&$top=1").is_ok());
    }
}
