//! T19: a tenant's name is a name and nothing else.

use industrydata_ledger::{SqliteStore, Store};
use proptest::prelude::*;

use crate::{fresh, is_granted, quota, reserve};

#[test]
fn t19_names_that_look_like_something_else() {
    let (_folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    let names = [
        "'; DROP TABLE books; --",
        "\"",
        "%",
        "_",
        "../../etc/passwd",
        "file:x?mode=memory",
        "a",
        "A",
        "a ",
        " a",
        "é",
        "e\u{301}",
        "\u{202e}",
        "null",
        "0",
        "00",
        "0.0",
        "x'00'",
        "💶",
        "{}",
        "t\u{feff}",
    ];
    for (n, name) in names.iter().enumerate() {
        for id in 0..=n as u128 % 3 {
            assert!(is_granted(&store.transact(&reserve(name, id))), "{name:?}");
        }
    }
    for (n, name) in names.iter().enumerate() {
        assert_eq!(
            quota(&store, name).unwrap().used() as usize,
            1 + n % 3,
            "{name:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn t19_one_name_one_key(names in prop::collection::hash_set("\\P{Cc}{1,40}", 2..6)) {
        let (_folder, path) = fresh();
        let store = SqliteStore::open(&path).unwrap();
        for name in &names {
            prop_assert!(is_granted(&store.transact(&reserve(name, 1))));
        }
        for name in &names {
            prop_assert_eq!(quota(&store, name).unwrap().used(), 1);
        }
    }
}

#[test]
fn the_tenants_of_a_base_are_listed() {
    let (_folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    let tenants = |base: &str| store.tenants(&base.parse().unwrap()).unwrap();
    let own = "http://127.0.0.1:18080/beta";
    assert!(tenants(own).is_empty());
    for name in ["é", "b", "B", "default"] {
        assert!(is_granted(&store.transact(&reserve(name, 1))));
    }
    assert_eq!(tenants(own), ["B", "b", "default", "é"]);
    assert_eq!(tenants("http://127.0.0.1:18080/%62ETA"), tenants(own));
    assert!(tenants("http://127.0.0.1:1/beta").is_empty());
}
