//! Whether the ledger would give a start a slot.

use industrydata_core::ledger::{Quota, RefusalReason};

use crate::{
    checks::check::{Check, Step},
    human,
    report::{Document, Kind, Outcome, QuotaReport},
};

const NAME: &str = "quota";

/// A refusal in the words of a start.
pub(crate) fn judge(quota: &Quota) -> Check {
    let limit = quota.throttle().limit;
    let used = quota.used();
    let reason = if quota.quarantine().is_some() {
        RefusalReason::Quarantine
    } else if quota.not_before().is_some() {
        RefusalReason::Service
    } else if quota.in_flight() > 0 {
        RefusalReason::InFlight
    } else {
        RefusalReason::Slots
    };
    let Some(until) = quota.next_slot_at() else {
        let counts = format!("{} of {limit} starts left, {used} used", quota.available());
        if quota.in_doubt() == 0 {
            return Check::ok(Step::Slot, NAME, counts);
        }
        let doubt = human::counted(quota.in_doubt() as usize, "start");
        return Check::warning(
            Step::Slot,
            NAME,
            format!("{counts}; {doubt} in doubt"),
            "run `industrydata quota --reconcile`, which resolves starts in doubt by what the service lists",
        );
    };
    let until = quota.by_service_clock(until);
    let message = format!("no start before {until:.0}: {reason}");
    let document = Document {
        quota: Some(QuotaReport::from(quota)),
        ..Document::error(Outcome::Throttled, Kind::Quota, message)
    };
    let advice = match reason {
        RefusalReason::Quarantine => {
            "wait for the quarantine to end, or run `industrydata quota --reconcile` half an hour after the reset or later"
        }
        RefusalReason::Slots | RefusalReason::InFlight | RefusalReason::Service => {
            "start again at the time given, or wait for the next scheduled run"
        }
    };
    Check::problem(Step::Slot, NAME, document.advise(advice))
}
