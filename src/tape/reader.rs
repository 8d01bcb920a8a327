//! Reading a recording, line by line, of every version there has been.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _};
use std::path::Path;

use serde::Deserialize;

use super::{Mask, MaskPath, VERSION};
use crate::fault::Fault;
use crate::record::{Line, Record};

/// What a Zstandard frame begins with (RFC 8878, 3.1.1).
const ZSTANDARD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// A message of a recording.
#[derive(Debug)]
pub struct Entry {
    /// The line it stands on, from 1.
    pub line: u64,
    /// The message.
    pub record: Record,
}

/// Reads a recording.
pub struct Reader {
    lines: Box<dyn BufRead + Send>,
    name: String,
    line: u64,
    buffer: Vec<u8>,
    /// The first line is a record itself, and has been read.
    is_read: bool,
    masks: Vec<MaskPath>,
    cut: Option<String>,
    has_ended: bool,
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "type")]
    kind: String,
    v: u64,
    #[serde(default)]
    masks: Vec<String>,
}

impl Reader {
    /// Opens `file`.
    ///
    /// # Errors
    /// A file that cannot be read, that is no recording, or one of a newer version.
    pub fn open(file: &Path) -> Result<Self, Fault> {
        let name = file.display().to_string();
        let unreadable = |error: io::Error| Fault::new(format!("cannot read `{name}`: {error}"));
        let mut opened = File::open(file).map_err(unreadable)?;
        let mut start = [0; 4];
        let count = opened.by_ref().take(4).read(&mut start).map_err(unreadable)?;
        opened.rewind().map_err(unreadable)?;
        let lines: Box<dyn BufRead + Send> = if start[..count] == ZSTANDARD {
            Box::new(BufReader::new(zstd::Decoder::new(opened).map_err(unreadable)?))
        } else {
            Box::new(BufReader::with_capacity(1 << 16, opened))
        };
        Self::read(lines, name)
    }

    /// Reads `lines`, which faults call `name`.
    ///
    /// # Errors
    /// What is no recording, or one of a newer version.
    pub fn read(lines: Box<dyn BufRead + Send>, name: impl Into<String>) -> Result<Self, Fault> {
        let mut reader = Self {
            lines,
            name: name.into(),
            line: 0,
            buffer: Vec::new(),
            is_read: false,
            masks: Vec::new(),
            cut: None,
            has_ended: false,
        };
        reader.begin()?;
        Ok(reader)
    }

    /// The masks that held when it was made.
    pub fn mask(&self) -> Mask {
        Mask::new(self.masks.clone())
    }

    /// Where it breaks off in the middle of a line, in words; known once everything before has been read.
    pub fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    /// The text of the line that was read last.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.buffer).unwrap_or_default()
    }

    fn begin(&mut self) -> Result<(), Fault> {
        // Looked at before a line is read: other files may have none for gigabytes.
        match self.lines.fill_buf() {
            Ok([]) => return Err(self.none("it is empty")),
            Ok([b'{' | 0xEF, ..]) => {}
            Ok(_) => return Err(self.none("it does not begin with a line of JSON")),
            Err(error) => return Err(self.none(&format!("it cannot be read: {error}"))),
        }
        if !self.advance()? {
            return Err(match &self.cut {
                Some(_) => self.none("it is cut short within its first line"),
                None => self.none("it is empty"),
            });
        }
        let header = serde_json::from_str::<Header>(self.text()).ok();
        let Some(header) = header.filter(|header| header.kind == "recording") else {
            let is_record = matches!(Record::parse(self.text()), Ok(Line::Message(_) | Line::Note));
            self.is_read = is_record;
            return if is_record { Ok(()) } else { Err(self.none("its first line is no record of eyas")) };
        };
        if header.v > VERSION {
            return Err(Fault::new(format!(
                "`{}` is a recording of version {}, and this eyas reads up to version {VERSION}",
                self.name, header.v
            ))
            .hint("a newer eyas made it: read it with that one"));
        }
        // Paths that this version cannot read mask nothing that it could compare.
        self.masks = header.masks.iter().filter_map(|path| path.parse().ok()).collect();
        Ok(())
    }

    fn none(&self, why: &str) -> Fault {
        Fault::new(format!("`{}` is no recording: {why}", self.name))
            .hint("`eyas record FILE` makes one; lines of `tail -o json` are one, too")
    }

    /// Reads a line that is not empty; says whether there was one.
    fn advance(&mut self) -> Result<bool, Fault> {
        loop {
            self.buffer.clear();
            let read = self.lines.read_until(b'\n', &mut self.buffer);
            self.line += 1;
            match read {
                Ok(0) => return Ok(false),
                Ok(_) if self.buffer.ends_with(b"\n") => {}
                // The last line, which may be whole without its end.
                Ok(_) if serde_json::from_slice::<serde::de::IgnoredAny>(&self.buffer).is_ok() => {}
                Ok(_) => return Ok(self.is_cut("")),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(self.is_cut(", within a compressed block"));
                }
                Err(error) => {
                    return Err(Fault::new(format!(
                        "{}, line {}: cannot be read: {error}",
                        self.name, self.line
                    ))
                    .hint("the file is damaged; what stands before can still be taken out of it"));
                }
            }
            if self.line == 1 && self.buffer.starts_with(b"\xEF\xBB\xBF") {
                self.buffer.drain(..3);
            }
            while matches!(self.buffer.last(), Some(b'\n' | b'\r')) {
                self.buffer.pop();
            }
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn is_cut(&mut self, how: &str) -> bool {
        self.cut = Some(format!("{}, line {}: the recording is cut short here{how}", self.name, self.line));
        false
    }

    fn entry(&mut self) -> Result<Option<Entry>, Fault> {
        loop {
            if !std::mem::take(&mut self.is_read) && !self.advance()? {
                return Ok(None);
            }
            let text = std::str::from_utf8(&self.buffer)
                .map_err(|_| Fault::new(format!("{}, line {}: it is not UTF-8", self.name, self.line)))?;
            match Record::parse(text) {
                Ok(Line::Message(record)) => return Ok(Some(Entry { line: self.line, record: *record })),
                Ok(Line::Note) => {}
                Ok(Line::Foreign) => {
                    return Err(Fault::new(format!(
                        "{}, line {}: this is no record of version {VERSION}",
                        self.name, self.line
                    ))
                    .hint("what stands before was used; take this line out"));
                }
                Err(fault) => return Err(Fault::new(format!("{}, line {}: {fault}", self.name, self.line))),
            }
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let entry = self.entry().transpose();
        self.has_ended = !matches!(entry, Some(Ok(_)));
        entry
    }
}
