//! Pages of a list, newest entries first, and the query options `$top`, `$skiptoken`, `$count` and `$select`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// The bytes that a link to the next page escapes: all but unreserved characters and the `$` of an option name.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'$');

/// The query options of a request.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    top: Option<usize>,
    /// From `$skiptoken`: the page ends before the entry of this index, counted from the oldest.
    end: Option<usize>,
    count: bool,
    select: Option<Vec<String>>,
    /// The options to repeat in a link to the next page.
    repeated: String,
}

impl Query {
    /// Reads a query string. The error message names the option at fault.
    pub(crate) fn read(query: &str) -> Result<Self, String> {
        let mut options = Self {
            top: None,
            end: None,
            count: false,
            select: None,
            repeated: String::new(),
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let invalid = || format!("the query option '{name}' has the invalid value '{value}'");
            match name.as_ref() {
                "$top" => {
                    let top = value.parse().map_err(|_| invalid())?;
                    options.top = Some(if top == 0 { return Err(invalid()) } else { top });
                }
                "$skiptoken" => {
                    let digits = value.strip_prefix("before-").ok_or_else(invalid)?;
                    options.end = Some(usize::from_str_radix(digits, 16).map_err(|_| invalid())?);
                }
                "$count" => options.count = value.parse().map_err(|_| invalid())?,
                "$select" => {
                    options.select = Some(
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
                options.repeated.push_str(&format!(
                    "{}={}&",
                    utf8_percent_encode(&name, ESCAPED),
                    utf8_percent_encode(&value, ESCAPED)
                ));
            }
        }
        Ok(options)
    }

    /// The page of a list whose URL is `url`. The entries are given oldest first; `write` turns one into JSON.
    pub(crate) fn page<T>(
        &self,
        entries: &[T],
        url: &str,
        context: &str,
        max_size: usize,
        write: impl Fn(&T) -> Value,
    ) -> Value {
        let size = self.top.unwrap_or(max_size).min(max_size).max(1);
        let end = self.end.unwrap_or(entries.len()).min(entries.len());
        let begin = end.saturating_sub(size);
        let page_entries = entries.get(begin..end).unwrap_or_default();
        let mut page = Map::new();
        page.insert("@odata.context".to_owned(), json!(context));
        if self.count {
            page.insert("@odata.count".to_owned(), json!(entries.len()));
        }
        if begin > 0 {
            let link = format!("{url}?{}$skiptoken=before-{begin:x}", self.repeated);
            page.insert("@odata.nextLink".to_owned(), json!(link));
        }
        page.insert(
            "value".to_owned(),
            page_entries
                .iter()
                .rev()
                .map(|entry| self.select(write(entry)))
                .collect(),
        );
        Value::Object(page)
    }

    /// The entity reduced to its annotations and the properties that `$select` names.
    pub(crate) fn select(&self, mut entity: Value) -> Value {
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
    fn next_links_lead_to_the_oldest_entry() {
        let mut query = "$top=2&$select=id".to_owned();
        let mut ids = Vec::new();
        loop {
            let page = page(&query, 5);
            assert!(page["value"][0].get("n").is_none());
            ids.extend(
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
        assert_eq!(ids, [4, 3, 2, 1, 0]);
    }

    #[test]
    fn page_sizes_and_links() {
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
    fn invalid_options_are_refused() {
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
