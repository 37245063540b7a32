//! Segments: Parquet files of one table's rows, in the order of [`Table::order`].

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::{AsArray, RecordBatch};
use object_store::path::Path as ObjectPath;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::memtable::time_bounds;
use crate::table::{Kind, SEQ};
use crate::tokens::TokenWriter;
use crate::wal::sync_folder;
use crate::{LakeError, Table};

/// Unit of bloom filters and of parallel reading, in rows.
pub(crate) const ROW_GROUP: usize = 128 << 10;
/// Unit of skipping, in rows.
pub(crate) const PAGE: usize = 8192;
const ZSTD_LEVEL: i32 = 3;
/// Chance that a bloom filter says perhaps to a value that is not there.
const FALSE_POSITIVE: f64 = 0.01;

/// One Parquet file, as the catalog knows it.
///
/// Its file stays while anyone holds the segment, so a query that began before a compaction ends undisturbed.
#[derive(Debug)]
pub struct Segment {
    pub id: i64,
    pub table: Table,
    /// 0 is as flushed; each joining adds one.
    pub level: u32,
    /// Its file, unless [`Segment::place`] says otherwise.
    pub path: PathBuf,
    pub bytes: u64,
    /// None where only a store's listing is known.
    pub rows: u64,
    /// Microseconds since the epoch, inclusive. At most these where only a store's listing is known.
    pub min_time: i64,
    pub max_time: i64,
    /// There is a file.
    local: bool,
    /// Its name in the object store, from when it is meant to go there.
    object: OnceLock<ObjectPath>,
    /// The store has it.
    published: AtomicBool,
    listed: bool,
    doomed: AtomicBool,
    unreadable: AtomicBool,
}

/// Where to read a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    File(&'a Path),
    Object(&'a ObjectPath),
}

/// An object that a segment is read from.
#[derive(Debug)]
pub(crate) struct Kept {
    pub object: ObjectPath,
    pub bytes: u64,
    pub min_time: i64,
    pub max_time: i64,
}

/// What a table weighs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableSize {
    pub rows: u64,
    pub bytes: u64,
    /// Microseconds since the epoch.
    pub from: Option<i64>,
    pub to: Option<i64>,
}

impl Segment {
    /// Of a store's listing: nothing is known of its rows.
    pub(crate) fn listed(id: i64, table: Table, kept: Kept) -> Arc<Segment> {
        let Kept { object, bytes, min_time, max_time } = kept;
        let written = Written { table, level: 1, path: PathBuf::new(), bytes, rows: 0, min_time, max_time };
        let mut segment = written.stored(id, Some(object), true, false);
        segment.listed = true;
        Arc::new(segment)
    }

    /// The file while there is one, else the object.
    pub fn place(&self) -> Place<'_> {
        match self.object.get() {
            Some(object) if !self.local => Place::Object(object),
            _ => Place::File(&self.path),
        }
    }

    /// Rows and bounds are those of its folder, not of its own.
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    pub fn is_local(&self) -> bool {
        self.local
    }

    /// Its name in the object store, from when it is meant to go there. Such a segment is not joined any more.
    pub fn object(&self) -> Option<&ObjectPath> {
        self.object.get()
    }

    pub fn is_published(&self) -> bool {
        self.published.load(Ordering::Acquire)
    }

    pub(crate) fn claim(&self, object: ObjectPath) {
        let _ = self.object.set(object);
    }

    pub(crate) fn publish(&self) {
        self.published.store(true, Ordering::Release);
    }

    /// The same without its file.
    pub(crate) fn released(&self) -> Arc<Segment> {
        let Segment { id, table, level, bytes, rows, min_time, max_time, .. } = *self;
        let written = Written { table, level, path: self.path.clone(), bytes, rows, min_time, max_time };
        Arc::new(written.stored(id, self.object.get().cloned(), true, false))
    }

    /// Whether the file is there, as long as it was, and tells its columns.
    pub(crate) fn check(&self) -> Result<(), LakeError> {
        let opened = File::open(&self.path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(LakeError::file("cannot read", &self.path))?;
        if length != self.bytes {
            let why = io::Error::other(format!("it has {length} bytes, and had {}", self.bytes));
            return Err(LakeError::file("cannot read", &self.path)(why));
        }
        let footer = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        if footer.file_metadata().num_rows() as u64 != self.rows {
            let why =
                io::Error::other(format!("its footer tells of {} rows", footer.file_metadata().num_rows()));
            return Err(LakeError::file("cannot read", &self.path)(why));
        }
        Ok(())
    }

    /// A join that met damage leaves it out until the next start.
    pub(crate) fn leave_out(&self) {
        self.unreadable.store(true, Ordering::Relaxed);
    }

    pub(crate) fn can_be_joined(&self) -> bool {
        !self.unreadable.load(Ordering::Relaxed)
    }

    pub(crate) fn is_ours_to_join(&self) -> bool {
        self.can_be_joined() && self.object.get().is_none()
    }

    /// The catalog does not know it any more: the file goes with the last who reads it.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(file = %self.path.display(), %error, "a file that nobody needs stays until the next start");
        }
    }
}

/// What was written, before the catalog gives it a number.
#[derive(Debug)]
pub(crate) struct Written {
    pub table: Table,
    pub level: u32,
    pub path: PathBuf,
    pub bytes: u64,
    pub rows: u64,
    pub min_time: i64,
    pub max_time: i64,
}

impl Written {
    pub fn segment(self, id: i64) -> Arc<Segment> {
        Arc::new(self.stored(id, None, false, true))
    }

    /// A segment that may be in the object store, too, or only there.
    pub fn stored(self, id: i64, object: Option<ObjectPath>, published: bool, local: bool) -> Segment {
        let Written { table, level, path, bytes, rows, min_time, max_time } = self;
        let object = object.map_or_else(OnceLock::new, OnceLock::from);
        let published = AtomicBool::new(published);
        let (listed, doomed, unreadable) = Default::default();
        Segment {
            id,
            table,
            level,
            path,
            bytes,
            rows,
            min_time,
            max_time,
            local,
            object,
            published,
            listed,
            doomed,
            unreadable,
        }
    }
}

/// A file being written under a name that nobody reads.
pub(crate) struct SegmentWriter {
    table: Table,
    level: u32,
    path: PathBuf,
    writer: ArrowWriter<File>,
    tokens: Option<TokenWriter>,
    rows: u64,
    bounds: Option<(i64, i64)>,
}

impl SegmentWriter {
    /// `path` is the name it gets in the end.
    pub fn create(table: Table, level: u32, path: PathBuf) -> Result<SegmentWriter, LakeError> {
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.map_err(LakeError::file("cannot make the folder of", &path))?;
        let unnamed = unnamed(&path);
        let file = File::create(&unnamed).map_err(LakeError::file("cannot write", &unnamed))?;
        let options =
            ArrowWriterOptions::new().with_properties(properties(table)).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, table.kept(), options)?;
        let tokens = (!table.indexed().is_empty()).then(TokenWriter::default);
        Ok(SegmentWriter { table, level, path, writer, tokens, rows: 0, bounds: None })
    }

    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), LakeError> {
        self.writer.write(rows)?;
        if let Some(tokens) = &mut self.tokens {
            let columns =
                self.table.indexed().iter().filter_map(|name| rows.column_by_name(name)?.as_string_opt());
            tokens.push(&columns.collect::<Vec<_>>());
        }
        self.rows += rows.num_rows() as u64;
        if let Some((first, last)) = time_bounds(rows) {
            let (min, max) = self.bounds.unwrap_or((first, last));
            self.bounds = Some((min.min(first), max.max(last)));
        }
        Ok(())
    }

    /// The file is whole and on the disk, still unnamed.
    pub fn finish(mut self) -> Result<Unnamed, LakeError> {
        if let Some(tokens) = self.tokens.take() {
            // Behind the last row group.
            self.writer.flush()?;
            let (index, told) = tokens.finish(self.writer.bytes_written());
            self.writer.write_all(&index).map_err(LakeError::file("cannot write", &self.path))?;
            self.writer.append_key_value_metadata(told);
        }
        let file = self.writer.into_inner()?;
        let synced = file.sync_all().and_then(|()| file.metadata());
        let bytes = synced.map_err(LakeError::file("cannot sync", &self.path))?.len();
        let (min_time, max_time) = self.bounds.unwrap_or_default();
        let Self { table, level, path, rows, .. } = self;
        Ok(Unnamed(Written { table, level, path, bytes, rows, min_time, max_time }))
    }
}

/// A file that is whole and has no name yet.
pub(crate) struct Unnamed(Written);

impl Unnamed {
    pub fn name(self) -> Result<Written, LakeError> {
        let Unnamed(written) = self;
        let named = fs::rename(unnamed(&written.path), &written.path)
            .and_then(|()| sync_folder(written.path.parent()));
        named.map_err(LakeError::file("cannot name", &written.path))?;
        Ok(written)
    }
}

fn unnamed(path: &Path) -> PathBuf {
    path.with_extension("unnamed")
}

/// Measured on 20 million log rows; the reasons stand beside each choice.
fn properties(table: Table) -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let version = KeyValue::new("outrigger.version".into(), env!("CARGO_PKG_VERSION").to_owned());
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_data_page_row_count_limit(PAGE)
        .set_write_batch_size(PAGE)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_key_value_metadata(Some(vec![version]));
    for (name, kind) in table.columns().into_iter().chain([(SEQ, Kind::I64)]) {
        let column = || ColumnPath::from(name);
        match kind {
            Kind::Time | Kind::I64 => {
                properties = properties
                    .set_column_dictionary_enabled(column(), false)
                    .set_column_encoding(column(), Encoding::DELTA_BINARY_PACKED);
            }
            // Nothing is ruled out by the least and the greatest message.
            Kind::Text if matches!(name, "message" | "body" | "span_id" | "events" | "links") => {
                properties = properties
                    .set_column_dictionary_enabled(column(), false)
                    .set_column_statistics_enabled(column(), EnabledStatistics::None);
            }
            _ => {}
        }
    }
    for name in table.blooms() {
        let column = || ColumnPath::from(*name);
        properties = properties
            .set_column_bloom_filter_enabled(column(), true)
            .set_column_bloom_filter_fpp(column(), FALSE_POSITIVE);
    }
    properties.build()
}
