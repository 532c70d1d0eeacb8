//! The list, through both flavours.

use std::collections::BTreeSet;

use conformance::{Flavour, check_all, scenarios};

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
