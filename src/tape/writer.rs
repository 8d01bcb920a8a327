//! Writing a recording: whole lines alone, so that whatever ends it leaves a file that can be read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use zstd::stream::write::Encoder;

use super::{Mask, MaskPath, VERSION};

/// How much is held back at most before it is written.
const HELD: usize = 256 << 10;

/// How long a record is held back at most, once [`Writer::settle`] is called.
const HELD_FOR: Duration = Duration::from_secs(1);

/// The level that Zstandard's own tool takes where none is named.
const LEVEL: i32 = 3;

/// Writes a recording.
pub struct Writer {
    out: Out,
    mask: Mask,
    held: Vec<u8>,
    held_since: Option<Instant>,
    records: u64,
}

enum Out {
    /// With the length that ends with a whole line.
    Plain(File, u64),
    Packed(Encoder<'static, File>),
}

/// What a recording came to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Written {
    /// Records, the header not among them.
    pub records: u64,
    /// Values that were masked.
    pub masked: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    v: u64,
    ts: String,
    eyas: &'static str,
    targets: &'a [String],
    masks: Vec<&'a str>,
}

impl Writer {
    /// Begins a recording of `targets` in `file`: compressed where its name ends in `.zst`. A file that is there
    /// already is replaced only with `replaces`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(
        file: &Path,
        targets: &[String],
        masks: Vec<MaskPath>,
        replaces: bool,
        now: Timestamp,
    ) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true);
        if replaces {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let opened = options.open(file)?;
        let is_packed = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zst"));
        let header = Header {
            kind: "recording",
            v: VERSION,
            ts: format!("{now:.6}"),
            eyas: env!("CARGO_PKG_VERSION"),
            targets,
            masks: masks.iter().map(MaskPath::as_str).collect(),
        };
        let mut held = serde_json::to_vec(&header)?;
        held.push(b'\n');
        let out = if is_packed { Out::Packed(Encoder::new(opened, LEVEL)?) } else { Out::Plain(opened, 0) };
        let mut writer = Self { out, mask: Mask::new(masks), held, held_since: None, records: 0 };
        writer.flush()?;
        Ok(writer)
    }

    /// Takes a record, with its line break or without.
    ///
    /// # Errors
    /// The file cannot be written. What was written before can be read.
    pub fn record(&mut self, line: &[u8]) -> io::Result<()> {
        let line = String::from_utf8_lossy(line);
        self.mask.record(line.trim_end_matches('\n'), &mut self.held);
        self.held.push(b'\n');
        self.held_since.get_or_insert_with(Instant::now);
        self.records += 1;
        if self.held.len() >= HELD { self.flush() } else { Ok(()) }
    }

    /// Writes what has been held back long enough.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn settle(&mut self) -> io::Result<()> {
        if self.held_since.is_some_and(|since| since.elapsed() >= HELD_FOR) { self.flush() } else { Ok(()) }
    }

    /// The paths of masks at which nothing was found.
    pub fn unused_masks(&self) -> Vec<String> {
        self.mask.unused().map(|path| path.as_str().to_owned()).collect()
    }

    /// Ends the recording.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn finish(mut self) -> io::Result<Written> {
        self.flush()?;
        let file = match self.out {
            Out::Plain(file, _) => file,
            Out::Packed(encoder) => encoder.finish()?,
        };
        Ok(Written { records: self.records, masked: self.mask.masked(), bytes: file.metadata()?.len() })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.held_since = None;
        match &mut self.out {
            Out::Plain(file, whole) => {
                if let Err(error) = file.write_all(&self.held) {
                    // Half a line may have been written: a full disk lets it be taken back.
                    let _ = file.set_len(*whole);
                    return Err(error);
                }
                *whole += self.held.len() as u64;
            }
            Out::Packed(encoder) => {
                encoder.write_all(&self.held)?;
                encoder.flush()?;
            }
        }
        self.held.clear();
        Ok(())
    }
}
