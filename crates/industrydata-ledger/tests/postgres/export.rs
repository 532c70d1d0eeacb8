//! The way out of a database.

use industrydata_core::Timestamp;
use industrydata_ledger::{Books, Store, StoreFault};

use crate::{fresh, is_granted, reserve, used};

#[test]
fn an_empty_database_is_as_of_its_clock() {
    let Some(place) = fresh() else { return };
    let holdings = place.store().holdings().unwrap();
    assert!(holdings.books.is_empty() && holdings.damage.is_empty());
    let off = holdings.as_of.duration_since(Timestamp::now());
    assert!(off.abs().as_secs() < 3600, "{off:?}");
}

#[test]
fn a_damaged_row_keeps_the_others_in_no_longer() {
    let (Some(place), Some(other)) = (fresh(), fresh()) else {
        return;
    };
    let store = place.store();
    for tenant in ["t", "u"] {
        assert!(is_granted(&store.transact(&reserve(tenant, 1))));
    }
    place.admin().run(&format!(
        "UPDATE {}.books SET value = set_byte(value, 60, 1) WHERE tenant = 't'",
        place.schema
    ));
    let export = Books::from(store).export().unwrap();
    assert!(!export.is_whole());
    let new = other.store();
    Books::from(new.clone()).import(&export).unwrap();
    assert!(!is_granted(&new.transact(&reserve("t", 2))));
    assert!(is_granted(&new.transact(&reserve("u", 2))));
    assert_eq!(used(&new, "u"), 2);
    place
        .admin()
        .run(&format!("ALTER TABLE {}.books ADD x int", place.schema));
    let fault = Books::from(place.store()).export().unwrap_err();
    assert!(matches!(fault, StoreFault::Damaged(_)), "{fault}");
}
