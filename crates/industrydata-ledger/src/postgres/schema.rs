//! The tables: how the first store makes them, how they are checked, and every statement on them.

use industrydata_core::Timestamp;
use industrydata_core::ledger::StoreError;
use tokio_postgres::{Client, types::Type};

use super::store_error::{self, Failure, Obstacle};

/// The layout this release writes.
const LAYOUT: i32 = 1;
/// The SQL from layout n to layout n + 1, with `{s}` for the schema; the first step begins with no tables.
const STEPS: [&str; LAYOUT as usize] = ["
    CREATE TABLE {s}.layout (layout integer NOT NULL);
    CREATE TABLE {s}.books (
        base bytea NOT NULL, tenant bytea NOT NULL, changes bigint NOT NULL, value bytea NOT NULL,
        PRIMARY KEY (base, tenant)) WITH (fillfactor = 70);
    COMMENT ON TABLE {s}.books IS
        'industryData starts, a row for each base URL and tenant (UTF-8); written by industrydata only';
    INSERT INTO {s}.layout VALUES (0);"];

/// Columns and keys of the two tables as the catalogue has them: each column with the id and the modifier of its type, each
/// key with its columns by number. Printed types and definitions would depend on settings and on what else has their names.
const BOOKS: &str = "base 17 -1, tenant 17 -1, changes 20 -1, value 17 -1; p {1,2} f f t";
const LAYOUTS: &str = "layout 23 -1; ";

/// The longest name that the server takes, in bytes.
const LONGEST_NAME: usize = 63;

/// The advisory lock held while the tables are made: `idLg` and `PgMk`.
const MAKE_LOCK: i64 = 0x6964_4c67_5067_4d6b;

/// Microseconds of the server's clock since 1970.
pub(super) const CLOCK: &str =
    "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::pg_catalog.int8";

/// The schema of the tables, and the statements on them.
pub(super) struct Schema {
    name: String,
    quoted: String,
    pub(super) read: String,
    pub(super) clock: String,
    /// The same columns as those of `lock`, without a lock; no row where there is none.
    pub(super) look_up: String,
    pub(super) insert: String,
    /// Locks the row and reads it; the clock, once the lock is there; the layout, and the mark of the last reset: the row whose
    /// base and tenant are empty. Layout and mark are those before a wait for the lock. A mark is only made where no tenant
    /// has a row, and a step to a newer layout has to lock the whole table against readers with `FOR UPDATE`.
    pub(super) lock: String,
    pub(super) update: String,
    /// Writes the row if nothing has changed it since it had this count and this writer, nor the layout. It commits by itself.
    pub(super) swap: String,
    pub(super) lock_all: String,
    pub(super) has_tenants: String,
    pub(super) tenants: String,
    pub(super) mark: String,
}

/// What the database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Tables,
}

impl Schema {
    pub(super) fn new(name: Option<String>) -> Result<Self, Obstacle> {
        let name = name.unwrap_or_else(|| "industrydata".to_owned());
        let fits = (1..=LONGEST_NAME).contains(&name.len()) && !name.contains(char::is_control);
        if !fits || name.starts_with("pg_") {
            return Err(Obstacle::Schema);
        }
        let s = quoted(&name);
        let known = format!(
            "{CLOCK}, (SELECT layout FROM {s}.layout), \
             (SELECT value FROM {s}.books WHERE base = '' AND tenant = '')"
        );
        Ok(Self {
            read: format!(
                "SELECT {CLOCK}, l.layout, b.changes, b.value, m.value, b.xmin FROM {s}.layout l \
                 LEFT JOIN {s}.books b ON b.base = $1 AND b.tenant = $2 \
                 LEFT JOIN {s}.books m ON m.base = '' AND m.tenant = ''"
            ),
            clock: format!("SELECT {CLOCK}, layout FROM {s}.layout"),
            lock_all: format!("LOCK TABLE {s}.books IN SHARE ROW EXCLUSIVE MODE"),
            tenants: format!(
                "SELECT tenant FROM {s}.books WHERE base = $1 AND tenant <> '' ORDER BY tenant"
            ),
            has_tenants: format!("SELECT EXISTS (SELECT FROM {s}.books WHERE tenant <> '')"),
            // As `reset_mark` writes it.
            mark: format!(
                "INSERT INTO {s}.books AS b (base, tenant, changes, value) \
                 SELECT '', '', 1, pg_catalog.convert_to( \
                 pg_catalog.format('industrydata-reset 1 %s %s', reset.ms, reset.ms), 'UTF8') \
                 FROM (SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::pg_catalog.int8 AS ms) reset \
                 ON CONFLICT (base, tenant) DO UPDATE SET changes = b.changes + 1, value = excluded.value"
            ),
            insert: format!(
                "INSERT INTO {s}.books (base, tenant, changes, value) VALUES ($1, $2, 0, '') \
                 ON CONFLICT (base, tenant) DO NOTHING"
            ),
            look_up: format!(
                "SELECT r.changes, r.value, {known}, r.xmin FROM {s}.books r WHERE base = $1 AND tenant = $2"
            ),
            lock: format!(
                "SELECT r.changes, r.value, {known}, r.xmin \
                 FROM (SELECT changes, value, xmin FROM {s}.books WHERE base = $1 AND tenant = $2 FOR UPDATE) r"
            ),
            swap: format!(
                "UPDATE {s}.books SET changes = changes + 1, value = $3 \
                 WHERE base = $1 AND tenant = $2 AND changes = $4 AND xmin = $5 AND (SELECT layout FROM {s}.layout) = {LAYOUT} \
                 RETURNING changes"
            ),
            // A statement time limit during COMMIT would make it answer before a replica has the change.
            update: format!(
                "UPDATE {s}.books SET changes = changes + 1, value = $3 \
                 WHERE base = $1 AND tenant = $2 \
                 RETURNING changes, pg_catalog.set_config('statement_timeout', '0', true)"
            ),
            quoted: s,
            name,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What an administrator runs for a reset at `time`: the schema is renamed, and a new one begins in quarantine.
    pub(super) fn reset(&self, time: Timestamp) -> String {
        let (s, mark) = (&self.quoted, &self.mark);
        let suffix = time.strftime("_reset_%Y%m%dT%H%M%SZ").to_string();
        let mut aside = self.name.clone();
        while aside.len() + suffix.len() > LONGEST_NAME {
            aside.pop();
        }
        let aside = quoted(&(aside + &suffix));
        let make = STEPS.map(|step| step.replace("{s}", s)).concat();
        format!(
            "-- Run this as the owner of the schema, then grant other roles what they had on the old one.\n\
             BEGIN;\n\
             SET LOCAL search_path = pg_catalog, pg_temp;\n\
             -- Changes nothing, but its lock waits for starts in the old ledger and keeps others out.\n\
             ALTER TABLE IF EXISTS {s}.books DISABLE ROW LEVEL SECURITY;\n\
             ALTER SCHEMA {s} RENAME TO {aside};\n\
             CREATE SCHEMA {s};\
             {make}\n\
             UPDATE {s}.layout SET layout = {LAYOUT};\n\
             {mark};\n\
             COMMIT;\n"
        )
    }

    /// SQL that changes nothing, and fails where no change could be made.
    pub(super) fn probe(&self, has_tables: bool) -> String {
        let s = &self.quoted;
        if has_tables {
            return format!(
                "INSERT INTO {s}.books SELECT FROM {s}.layout WHERE false; UPDATE {s}.books SET changes = 0 WHERE false"
            );
        }
        let make = STEPS.map(|step| step.replace("{s}", s)).concat();
        format!("CREATE SCHEMA IF NOT EXISTS {s}; {make}")
    }

    /// Finds out whether there are no tables, or tables of a known layout exactly as they were made. Anything else is
    /// an error. Call it in a transaction that [`begin`](super::session::begin) began.
    pub(super) async fn look(&self, client: &Client, place: &str) -> Result<Found, Failure> {
        let failed = |error| store_error::of(place, &error);
        let sql = "
            SELECT c.relname::pg_catalog.text, c.relkind = 'r' AND c.relpersistence = 'p' AND NOT c.relrowsecurity
                AND NOT c.relhasrules AND NOT c.relhassubclass AND NOT c.relispartition
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid),
                pg_catalog.concat((SELECT pg_catalog.string_agg(
                    pg_catalog.concat_ws(' ', a.attname, a.atttypid::pg_catalog.int8, a.atttypmod), ', ' ORDER BY a.attnum)
                    FROM pg_catalog.pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '; ',
                    (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', k.contype, k.conkey, k.condeferrable,
                    k.condeferred, k.convalidated), ', ' ORDER BY k.oid)
                    FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n'))
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $1 AND c.relname IN ('books', 'layout') ORDER BY c.relname";
        let rows = client
            .query_typed(sql, &[(&self.name, Type::TEXT)])
            .await
            .map_err(failed)?;
        if rows.is_empty() {
            return Ok(Found::Nothing);
        }
        let mut found = Vec::new();
        for row in &rows {
            let name: String = row.try_get(0).map_err(failed)?;
            let plain: bool = row.try_get(1).map_err(failed)?;
            let columns: String = row.try_get(2).map_err(failed)?;
            found.push((name, plain, columns));
        }
        // A newer layout may have other tables, so its number is checked first.
        if found.iter().any(|(name, _, _)| name == "layout") {
            self.layout(client, place).await?;
        }
        let whole = [("books", BOOKS), ("layout", LAYOUTS)];
        let is_whole = found.len() == 2
            && found
                .iter()
                .zip(whole)
                .all(|((name, plain, columns), (right, made))| {
                    *plain && name == right && columns == made
                });
        if !is_whole {
            return Err(StoreError::Damaged("the tables are not those that were made").into());
        }
        Ok(Found::Tables)
    }

    async fn layout(&self, client: &Client, place: &str) -> Result<(), Failure> {
        let rows = client
            .query_typed(&self.clock, &[])
            .await
            .map_err(|error| store_error::of(place, &error))?;
        let [row] = rows.as_slice() else {
            return Err(StoreError::Damaged("the table of the layout has not one row").into());
        };
        let layout = row
            .try_get(1)
            .map_err(|error| store_error::of(place, &error))?;
        known(layout).map_err(Failure::Clean)
    }

    /// Makes the tables, or brings them to the layout of this release, unless another store does or did. One
    /// transaction under one lock.
    pub(super) async fn make(
        &self,
        client: &Client,
        place: &str,
        begin: &str,
    ) -> Result<(), Failure> {
        // Some of these errors are transient: another client makes the schema without the lock, or an answer is lost.
        let failed = |error| store_error::of(place, &error);
        client.batch_execute(begin).await.map_err(failed)?;
        client
            .batch_execute(&format!(
                "SELECT pg_catalog.pg_advisory_xact_lock({MAKE_LOCK})"
            ))
            .await
            .map_err(failed)?;
        if self.look(client, place).await? == Found::Nothing {
            let there = client
                .query_typed(
                    "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1",
                    &[(&self.name, Type::TEXT)],
                )
                .await
                .map_err(failed)?;
            if there.is_empty() {
                let create = format!("CREATE SCHEMA {}", self.quoted);
                client.batch_execute(&create).await.map_err(failed)?;
            }
            for step in STEPS {
                let make = step.replace("{s}", &self.quoted);
                client.batch_execute(&make).await.map_err(failed)?;
            }
            let sign = format!("UPDATE {}.layout SET layout = {LAYOUT}", self.quoted);
            client.batch_execute(&sign).await.map_err(failed)?;
        }
        // Whether or not it was committed, the next attempt looks at the tables again.
        client
            .batch_execute("COMMIT")
            .await
            .map_err(|error| Failure::Again(store_error::server_error(place, &error, "")))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether this release reads and writes the layout.
pub(super) fn known(layout: i32) -> Result<(), StoreError> {
    if layout > LAYOUT {
        return Err(StoreError::Newer {
            found: layout.unsigned_abs(),
            known: LAYOUT.unsigned_abs(),
        });
    }
    if layout < 1 {
        return Err(StoreError::Damaged("the layout has no valid number"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_of_this_release_are_known() {
        assert!(known(LAYOUT).is_ok());
        let newer = known(LAYOUT + 6).unwrap_err();
        assert!(
            matches!(newer, StoreError::Newer { found: 7, known: 1 }),
            "{newer:?}"
        );
        for none in [0, -1, i32::MIN] {
            assert!(matches!(known(none), Err(StoreError::Damaged(_))), "{none}");
        }
    }

    #[test]
    fn a_schema_has_a_name_that_the_server_takes() {
        let named = |name: &str| Schema::new(Some(name.to_owned())).map(|it| it.quoted);
        assert_eq!(named("a\"b").unwrap(), "\"a\"\"b\"");
        assert_eq!(Schema::new(None).unwrap().name(), "industrydata");
        assert!(named(&"s".repeat(63)).is_ok());
        let reset = Schema::new(Some("é".repeat(31)))
            .unwrap()
            .reset(Timestamp::UNIX_EPOCH);
        let aside = format!("TO \"{}_reset_19700101T000000Z\";", "é".repeat(20));
        assert!(reset.contains(&aside), "{reset}");
        for odd in ["", "a\nb", "pg_books", &"s".repeat(64)] {
            assert!(matches!(named(odd), Err(Obstacle::Schema)), "{odd}");
        }
    }
}
