//! The body of a payload: a number of its own, then each table's rows as an Arrow stream.
//!
//! ```text
//! id (16 bytes) · { table (1 byte) · zeros (3) · length (4, little endian) · Arrow IPC stream, padded to 8 }*
//! ```
//!
//! It waits in the engine's queue, is written to the log and read back after a crash, always these bytes.

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;

use crate::{LakeError, Table};

/// Tells a payload that comes twice.
pub type Id = [u8; 16];

const ID: usize = size_of::<Id>();
const HEAD: usize = 8;
/// Arrow wants its buffers aligned to this.
const ALIGN: usize = 8;

pub(crate) fn encode(id: Id, tables: &[(Table, RecordBatch)]) -> Result<Vec<u8>, LakeError> {
    let bytes: usize = tables.iter().map(|(_, rows)| rows.get_array_memory_size()).sum();
    let mut out = Vec::with_capacity(bytes / 2);
    out.extend_from_slice(&id);
    for (table, rows) in tables {
        out.extend_from_slice(&[*table as u8, 0, 0, 0, 0, 0, 0, 0]);
        let start = out.len();
        let mut writer = StreamWriter::try_new(&mut out, &rows.schema())?;
        writer.write(rows)?;
        writer.finish()?;
        drop(writer);
        let length = (out.len() - start) as u32;
        out[start - 4..start].copy_from_slice(&length.to_le_bytes());
        out.resize(out.len().next_multiple_of(ALIGN), 0);
    }
    Ok(out)
}

pub fn id(body: &[u8]) -> Result<Id, LakeError> {
    body.first_chunk().copied().ok_or_else(|| LakeError::Payload(format!("{} bytes", body.len())))
}

/// The rows of a payload, without copying them where their bytes are aligned.
pub fn decode(body: &Bytes) -> Result<Vec<(Table, RecordBatch)>, LakeError> {
    id(body)?;
    let mut tables = Vec::new();
    let mut at = ID;
    while at < body.len() {
        let head = body.get(at..at + HEAD).ok_or_else(|| LakeError::Payload(format!("ends at {at}")))?;
        let table = Table::ALL.get(head[0] as usize).copied();
        let table = table.ok_or_else(|| LakeError::Payload(format!("table {} is unknown", head[0])))?;
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let stream = at + HEAD..at + HEAD + length;
        if stream.end > body.len() {
            return Err(LakeError::Payload(format!("{length} bytes at {at} of {}", body.len())));
        }
        let mut buffer = Buffer::from(body.slice(stream.clone()));
        let mut decoder = StreamDecoder::new();
        let unreadable = |error: arrow::error::ArrowError| LakeError::Payload(error.to_string());
        while let Some(rows) = decoder.decode(&mut buffer).map_err(unreadable)? {
            if rows.schema_ref() != &table.arriving() {
                return Err(LakeError::Payload(format!(
                    "columns of `{}` are those of another version",
                    table.name()
                )));
            }
            tables.push((table, rows));
        }
        at = stream.end.next_multiple_of(ALIGN);
    }
    Ok(tables)
}
