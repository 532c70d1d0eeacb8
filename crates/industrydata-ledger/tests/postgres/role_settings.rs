//! Settings and rights of a role that are in the way: they have no effect, or the message names them.

use industrydata_ledger::{PgStore, Store, StoreError};

use crate::{Admin, Fresh, fresh, is_granted, reserve, unavailable, used};

/// A new role with `CREATE` on the database, and the URL for it.
struct Role {
    place: Fresh,
    name: String,
    url: String,
}

fn role() -> Option<Role> {
    let place = fresh()?;
    let name = format!("r{}", place.schema);
    let admin = place.admin();
    admin.run(&format!("CREATE ROLE {name} LOGIN PASSWORD 'canary'"));
    one_by_one(
        &admin,
        &format!("GRANT CREATE ON DATABASE postgres TO {name}"),
    );
    let (_, rest) = place.url.split_once('@').unwrap();
    let url = format!("postgres://{name}:canary@{rest}");
    Some(Role { place, name, url })
}

/// Changes the rights on the database. Tests that do so at one time would fail.
fn one_by_one(admin: &Admin, sql: &str) {
    admin.run(&format!("SELECT pg_advisory_xact_lock(7103); {sql}"));
}

impl Role {
    fn set(&self, setting: &str) {
        let sql = format!("ALTER ROLE {} {setting}", self.name);
        self.place.admin().run(&sql);
    }

    /// A new store: a new connection, with the settings of the role as they are now.
    fn store(&self) -> PgStore {
        self.place.options().connect(&self.url).unwrap()
    }

    #[track_caller]
    fn message(&self) -> String {
        let message = unavailable(self.store().transact(&reserve("t", 1)));
        assert!(!message.contains("canary"), "{message}");
        for wrong in ["whether the server runs", "another process", "damaged"] {
            assert!(!message.contains(wrong), "{message}");
        }
        message
    }

    /// Uses the ledger with a new store each time: the second use finds the tables that the first one made, the third keeps
    /// its statements and settings.
    #[track_caller]
    fn works(&self) {
        for id in 1..=3 {
            let options = self.place.options().keep_statements(id == 3);
            let store = options.connect(&self.url).unwrap();
            let result = store.transact(&reserve("t", id));
            assert!(is_granted(&result), "{id}: {result:?}");
            store.check().unwrap();
            assert_eq!(u128::from(used(&store, "t")), id);
        }
    }
}

#[test]
fn names_in_quotes_are_not_damage() {
    let Some(role) = role() else { return };
    role.set("SET quote_all_identifiers = on");
    role.works();
    role.set("RESET quote_all_identifiers");
    assert_eq!(used(&role.store(), "t"), 3);
}

#[test]
fn what_else_has_our_names_is_not_used() {
    let Some(role) = role() else { return };
    let (evil, name) = (format!("evil_{}", role.place.schema), &role.name);
    let admin = role.place.admin();
    admin.run(&format!(
        "CREATE SCHEMA {evil}; GRANT USAGE ON SCHEMA {evil} TO {name};
         CREATE DOMAIN {evil}.bytea AS text CHECK (false);
         CREATE DOMAIN {evil}.int4 AS text; CREATE DOMAIN {evil}.int8 AS text CHECK (false);
         CREATE TABLE {evil}.books (x text); CREATE TABLE {evil}.layout (x text);
         CREATE TABLE {evil}.pg_class (x text); CREATE TABLE {evil}.pg_namespace (x text);
         CREATE FUNCTION {evil}.never(bytea, bytea) RETURNS boolean LANGUAGE sql AS 'SELECT false';
         CREATE FUNCTION {evil}.never(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
         CREATE FUNCTION {evil}.never(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT false';
         CREATE FUNCTION {evil}.never(numeric, numeric) RETURNS numeric LANGUAGE sql AS 'SELECT 0::numeric';
         CREATE OPERATOR {evil}.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = {evil}.never);
         CREATE OPERATOR {evil}.= (LEFTARG = name, RIGHTARG = text, FUNCTION = {evil}.never);
         CREATE OPERATOR {evil}.= (LEFTARG = name, RIGHTARG = name, FUNCTION = {evil}.never);
         CREATE OPERATOR {evil}.* (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = {evil}.never);
         CREATE FUNCTION {evil}.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''epoch''::timestamptz';
         CREATE FUNCTION {evil}.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
         CREATE FUNCTION {evil}.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';"
    ));
    role.set(&format!("SET search_path = {evil}, pg_catalog, public"));
    role.works();
    // Tables that were made under the settings are those that a role without them makes and finds.
    role.set("RESET search_path");
    assert_eq!(used(&role.store(), "t"), 3);
    let sql = format!(
        "SELECT bool_and(a.atttypid IN (17, 20, 23)) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = '{}' AND c.relkind = 'r' AND a.attnum > 0",
        role.place.schema
    );
    assert_eq!(admin.ask_one(&sql), "t");
}

#[test]
fn settings_that_a_change_does_not_rely_on() {
    let Some(role) = role() else { return };
    for setting in [
        "default_transaction_deferrable = on",
        "default_transaction_isolation = serializable",
        "lock_timeout = 1",
        "idle_in_transaction_session_timeout = 1",
        "synchronous_commit = off",
        "row_security = off",
        "bytea_output = escape",
        "standard_conforming_strings = off",
        "client_encoding = LATIN1",
        "DateStyle = 'SQL, DMY'",
        "TimeZone = 'Asia/Kathmandu'",
        "IntervalStyle = sql_standard",
        "statement_timeout = '2s'",
    ] {
        role.set(&format!("SET {setting}"));
    }
    role.works();
}

/// What a change must not take from the role holds in its transaction, also where it holds for the session.
#[test]
fn settings_hold_in_each_transaction() {
    let Some(role) = role() else { return };
    for setting in [
        "synchronous_commit = off",
        "search_path = nowhere",
        "lock_timeout = 1",
        "statement_timeout = '2s'",
        "idle_in_transaction_session_timeout = '40s'",
        "row_security = on",
    ] {
        role.set(&format!("SET {setting}"));
    }
    role.works();
    let admin = role.place.admin();
    // A trigger would be damage, so a rule of the test's own logs what holds while a row is written.
    let schema = &role.place.schema;
    admin.run(&format!(
        "CREATE SCHEMA log_{schema}; GRANT USAGE ON SCHEMA log_{schema} TO {0};
         CREATE TABLE log_{schema}.held (what text); GRANT INSERT ON log_{schema}.held TO {0};
         CREATE FUNCTION log_{schema}.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO log_{schema}.held SELECT concat_ws(' | ', current_setting('synchronous_commit'),
         current_setting('search_path'), current_setting('lock_timeout'), current_setting('row_security'),
         current_setting('idle_in_transaction_session_timeout'), current_setting('transaction_isolation'));
         RETURN NEW; END $$",
        role.name
    ));
    let options = || role.place.options().wait(std::time::Duration::from_secs(4));
    for keep in [true, false] {
        let store = options().keep_statements(keep).connect(&role.url).unwrap();
        let granted = |id| is_granted(&store.transact(&reserve("u", id)));
        // The store has looked at the tables before the trigger is there.
        assert!(granted(if keep { 1 } else { 2 }));
        admin.run(&format!(
            "CREATE TRIGGER note BEFORE UPDATE ON {schema}.books FOR EACH ROW EXECUTE FUNCTION log_{schema}.note()"
        ));
        assert!(granted(if keep { 3 } else { 4 }));
        admin.run(&format!("DROP TRIGGER note ON {schema}.books"));
        let held = admin.ask_one(&format!("SELECT what FROM log_{schema}.held"));
        admin.run(&format!("DELETE FROM log_{schema}.held"));
        let words: Vec<&str> = held.split(" | ").collect();
        let [commit, path, lock, rows, idle, isolation] = words.as_slice() else {
            panic!("{held}");
        };
        assert_eq!(
            (*commit, *path, *rows, *idle, *isolation),
            ("on", "pg_catalog, pg_temp", "off", "4s", "read committed")
        );
        let shortest = if keep { 3800 } else { 3000 };
        let lock: u32 = lock.trim_end_matches("ms").parse().unwrap();
        assert!((shortest..4000).contains(&lock), "{keep}: {lock}");
    }
}

#[test]
fn a_short_statement_timeout_has_no_effect_or_is_named() {
    let Some(role) = role() else { return };
    role.set("SET statement_timeout = 1");
    let mut granted = 0;
    for id in 0..20_u128 {
        // The role's limit holds until the first statement of a transaction has set another.
        match role.store().transact(&reserve(&format!("t{id}"), id)) {
            Ok(reply) => {
                assert!(reply.refusal().is_none());
                granted += 1;
            }
            Err(error @ StoreError::Unavailable(_)) => {
                assert!(error.to_string().contains("statement_timeout"), "{error}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    println!("{granted} of 20 granted under a limit of 1 ms");
    assert!(granted > 0);
}

#[test]
fn a_statement_that_is_cancelled_is_not_a_lock() {
    let Some(role) = role() else { return };
    let holder = role.place.admin();
    role.works();
    holder.run(&format!(
        "BEGIN; SELECT FROM {}.books FOR UPDATE",
        role.place.schema
    ));
    let store = role.store();
    let waiting = std::thread::spawn(move || store.transact(&reserve("t", 4)));
    let admin = role.place.admin();
    let sql = format!(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = '{}' AND wait_event_type = 'Lock'",
        role.name
    );
    while admin.ask(&sql).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let message = unavailable(waiting.join().unwrap());
    assert!(
        message.contains("57014") && message.contains("an administrator cancelled"),
        "{message}"
    );
}

#[test]
fn a_role_that_only_reads() {
    let Some(role) = role() else { return };
    role.set("SET default_transaction_read_only = on");
    let message = role.message();
    assert!(
        message.contains("default_transaction_read_only is on"),
        "{message}"
    );
    assert!(message.contains("ALTER ROLE"), "{message}");
    let message = unavailable(role.store().check());
    assert!(
        message.contains("default_transaction_read_only is on"),
        "{message}"
    );
    role.set("RESET default_transaction_read_only");
    role.works();
    // With tables there, and from the URL.
    let options = "?options=-c%20default_transaction_read_only%3Don";
    let store = role.place.options().connect(&(role.url.clone() + options));
    let message = unavailable(store.unwrap().transact(&reserve("t", 9)));
    assert!(
        message.contains("default_transaction_read_only is on"),
        "{message}"
    );
}

#[test]
fn an_idle_session_timeout_is_named_or_has_no_effect() {
    let Some(role) = role() else { return };
    role.set("SET idle_session_timeout = 1");
    for id in 0..5_u128 {
        match role.store().transact(&reserve(&format!("t{id}"), id)) {
            Ok(reply) => assert!(reply.refusal().is_none()),
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains("idle_session_timeout"), "{message}");
            }
        }
    }
}

#[test]
fn rights_that_a_role_lacks() {
    let Some(role) = role() else { return };
    let (name, schema) = (&role.name, &role.place.schema);
    let admin = role.place.admin();
    one_by_one(
        &admin,
        &format!("REVOKE CREATE ON DATABASE postgres FROM {name}"),
    );
    assert!(role.message().contains("CREATE on the database"));
    admin.run(&format!("CREATE SCHEMA {schema}"));
    assert!(role.message().contains("USAGE and CREATE on the schema"));
    admin.run(&format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {name}"));
    role.works();
    admin.run(&format!("REVOKE USAGE ON SCHEMA {schema} FROM {name}"));
    assert!(role.message().contains("USAGE and CREATE on the schema"));

    role.set("CONNECTION LIMIT 0");
    let message = role.message();
    assert!(
        message.contains("CONNECTION LIMIT of the role"),
        "{message}"
    );
    role.set("CONNECTION LIMIT -1 NOLOGIN");
    assert!(role.message().contains("look at the user"));
    role.set("LOGIN VALID UNTIL '2020-01-01'");
    assert!(role.message().contains("look at the user, the password"));
    role.set("VALID UNTIL 'infinity'");

    // Databases: one that does not exist, one that takes no connections, one without the right to connect.
    let to = |base: &str| {
        let url = role.url.replace("/postgres", &format!("/{base}"));
        let url = url.replacen(&format!("postgres:/{base}"), "postgres:/", 1);
        unavailable(role.place.options().connect(&url).unwrap().check())
    };
    assert!(to("no_such_database").contains("create the database first"));
    admin.run(&format!("CREATE DATABASE {schema}_own"));
    admin.run(&format!(
        "REVOKE CONNECT ON DATABASE {schema}_own FROM PUBLIC"
    ));
    let message = to(&format!("{schema}_own"));
    assert!(message.contains("CONNECT on the database"), "{message}");
    admin.run(&format!(
        "ALTER DATABASE {schema}_own ALLOW_CONNECTIONS false"
    ));
    let message = to(&format!("{schema}_own"));
    assert!(message.contains("ALLOW_CONNECTIONS"), "{message}");
    admin.run(&format!("DROP DATABASE {schema}_own"));
}
