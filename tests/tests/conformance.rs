//! The list, through both flavours.

use std::collections::BTreeSet;

use conformance::{Flavour, check_all, scenarios};

/// What one flavour alone can play, and why; everything else goes through both.
const ASYNC_ONLY: [(&str, &str); 5] = [
    (
        "stopped while the token is asked for",
        "a blocking source that never answers cannot be interrupted",
    ),
    ("dropped while the token is asked for", A_THREAD),
    ("dropped while the POST is out", A_THREAD),
    ("dropped while a throttle is waited out", A_THREAD),
    ("dropped, and the next start goes its way", A_THREAD),
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
        fn the_list_is_whole() {
            let themes = [$(scenarios::$theme::scenarios().len()),*];
            let all = scenarios::all();
            assert_eq!(themes.iter().sum::<usize>(), all.len());
            let names: BTreeSet<_> = all.iter().map(conformance::Scenario::name).collect();
            assert_eq!(names.len(), all.len(), "two scenarios have one name");
            assert!(all.len() >= 30);
            let both = all.iter().filter(|scenario| !scenario.is_async_only()).count();
            println!("{} scenarios, {both} of them through both flavours", all.len());
        }
    };
}

#[test]
fn every_scenario_goes_through_both_flavours_but_for_those_named() {
    let all = scenarios::all();
    let alone: BTreeSet<_> = all
        .iter()
        .filter(|scenario| scenario.is_async_only())
        .map(conformance::Scenario::name)
        .collect();
    let named: BTreeSet<_> = ASYNC_ONLY.iter().map(|(name, _)| *name).collect();
    assert_eq!(alone, named, "an exception has a name and a reason");
    for (name, reason) in ASYNC_ONLY {
        println!("async only: {name}: {reason}");
    }
}

themes!(
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
