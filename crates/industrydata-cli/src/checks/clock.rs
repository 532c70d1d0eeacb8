//! The clocks of this machine and of the ledger against the service's.

use industrydata_core::{
    SignedDuration, Timestamp,
    ledger::{ClockReading, Quota},
};

use crate::{
    checks::check::{Check, Step},
    human,
};

const NAME: &str = "clock";

/// When the request of the probe was sent and answered, by the clock of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) sent: Timestamp,
    pub(crate) answered: Timestamp,
}

/// Compares the clocks with the `Date` of the answer. `ledger` is the quota, and the time by this machine when it was read.
pub(crate) fn judge(
    date: Option<Timestamp>,
    exchange: Exchange,
    ledger: Option<(&Quota, Timestamp)>,
) -> Check {
    let advice = "correct the clock, for example with a time service: a wrong clock frees slots at the wrong time";
    let warning = |message: String| Check::warning(Step::Request, NAME, message, advice);
    let Some(date) = date else {
        let message =
            "the service's answer has no Date, so the clock of this machine was not compared";
        let advice = "check that a time service sets the clock of this machine";
        return Check::warning(Step::Request, NAME, message, advice);
    };
    let skew = |ahead: SignedDuration| {
        let by = |time: Timestamp| time.saturating_add(ahead).unwrap_or(time);
        ClockReading::new(date, by(exchange.sent), by(exchange.answered)).skew()
    };
    let machine = skew(SignedDuration::ZERO);
    if let Some(machine) = machine {
        return warning(format!(
            "the clock of this machine is {} the service's",
            human::skew(machine)
        ));
    }
    if let Some((quota, at)) = ledger {
        if let Some(skew) = skew(quota.as_of().duration_since(at)) {
            return warning(format!(
                "the clock of the ledger's server is {} the service's",
                human::skew(skew)
            ));
        }
        if let Some(skew) = quota.clock_skew() {
            return warning(format!(
                "the clock of the ledger was {} the service's at the last start: a slot is free only once its window has passed by both clocks",
                human::skew(skew)
            ));
        }
        if quota.is_clock_suspect() {
            return warning(
                "an entry of the ledger is dated in the future, so a clock was or is wrong"
                    .to_owned(),
            );
        }
    }
    let message = "the clock of this machine differs from the service's by two minutes at most";
    Check::ok(Step::Request, NAME, message)
}

#[cfg(test)]
mod tests {
    use industrydata_core::{
        ledger::{Change, LedgerKey},
        policy::Throttle,
        wire::BaseUrl,
    };

    use super::*;
    use crate::checks::check::CheckResult;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_clock_is_wrong_by_more_than_two_minutes() {
        let judged = |date: Option<i64>, sent, answered| {
            let exchange = Exchange {
                sent: at(sent),
                answered: at(answered),
            };
            judge(date.map(at), exchange, None)
        };
        for (date, sent, answered, part) in [
            (Some(0), 0, 1, None),
            (Some(0), -119, -118, None),
            (Some(0), 119, 120, None),
            // Too slow to tell.
            (Some(0), 0, 600, None),
            (Some(0), 122, 123, Some("123 s ahead of")),
            (Some(0), -122, -121, Some("121 s behind")),
            (Some(0), -86_400, -86_400, Some("86400 s behind")),
            (None, 0, 1, Some("no Date")),
        ] {
            let check = judged(date, sent, answered);
            let result = match part {
                Some(_) => CheckResult::Warning,
                None => CheckResult::Ok,
            };
            assert_eq!(check.result, result, "{sent} {answered}: {}", check.message);
            assert!(
                check.message.contains(part.unwrap_or_default()),
                "{}",
                check.message
            );
        }
    }

    #[test]
    fn the_clock_of_the_ledger_is_compared_too() {
        let key = LedgerKey::new(&BaseUrl::graph(), &"t".parse().unwrap());
        let change = Change::read(key, Throttle::default());
        let quota = |second| {
            change
                .apply(None, at(second))
                .unwrap()
                .reply
                .quota()
                .clone()
        };
        let exchange = Exchange {
            sent: at(0),
            answered: at(1),
        };
        // Read at -10 by this machine.
        for (ledger, part) in [
            (-10, None),
            (100, None),
            (290, Some("ledger's server is 301 s ahead of")),
            (-600, Some("ledger's server is 589 s behind")),
        ] {
            let check = judge(Some(at(0)), exchange, Some((&quota(ledger), at(-10))));
            assert_eq!(check.result == CheckResult::Ok, part.is_none(), "{ledger}");
            assert!(
                check.message.contains(part.unwrap_or_default()),
                "{}",
                check.message
            );
        }
    }
}
