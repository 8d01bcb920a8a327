//! The values that AMQP 0-9-1 carries in tables, and how their bytes are read and written.
//!
//! The types are those of RabbitMQ, which differ from the specification's in letters (its errata, `field-table`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value as Json, json};

use crate::message::{HeaderValue, Headers};

/// Tables in tables in tables: deeper than this no client of RabbitMQ's goes.
const DEEPEST: usize = 32;

/// Bytes that are not AMQP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// A value in a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `t`
    Bool(bool),
    /// An integer of the width that its letter says, so that a copy has the same.
    Int(u8, i64),
    /// `d`, and `f`.
    Float(f64),
    /// `D`: so many digits of the number are behind the point.
    Decimal(u8, i32),
    /// `S`: text, if it is UTF-8.
    Text(Bytes),
    /// `x`
    Binary(Bytes),
    /// `A`
    Array(Vec<Value>),
    /// `F`
    Table(Table),
    /// `T`, in seconds since 1970.
    Time(u64),
    /// `V`
    Void,
}

/// Names and values, in the order they came.
pub type Table = Vec<(String, Value)>;

impl Value {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// An integer, as narrow as it fits.
    pub fn int(value: i64) -> Self {
        Self::Int(if i32::try_from(value).is_ok() { b'I' } else { b'l' }, value)
    }

    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The number, where it is an integer.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(_, value) => Some(*value),
            Self::Time(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The elements, where it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members, where it is a table.
    pub fn as_table(&self) -> Option<&Table> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// As JSON: bytes as `{"base64":…}`, a time in seconds.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Bool(value) => json!(value),
            Self::Int(_, value) => json!(value),
            Self::Float(value) => json!(value),
            Self::Decimal(scale, value) => json!(f64::from(*value) / 10_f64.powi(i32::from(*scale))),
            Self::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => json!(text),
                Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
            },
            Self::Binary(bytes) => json!({ "base64": STANDARD.encode(bytes) }),
            Self::Array(elements) => elements.iter().map(Self::to_json).collect(),
            Self::Table(table) => Json::Object(members(table)),
            Self::Time(seconds) => json!(seconds),
            Self::Void => Json::Null,
        }
    }

    /// What amqplib makes of a JSON value.
    pub(super) fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Void,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => {
                number.as_i64().map_or_else(|| Self::Float(number.as_f64().unwrap_or(f64::NAN)), Self::int)
            }
            Json::String(text) => Self::text(text),
            Json::Array(elements) => Self::Array(elements.iter().map(Self::from_json).collect()),
            Json::Object(members) => {
                let member = |(name, value): (&String, &Json)| (name.clone(), Self::from_json(value));
                Self::Table(members.iter().map(member).collect())
            }
        }
    }
}

fn members(table: &Table) -> Map<String, Json> {
    table.iter().map(|(name, value)| (name.clone(), value.to_json())).collect()
}

/// The member of this name.
pub fn member<'a>(table: &'a Table, name: &str) -> Option<&'a Value> {
    table.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// A table as the headers it is to everybody.
pub fn to_headers(table: &Table) -> Headers {
    let header = |value: &Value| match value {
        Value::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Some(HeaderValue::Text(text.to_owned())),
            Err(_) => Some(HeaderValue::Binary(bytes.clone())),
        },
        Value::Binary(bytes) => Some(HeaderValue::Binary(bytes.clone())),
        other => to_raw_value(&other.to_json()).ok().map(HeaderValue::Json),
    };
    table.iter().filter_map(|(name, value)| Some((name.clone(), header(value)?))).collect()
}

/// Headers as a table. Of a name that repeats the last one counts: a table has each but once.
pub fn from_headers(headers: &Headers) -> Table {
    let mut table = Table::new();
    for (name, value) in headers {
        let value = match value {
            HeaderValue::Text(text) => Value::text(text),
            HeaderValue::Binary(bytes) => Value::Binary(bytes.clone()),
            HeaderValue::Json(json) => {
                Value::from_json(&serde_json::from_str(json.get()).unwrap_or(Json::Null))
            }
        };
        match table.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = value,
            None => table.push((name.clone(), value)),
        }
    }
    table
}

/// Reads AMQP's elementary types one after the other.
pub struct Reader<'a>(pub &'a [u8]);

const SHORT: Malformed = Malformed("a frame is shorter than what it says is in it");

impl<'a> Reader<'a> {
    /// The next `count` bytes.
    ///
    /// # Errors
    /// There are fewer; so with all that follow.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| SHORT)
    }

    /// An octet.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// A short.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// A long.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// A long long.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// A short string; what is not UTF-8 is replaced.
    pub fn short_string(&mut self) -> Result<String, Malformed> {
        let length = self.u8()?;
        Ok(String::from_utf8_lossy(self.take(length.into())?).into_owned())
    }

    /// A long string.
    pub fn long_string(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()?;
        self.take(usize::try_from(length).map_err(|_| SHORT)?)
    }

    /// A table.
    pub fn table(&mut self) -> Result<Table, Malformed> {
        self.table_at(0)
    }

    fn table_at(&mut self, depth: usize) -> Result<Table, Malformed> {
        let mut inner = Reader(self.long_string()?);
        let mut table = Table::new();
        while !inner.0.is_empty() {
            let name = inner.short_string()?;
            table.push((name, inner.value(depth)?));
        }
        Ok(table)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Malformed> {
        if depth > DEEPEST {
            return Err(Malformed("a table is nested too deeply"));
        }
        let kind = self.u8()?;
        Ok(match kind {
            b't' => Value::Bool(self.u8()? != 0),
            b'b' => Value::Int(kind, i8::from_be_bytes(self.array()?).into()),
            b'B' => Value::Int(kind, self.u8()?.into()),
            b's' => Value::Int(kind, i16::from_be_bytes(self.array()?).into()),
            b'u' => Value::Int(kind, self.u16()?.into()),
            b'I' => Value::Int(kind, i32::from_be_bytes(self.array()?).into()),
            b'i' => Value::Int(kind, self.u32()?.into()),
            b'l' | b'L' => Value::Int(b'l', i64::from_be_bytes(self.array()?)),
            b'f' => Value::Float(f32::from_be_bytes(self.array()?).into()),
            b'd' => Value::Float(f64::from_be_bytes(self.array()?)),
            b'D' => Value::Decimal(self.u8()?, i32::from_be_bytes(self.array()?)),
            b'S' => Value::Text(Bytes::copy_from_slice(self.long_string()?)),
            b'x' => Value::Binary(Bytes::copy_from_slice(self.long_string()?)),
            b'A' => {
                let mut inner = Reader(self.long_string()?);
                let mut elements = Vec::new();
                while !inner.0.is_empty() {
                    elements.push(inner.value(depth + 1)?);
                }
                Value::Array(elements)
            }
            b'F' => Value::Table(self.table_at(depth + 1)?),
            b'T' => Value::Time(self.u64()?),
            b'V' => Value::Void,
            _ => return Err(Malformed("a table holds a type that AMQP does not have")),
        })
    }
}

/// Writes a short string; what is longer than 255 bytes is cut, which who sends it must have refused before.
pub fn put_short(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    out.push(u8::try_from(end).unwrap_or(u8::MAX));
    out.extend_from_slice(&text.as_bytes()[..end]);
}

/// Writes a long string.
pub fn put_long(out: &mut Vec<u8>, bytes: &[u8]) {
    framed(out, |out| out.extend_from_slice(bytes));
}

/// Writes a table.
pub fn put_table(out: &mut Vec<u8>, table: &Table) {
    framed(out, |out| {
        for (name, value) in table {
            put_short(out, name);
            put_value(out, value);
        }
    });
}

/// Writes what `write` does, and how long it is before it.
fn framed(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(value) => out.extend_from_slice(&[b't', u8::from(*value)]),
        Value::Int(kind, value) => {
            let width = match kind {
                b'b' | b'B' => 1,
                b's' | b'u' => 2,
                b'I' | b'i' => 4,
                _ => 8,
            };
            out.push(*kind);
            out.extend_from_slice(&value.to_be_bytes()[8 - width..]);
        }
        Value::Float(value) => {
            out.push(b'd');
            out.extend_from_slice(&value.to_be_bytes());
        }
        Value::Decimal(scale, value) => {
            out.extend_from_slice(&[b'D', *scale]);
            out.extend_from_slice(&value.to_be_bytes());
        }
        Value::Text(bytes) => {
            out.push(b'S');
            put_long(out, bytes);
        }
        Value::Binary(bytes) => {
            out.push(b'x');
            put_long(out, bytes);
        }
        Value::Array(elements) => {
            out.push(b'A');
            framed(out, |out| elements.iter().for_each(|element| put_value(out, element)));
        }
        Value::Table(table) => {
            out.push(b'F');
            put_table(out, table);
        }
        Value::Time(seconds) => {
            out.push(b'T');
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        Value::Void => out.push(b'V'),
    }
}
