//! The catalog: which segments there are, which log files are done with, which payloads came.
//!
//! One SQLite file. What belongs together changes in one transaction, and a transaction is on the disk before it
//! counts: the log file that a flush makes needless is removed afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::path::Path as ObjectPath;
use rusqlite::{Connection, OpenFlags, Transaction, params};

use crate::payload::Id;
use crate::segment::Written;
use crate::{LakeError, Remote, Segment, Table, flush};

/// Of the tables below, after all [`STEPS`].
const VERSION: i64 = 2;
/// Payloads that are known again when they come twice.
const REMEMBERED: i64 = 1 << 16;

const TABLES: &str = "
    CREATE TABLE segments (
        id INTEGER PRIMARY KEY,
        signal TEXT NOT NULL,
        level INTEGER NOT NULL,
        path TEXT NOT NULL UNIQUE,
        bytes INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        min_time INTEGER NOT NULL,
        max_time INTEGER NOT NULL
    );
    CREATE TABLE watermarks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE payloads (number INTEGER PRIMARY KEY, id BLOB NOT NULL);
";

/// Steps from each version to the next.
const STEPS: [&str; 2] = [
    TABLES,
    // The full name of the object that stands for a segment, whether the store has it, and whether the file is there.
    "
    ALTER TABLE segments ADD COLUMN object TEXT;
    ALTER TABLE segments ADD COLUMN published INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segments ADD COLUMN local INTEGER NOT NULL DEFAULT 1;
    ",
];

pub(crate) struct Catalog {
    folder: PathBuf,
    path: PathBuf,
    connection: Connection,
}

impl Catalog {
    pub fn open(folder: &Path) -> Result<Catalog, LakeError> {
        let path = folder.join("catalog.db");
        let empty = fs::metadata(&path).map_or(true, |file| file.len() == 0);
        if empty && flush::any_left(folder) {
            return Err(LakeError::CatalogGone(folder.to_owned()));
        }
        let mut catalog = Catalog::connect(folder, path, OpenFlags::default())?;
        catalog.change(|connection| {
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")
        })?;
        catalog.migrate()?;
        Ok(catalog)
    }

    /// For a look at a lake that nobody writes.
    pub fn open_read_only(folder: &Path) -> Result<Catalog, LakeError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let catalog = Catalog::connect(folder, folder.join("catalog.db"), flags)?;
        catalog.check_version()?;
        Ok(catalog)
    }

    fn connect(folder: &Path, path: PathBuf, flags: OpenFlags) -> Result<Catalog, LakeError> {
        match Connection::open_with_flags(&path, flags) {
            Ok(connection) => Ok(Catalog { folder: folder.to_owned(), path, connection }),
            Err(source) => Err(LakeError::Catalog { path, source }),
        }
    }

    fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LakeError> {
        change(&mut self.connection).map_err(|source| LakeError::Catalog { path: self.path.clone(), source })
    }

    fn ask<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LakeError> {
        ask(&self.connection).map_err(|source| LakeError::Catalog { path: self.path.clone(), source })
    }

    fn check_version(&self) -> Result<i64, LakeError> {
        let version: i64 = self.ask(|db| db.pragma_query_value(None, "user_version", |row| row.get(0)))?;
        if version > VERSION {
            return Err(LakeError::Newer(self.path.clone()));
        }
        Ok(version)
    }

    fn migrate(&mut self) -> Result<(), LakeError> {
        let version = self.check_version()?;
        if version < VERSION {
            self.change(|db| {
                let all = db.transaction()?;
                STEPS[version as usize..].iter().try_for_each(|step| all.execute_batch(step))?;
                all.pragma_update(None, "user_version", VERSION)?;
                all.commit()
            })?;
        }
        Ok(())
    }

    /// The lake's own number, for names that no other lake gives. Made when it is first asked for.
    pub fn lake(&mut self) -> Result<i64, LakeError> {
        let number = (RandomState::new().build_hasher().finish() >> 1) as i64;
        self.change(|db| {
            db.execute("INSERT INTO watermarks VALUES ('lake', ?1) ON CONFLICT DO NOTHING", [number])?;
            db.query_row("SELECT value FROM watermarks WHERE name = 'lake'", [], |row| row.get(0))
        })
    }

    /// Rows of log files up to this number are in segments.
    pub fn flushed_through(&self) -> Result<u64, LakeError> {
        let value: Option<i64> = self.ask(|db| {
            db.query_row("SELECT max(value) FROM watermarks WHERE name = 'flushed_through'", [], |row| {
                row.get(0)
            })
        })?;
        Ok(value.unwrap_or(0) as u64)
    }

    /// Every segment; rows that this program cannot understand are left out with a warning.
    pub fn segments(&self, remote: Option<&Remote>) -> Result<Vec<Arc<Segment>>, LakeError> {
        let columns = if self.check_version()? < 2 { "NULL, 0, 1" } else { "object, published, local" };
        self.ask(|db| {
            let mut rows = db.prepare(&format!(
                "SELECT id, signal, level, path, bytes, rows, min_time, max_time, {columns} FROM segments ORDER BY min_time",
            ))?;
            let segments = rows.query_map([], |row| {
                let (id, table, path): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(3)?);
                let Some(table) = Table::named(&table) else { return Ok(None) };
                let written = Written {
                    table,
                    level: row.get(2)?,
                    path: self.folder.join(path),
                    bytes: row.get::<_, i64>(4)? as u64,
                    rows: row.get::<_, i64>(5)? as u64,
                    min_time: row.get(6)?,
                    max_time: row.get(7)?,
                };
                let (url, published, local): (Option<String>, bool, bool) =
                    (row.get(8)?, row.get(9)?, row.get(10)?);
                Ok(stored(id, written, url, published, local, remote))
            })?;
            segments.filter_map(Result::transpose).collect()
        })
    }

    /// In words, what is only in an object store.
    pub fn elsewhere(&self) -> Result<Option<String>, LakeError> {
        if self.check_version()? < 2 {
            return Ok(None);
        }
        let (rows, object): (Option<i64>, Option<String>) = self.ask(|db| {
            let only = "SELECT sum(rows), max(object) FROM segments WHERE NOT local";
            db.query_row(only, [], |row| Ok((row.get(0)?, row.get(1)?)))
        })?;
        Ok(rows
            .zip(object)
            .map(|(rows, object)| format!("{rows} rows are not here any more, but published, as {object}")))
    }

    /// Payloads that came lately, oldest first.
    pub fn payloads(&self) -> Result<Vec<Id>, LakeError> {
        self.ask(|db| {
            let mut rows = db.prepare("SELECT id FROM payloads ORDER BY number")?;
            let ids = rows.query_map([], |row| row.get::<_, Id>(0))?;
            ids.collect()
        })
    }

    /// After a flush: the segments are there, the log file is done with, its payloads are known.
    pub fn flushed(
        &mut self,
        number: u64,
        written: Vec<Written>,
        payloads: &[Id],
    ) -> Result<Vec<Arc<Segment>>, LakeError> {
        let folder = self.folder.clone();
        self.change(|db| {
            let all = db.transaction()?;
            let segments = insert(&all, &folder, written)?;
            all.execute(
                "INSERT INTO watermarks VALUES ('flushed_through', ?1) ON CONFLICT DO UPDATE SET value = ?1",
                [number as i64],
            )?;
            for id in payloads {
                all.execute("INSERT INTO payloads (id) VALUES (?1)", [id.as_slice()])?;
            }
            all.execute(
                "DELETE FROM payloads WHERE number <= (SELECT max(number) FROM payloads) - ?1",
                [REMEMBERED],
            )?;
            all.commit()?;
            Ok(segments)
        })
    }

    /// Segments are meant for the object store, under these names, and are never joined again.
    pub fn claimed(&mut self, names: &BTreeMap<i64, ObjectPath>, remote: &Remote) -> Result<(), LakeError> {
        self.change(|db| {
            let all = db.transaction()?;
            for (id, object) in names {
                all.execute(
                    "UPDATE segments SET object = ?2 WHERE id = ?1",
                    params![id, remote.url(object)],
                )?;
            }
            all.commit()
        })
    }

    /// The store has the object. False where the segment is not known any more.
    pub fn published(&mut self, segment: &Segment) -> Result<bool, LakeError> {
        self.change(|db| {
            db.execute("UPDATE segments SET published = 1 WHERE id = ?1", [segment.id]).map(|rows| rows > 0)
        })
    }

    /// The object stands for these segments; their files may go.
    pub fn released(&mut self, segments: &[Arc<Segment>]) -> Result<(), LakeError> {
        self.change(|db| {
            let all = db.transaction()?;
            for segment in segments {
                all.execute("UPDATE segments SET local = 0 WHERE id = ?1 AND published", [segment.id])?;
            }
            all.commit()
        })
    }

    /// After a compaction, or retention where nothing was written: some segments stand for others.
    pub fn swapped(
        &mut self,
        gone: &[Arc<Segment>],
        written: Vec<Written>,
    ) -> Result<Vec<Arc<Segment>>, LakeError> {
        let folder = self.folder.clone();
        self.change(|db| {
            let all = db.transaction()?;
            for segment in gone {
                all.execute("DELETE FROM segments WHERE id = ?1", [segment.id])?;
            }
            let segments = insert(&all, &folder, written)?;
            all.commit()?;
            Ok(segments)
        })
    }
}

/// A row as it can be read; `None` where its only place is a store that this lake is not opened with.
fn stored(
    id: i64,
    written: Written,
    url: Option<String>,
    published: bool,
    local: bool,
    remote: Option<&Remote>,
) -> Option<Arc<Segment>> {
    let object = url.as_deref().and_then(|url| {
        let here = remote.and_then(|remote| remote.object(url));
        if !published {
            // A claim on another place is void: it is made again for this one.
            return here.filter(|object| remote.is_some_and(|remote| remote.holds(object)));
        }
        // Published elsewhere, it stays so: elsewhere it is counted.
        here.or_else(|| ObjectPath::parse(url.split_once("://")?.1.split_once('/')?.1).ok().filter(|_| local))
    });
    if !local && object.is_none() {
        let object = url.unwrap_or_default();
        tracing::warn!(
            object,
            rows = written.rows,
            "only in an object store that `publish` does not name; skipped"
        );
        return None;
    }
    Some(Arc::new(written.stored(id, object, published, local)))
}

fn insert(
    all: &Transaction<'_>,
    folder: &Path,
    written: Vec<Written>,
) -> rusqlite::Result<Vec<Arc<Segment>>> {
    let mut segments = Vec::new();
    // A number is never given twice: names of files are made of it, and a reader may hold a file that is to go.
    let mut id: i64 = all.query_row(
        "SELECT max(ifnull((SELECT max(id) FROM segments), 0), ifnull((SELECT value FROM watermarks WHERE name = 'segment'), 0))",
        [],
        |row| row.get(0),
    )?;
    for written in written {
        id += 1;
        let path = written.path.strip_prefix(folder).unwrap_or(&written.path);
        all.execute(
            "INSERT INTO segments (id, signal, level, path, bytes, rows, min_time, max_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                id,
                written.table.name(),
                written.level,
                path.to_string_lossy(),
                written.bytes as i64,
                written.rows as i64,
                written.min_time,
                written.max_time
            ],
        )?;
        segments.push(written.segment(id));
    }
    all.execute("INSERT INTO watermarks VALUES ('segment', ?1) ON CONFLICT DO UPDATE SET value = ?1", [id])?;
    Ok(segments)
}
