//! T52, T58: tables that were altered, rows that vanish, and layouts of other releases.

use industrydata_ledger::{PgStore, Store, StoreError};

use crate::{Fresh, fresh, is_granted, quota, reserve, used};

fn is_damaged<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Damaged(_)))
}

/// Neither a store that has read the ledger nor, unless `is_known_only`, a new one grants a start.
#[track_caller]
fn check(is_known_only: bool, sql: &str, expected: impl Fn(&StoreError) -> bool) {
    let Some(place) = fresh() else { return };
    let old = place.with_starts(5);
    place.admin().run(&sql.replace("{s}", &place.schema));
    let mut stores = vec![old];
    if !is_known_only {
        stores.push(place.store());
    }
    for store in stores {
        for result in [
            store.transact(&reserve("t", 6)),
            store.transact(&crate::read("t")),
            store.transact(&crate::confirm("t", 1)),
        ] {
            match result {
                Err(error) if expected(&error) => {}
                other => panic!("{sql}: {other:?}"),
            }
        }
    }
}

#[test]
fn t58_a_newer_layout_is_left_as_it_is() {
    let newer = |error: &StoreError| matches!(error, StoreError::Newer { found: 7, known: 1 });
    check(false, "UPDATE {s}.layout SET layout = 7", newer);
    check(
        false,
        "UPDATE {s}.layout SET layout = 7; ALTER TABLE {s}.books ADD more text",
        newer,
    );
    check(
        false,
        "UPDATE {s}.layout SET layout = 7; ALTER TABLE {s}.layout ADD more text",
        newer,
    );
    // A newer release may use other tables.
    let Some(place) = fresh() else { return };
    drop(place.with_starts(1));
    let sql = "UPDATE {s}.layout SET layout = 7; DROP TABLE {s}.books";
    place.admin().run(&sql.replace("{s}", &place.schema));
    let error = place.store().transact(&reserve("t", 6)).unwrap_err();
    assert!(newer(&error), "{error}");
}

#[test]
fn t52_tables_that_were_altered() {
    let damaged = |error: &StoreError| matches!(error, StoreError::Damaged(_));
    for sql in [
        "UPDATE {s}.layout SET layout = 0",
        "DELETE FROM {s}.layout",
        "INSERT INTO {s}.layout VALUES (1)",
        "ALTER TABLE {s}.books DROP value",
        "ALTER TABLE {s}.books ALTER changes TYPE int",
        "DROP TABLE {s}.books",
        "DROP TABLE {s}.layout",
        "ALTER TABLE {s}.books RENAME TO b; CREATE VIEW {s}.books AS SELECT base, tenant, changes FROM {s}.b",
        "UPDATE {s}.books SET changes = 0",
        "UPDATE {s}.books SET value = ''",
        "UPDATE {s}.books SET value = substr(value, 1, length(value) - 1)",
    ] {
        check(false, sql, damaged);
    }
    // To a new store these look like an empty ledger; a store that has read the ledger detects them.
    for sql in [
        "DELETE FROM {s}.books",
        "TRUNCATE {s}.books",
        "DROP SCHEMA {s} CASCADE",
        "DROP TABLE {s}.books, {s}.layout",
        "UPDATE {s}.books SET tenant = 'u'",
        "UPDATE {s}.books SET changes = changes - 1",
    ] {
        check(true, sql, |error| {
            damaged(error) || crate::is_row_lost(error)
        });
    }
    // These break no statement. Each new connection detects them.
    for sql in [
        "ALTER TABLE {s}.books SET UNLOGGED",
        "ALTER TABLE {s}.books DROP CONSTRAINT books_pkey",
        "ALTER TABLE {s}.books ADD more text",
        "ALTER TABLE {s}.books ENABLE ROW LEVEL SECURITY",
        "CREATE RULE r AS ON UPDATE TO {s}.books DO INSTEAD NOTHING",
    ] {
        let Some(place) = fresh() else { return };
        drop(place.with_starts(3));
        place.admin().run(&sql.replace("{s}", &place.schema));
        assert!(
            is_damaged(&place.store().transact(&reserve("t", 4))),
            "{sql}"
        );
        assert!(is_damaged(&place.store().check()), "{sql}");
    }
}

#[test]
fn t52_every_byte_of_a_value_flipped_in_turn() {
    let Some(place) = fresh() else { return };
    let store = place.with_starts(5);
    let admin = place.admin();
    let table = format!("{}.books", place.schema);
    let length: usize = admin
        .ask_one(&format!("SELECT length(value) FROM {table}"))
        .parse()
        .unwrap();
    admin.run(&format!(
        "CREATE TEMP TABLE whole AS SELECT value FROM {table}"
    ));
    for at in 0..length {
        admin.run(&format!(
            "UPDATE {table} SET value = set_byte(whole.value, {at}, get_byte(whole.value, {at}) # {}) FROM whole",
            1 << (at % 8)
        ));
        let result = store.transact(&reserve("t", 6));
        assert!(
            matches!(
                result,
                Err(StoreError::Damaged(_) | StoreError::Newer { .. })
            ),
            "{at}: {result:?}"
        );
    }
    admin.run(&format!(
        "UPDATE {table} SET value = whole.value FROM whole"
    ));
    assert_eq!(used(&store, "t"), 5);
    println!("{length} flips, all detected");
}

#[test]
fn t52_the_ledger_of_another_tenant_is_detected() {
    let Some(place) = fresh() else { return };
    let store = place.with_starts(5);
    assert!(is_granted(&store.transact(&reserve("u", 1))));
    let admin = place.admin();
    admin.run(&format!(
        "UPDATE {0}.books SET value = (SELECT value FROM {0}.books WHERE tenant = 'u') WHERE tenant = 't'",
        place.schema
    ));
    assert!(is_damaged(&store.transact(&reserve("t", 6))));
    assert!(is_damaged(&quota(&place.store(), "t")));
    assert_eq!(used(&store, "u"), 1);
}

/// A server that refuses a statement as not supported names it. Tables that were altered under a statement that is kept are
/// looked at again.
#[test]
fn a_feature_that_a_server_lacks_is_not_damage() {
    for keeps in [false, true] {
        let Some(place) = fresh() else { return };
        drop(place.with_starts(1));
        let options = place.options().keep_statements(keeps);
        let store = options.connect(&place.url).unwrap();
        assert!(is_granted(&store.transact(&reserve("t", 2))));
        let (admin, schema) = (place.admin(), &place.schema);
        admin.run(&format!(
            "CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'cannot write here' USING ERRCODE = '0A000'; END $$;
             CREATE TRIGGER refuse BEFORE UPDATE ON {schema}.books FOR EACH ROW EXECUTE FUNCTION {schema}.refuse()"
        ));
        let result = store.transact(&reserve("t", 3));
        if keeps {
            assert!(is_damaged(&result), "{result:?}");
        } else {
            let message = crate::unavailable(result);
            assert!(
                message.contains("cannot write here (SQLSTATE 0A000)"),
                "{message}"
            );
        }
        admin.run(&format!("DROP TRIGGER refuse ON {schema}.books"));
        assert!(is_granted(&store.transact(&reserve("t", 3))));
        assert_eq!(used(&store, "t"), 3);
    }
}

/// A release that brings the tables to a newer layout between the read and the write of a change.
#[test]
fn t58_a_layout_that_changes_while_a_change_is_made() {
    use std::sync::{Arc, Mutex};
    let Some(place) = fresh() else { return };
    drop(place.with_starts(2));
    let (admin, schema) = (Mutex::new(place.admin()), place.schema.clone());
    let binds = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = Arc::clone(&binds);
    let proxy = crate::proxy::Proxy::new(&place.url, move |message| {
        // The second statement of a change without a lock.
        if message.kind == b'B'
            && count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == u32::MAX
        {
            let sql = format!("UPDATE {schema}.layout SET layout = 7");
            admin.lock().unwrap().run(&sql);
        }
        crate::proxy::Fate::Pass
    });
    let options = place.options().keep_statements(true);
    let store = options
        .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
        .unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 3))));
    binds.store(u32::MAX - 1, std::sync::atomic::Ordering::SeqCst);
    let result = store.transact(&reserve("t", 4));
    assert!(
        matches!(result, Err(StoreError::Newer { found: 7, known: 1 })),
        "{result:?}"
    );
    place
        .admin()
        .run(&format!("UPDATE {}.layout SET layout = 1", place.schema));
    assert_eq!(used(&place.store(), "t"), 3);
}

#[test]
fn reads_and_refusals_change_nothing() {
    let Some(place) = fresh() else { return };
    let (store, admin) = (place.store(), place.admin());
    let schemas = format!(
        "SELECT count(*) FROM pg_namespace WHERE nspname = '{}'",
        place.schema
    );
    assert_eq!(quota(&store, "t").unwrap().available(), 5);
    store.check().unwrap();
    assert_eq!(admin.ask_one(&schemas), "0");
    let store: PgStore = place.with_starts(5);
    let state = format!(
        "SELECT string_agg(tenant::text || xmin::text || xmax::text, ',') FROM {}.books",
        place.schema
    );
    let before = admin.ask_one(&state);
    assert!(!is_granted(&store.transact(&reserve("t", 6))));
    assert_eq!((used(&store, "t"), used(&store, "v")), (5, 0));
    store.check().unwrap();
    assert_eq!(admin.ask_one(&state), before);
}

#[test]
fn settings_of_the_role_have_no_effect() {
    let Some(place) = fresh() else { return };
    let admin = place.admin();
    let role = place.schema.clone();
    admin.run(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'p'; CREATE SCHEMA AUTHORIZATION {role};
         ALTER ROLE {role} SET synchronous_commit = off; ALTER ROLE {role} SET search_path = nowhere;
         ALTER ROLE {role} SET default_transaction_isolation = serializable;
         ALTER ROLE {role} SET bytea_output = escape; ALTER ROLE {role} SET timezone = 'Asia/Kathmandu'"
    ));
    let (_, at) = place.url.split_once('@').unwrap();
    let place = Fresh {
        url: format!("postgres://{role}:p@{at}"),
        ..place.clone()
    };
    let store = place.with_starts(5);
    assert!(!is_granted(&store.transact(&reserve("t", 6))));
    // The role may do no more than it needs.
    admin.run(&format!(
        "REVOKE CREATE ON SCHEMA {role} FROM {role}; ALTER SCHEMA {role} OWNER TO industry;
        GRANT USAGE ON SCHEMA {role} TO {role}; ALTER TABLE {role}.books OWNER TO industry;
        ALTER TABLE {role}.layout OWNER TO industry;
        GRANT SELECT, INSERT, UPDATE ON {role}.books, {role}.layout TO {role}"
    ));
    let store = place.store();
    store.check().unwrap();
    assert!(is_granted(&store.transact(&reserve("u", 6))));
    admin.run(&format!("REVOKE UPDATE ON {role}.books FROM {role}"));
    let message = crate::unavailable(place.store().transact(&reserve("u", 7)));
    assert!(message.contains("SELECT, INSERT and UPDATE"), "{message}");
    assert!(crate::unavailable(place.store().check()).contains("permission denied"));
}
