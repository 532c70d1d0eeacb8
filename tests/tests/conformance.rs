//! The conformance list, played by both flavours.

use std::collections::BTreeSet;

use conformance::{Flavour, check_all, scenarios};

/// The scenarios that only the asynchronous flavour can play, with the reason.
const ASYNC_ONLY: [(&str, &str); 5] = [
    (
        "stopped while waiting for the token source",
        "a blocking token source that never returns cannot be interrupted",
    ),
    ("start dropped while waiting for the token source", A_THREAD),
    ("start dropped during its POST", A_THREAD),
    ("start dropped while waiting out a 429", A_THREAD),
    ("start dropped, and the next start succeeds", A_THREAD),
];
const A_THREAD: &str = "a future can be dropped, a thread cannot";

macro_rules! themes {
    ($($theme:ident),* $(,)?) => {
        mod blocking {
            use super::*;
            $(#[test] fn $theme() { check_all(&scenarios::$theme::scenarios(), Flavour::Blocking); })*
        }
        mod asynchronous {
            use super::*;
            $(#[test] fn $theme() { check_all(&scenarios::$theme::scenarios(), Flavour::Async); })*
        }

        #[test]
        fn every_theme_is_in_the_list_and_names_are_unique() {
            let themes = [$(scenarios::$theme::scenarios().len()),*];
            let all = scenarios::all();
            assert_eq!(themes.iter().sum::<usize>(), all.len());
            let names: BTreeSet<_> = all.iter().map(conformance::Scenario::name).collect();
            assert_eq!(names.len(), all.len(), "two scenarios have the same name");
            assert!(all.len() >= 30);
            let both = all.iter().filter(|scenario| !scenario.is_async_only()).count();
            println!("{} scenarios, {both} of them played by both flavours", all.len());
        }
    };
}

#[test]
fn only_the_listed_scenarios_are_async_only() {
    let all = scenarios::all();
    let alone: BTreeSet<_> = all
        .iter()
        .filter(|scenario| scenario.is_async_only())
        .map(conformance::Scenario::name)
        .collect();
    let named: BTreeSet<_> = ASYNC_ONLY.iter().map(|(name, _)| *name).collect();
    assert_eq!(alone, named, "each exception needs a name and a reason");
    for (name, reason) in ASYNC_ONLY {
        println!("async only: {name}: {reason}");
    }
}

themes!(
    actions,
    bodies,
    doubt,
    echo,
    heads,
    keep_alive,
    limits,
    location,
    not_found,
    plain,
    polls,
    proxy,
    quota,
    redirect,
    resume,
    retry_after,
    statuses,
    stop,
    throttle,
    tls,
    tokens,
    unreachable,
);
