//! The run of an operation.
//!
//! No documented member links an operation to its run. An operation's `resourceLocation` may name the run. Otherwise
//! the first run after the acceptance is treated as its run. This is an inference: a scheduled run may have started
//! then as well.

use jiff::Timestamp;

use crate::{
    endpoint::link::run_id,
    ledger::schedule::may_belong_to,
    model::{operation::Operation, run::IndustryDataRun},
    wire::base_url::BaseUrl,
};

/// The run of an operation, and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RunMatch {
    id: String,
    by: RunMatchedBy,
    candidates: usize,
}

/// How a run was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum RunMatchedBy {
    /// The operation's `resourceLocation` names it.
    ResourceLocation,
    /// It is the first run that started after the acceptance. This is an inference: the run may belong to another
    /// start.
    StartTime,
}

impl RunMatchedBy {
    /// `resource_location` or `start_time`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResourceLocation => "resource_location",
            Self::StartTime => "start_time",
        }
    }

    /// Whether the match is an inference, which may be wrong.
    #[must_use]
    pub const fn is_inferred(self) -> bool {
        matches!(self, Self::StartTime)
    }
}

impl RunMatch {
    /// The run that the operation's `resourceLocation` names, if that is `…/runs/{id}` on the base URL's origin, under
    /// its `external/industryData/`. Only the id is taken from it; the URL itself is never requested.
    ///
    /// ```
    /// use industrydata_core::{model::Operation, reconcile::{RunMatch, RunMatchedBy}, wire::BaseUrl};
    ///
    /// let body = br#"{"status":"succeeded",
    ///     "resourceLocation":"https://graph.microsoft.com/beta/external/industryData/runs/r-1"}"#;
    /// let operation = Operation::decode(None, body)?;
    /// let found = RunMatch::by_resource_location(&BaseUrl::graph(), &operation).unwrap();
    /// assert_eq!((found.id(), found.by()), ("r-1", RunMatchedBy::ResourceLocation));
    /// # Ok::<(), industrydata_core::wire::BodyError>(())
    /// ```
    #[must_use]
    pub fn by_resource_location(base: &BaseUrl, operation: &Operation) -> Option<Self> {
        Some(Self {
            id: run_id(base, operation.resource_location()?)?,
            by: RunMatchedBy::ResourceLocation,
            candidates: 1,
        })
    }

    /// The earliest run that started at most two minutes before the start was accepted (clocks differ) and at most
    /// thirty minutes after; `None` if there is none.
    #[must_use]
    pub fn by_start_time(runs: &[IndustryDataRun], accepted: Timestamp) -> Option<Self> {
        let candidates = || {
            runs.iter()
                .filter_map(|run| Some((run.started()?, run.id())))
                .filter(|(started, _)| may_belong_to(*started, accepted))
        };
        let (_, id) = candidates().min()?;
        Some(Self {
            id: id.to_owned(),
            by: RunMatchedBy::StartTime,
            candidates: candidates().count(),
        })
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it was found.
    #[must_use]
    pub const fn by(&self) -> RunMatchedBy {
        self.by
    }

    /// Whether other runs started at about the same time, so that this one is likely to belong to another start.
    #[must_use]
    pub const fn is_ambiguous(&self) -> bool {
        self.candidates > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(starts: &[&str]) -> Vec<IndustryDataRun> {
        let run = |start: &&str| {
            let body = format!(
                r#"{{"id":"{start}","status":"running","startDateTime":"2026-03-10T{start}Z"}}"#
            );
            IndustryDataRun::decode(None, body.as_bytes()).unwrap()
        };
        starts.iter().map(run).collect()
    }

    #[test]
    fn a_run_is_named_or_inferred() {
        let at = |url: &str| {
            let body = format!(r#"{{"status":"succeeded","resourceLocation":"{url}"}}"#);
            let operation = Operation::decode(None, body.as_bytes()).unwrap();
            RunMatch::by_resource_location(&BaseUrl::graph(), &operation)
        };
        let named = at("https://graph.microsoft.com/beta/external/industryData/runs/r-1").unwrap();
        assert_eq!(
            (named.id(), named.by().as_str()),
            ("r-1", "resource_location")
        );
        assert!(!named.by().is_inferred() && !named.is_ambiguous());
        assert_eq!(
            at("https://evil.example/beta/external/industryData/runs/r-1"),
            None
        );
        assert_eq!(RunMatchedBy::StartTime.as_str(), "start_time");
        assert!(RunMatchedBy::StartTime.is_inferred());
    }

    #[test]
    fn the_earliest_run_near_the_start() {
        let accepted = "2026-03-10T12:00:00Z".parse().unwrap();
        for (starts, found, ambiguous) in [
            (vec![], None, false),
            (vec!["11:57:59"], None, false),
            (vec!["11:58:00"], Some("11:58:00"), false),
            (vec!["12:30:00"], Some("12:30:00"), false),
            (vec!["12:30:01"], None, false),
            (
                vec!["12:20:00", "12:01:00", "11:00:00"],
                Some("12:01:00"),
                true,
            ),
            (vec!["not a time", "12:01:00"], Some("12:01:00"), false),
        ] {
            let got = RunMatch::by_start_time(&runs(&starts), accepted);
            assert_eq!(got.as_ref().map(RunMatch::id), found, "{starts:?}");
            assert_eq!(got.is_some_and(|it| it.is_ambiguous()), ambiguous);
        }
    }
}
