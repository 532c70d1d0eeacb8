//! T19: a tenant's name is a name and nothing else.

use industrydata_ledger::Store;
use proptest::prelude::*;

use crate::{fresh, is_granted, reserve, used};

#[test]
fn t19_names_that_look_like_something_else() {
    let Some(place) = fresh() else { return };
    let store = place.store();
    let long = "é".repeat(128);
    let names = [
        "'; DROP TABLE books; --",
        "\"",
        "%",
        "_",
        "\\",
        "\\x00",
        "$1",
        "../../etc/passwd",
        "a",
        "A",
        "a ",
        " a",
        "é",
        "e\u{301}",
        "\u{202e}",
        "null",
        "NULL",
        "0",
        "00",
        "0.0",
        "💶",
        "{}",
        "{s}",
        "t\u{feff}",
        &long,
    ];
    for (n, name) in names.iter().enumerate() {
        for id in 0..=n as u128 % 3 {
            assert!(is_granted(&store.transact(&reserve(name, id))), "{name:?}");
        }
    }
    for (n, name) in names.iter().enumerate() {
        assert_eq!(used(&store, name) as usize, 1 + n % 3, "{name:?}");
    }
    let sql = format!(
        "SELECT convert_from(tenant, 'UTF8') FROM {}.books WHERE length(tenant) = 256",
        place.schema
    );
    assert_eq!(place.admin().ask_one(&sql), long);
}

#[test]
fn t19_the_longest_base_and_tenant() {
    let Some(place) = fresh() else { return };
    let base = format!("http://127.0.0.1:1/{}", "b".repeat(1900));
    let key = crate::key_at(&base, &"t".repeat(256));
    let change = industrydata_core::ledger::Change::reserve(
        key,
        Default::default(),
        [1; 16],
        crate::LEASE,
        Default::default(),
    );
    assert!(is_granted(&place.store().transact(&change)));
}

#[test]
fn t19_schemas_and_databases_of_any_name() {
    let Some(place) = fresh() else { return };
    let odd = format!("{} \"a'b\"; é", place.schema);
    let store = place.options().schema(&odd).connect(&place.url).unwrap();
    store.check().unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    store.check().unwrap();
    for bad in ["", "pg_x", "a\nb", &"s".repeat(64)] {
        crate::unavailable(place.options().schema(bad).connect(&place.url));
    }
    // A database of another encoding: names are bytes.
    let (admin, name) = (place.admin(), format!("{}_latin", place.schema));
    admin.run(&format!(
        "CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0"
    ));
    let url = place
        .url
        .replace("/postgres", &format!("/{name}"))
        .replace("postgres:/postgres", "postgres:/");
    let url = url.replacen(&format!("postgres:/{name}"), "postgres:/", 1);
    let store = place.options().connect(&url).unwrap();
    assert!(is_granted(&store.transact(&reserve("💶", 1))));
    assert_eq!((used(&store, "💶"), used(&store, "€")), (1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn t19_one_name_one_key(names in prop::collection::hash_set("\\P{Cc}{1,40}", 2..6)) {
        if let Some(place) = fresh() {
            let store = place.store();
            for name in &names {
                prop_assert!(is_granted(&store.transact(&reserve(name, 1))));
            }
            for name in &names {
                prop_assert_eq!(used(&store, name), 1);
            }
        }
    }
}

#[test]
fn the_tenants_of_a_base_are_listed() {
    let Some(place) = fresh() else { return };
    let store = place.store();
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
