//! What travels beside a message's body: AMQP's `basic` properties.

use super::value::{Malformed, Reader, Table, Value, member, put_short, put_table};

/// The properties of a message; what is not there is not sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    /// `content-type`
    pub content_type: Option<String>,
    /// `content-encoding`
    pub content_encoding: Option<String>,
    /// `headers`
    pub headers: Option<Table>,
    /// `delivery-mode`: 2 is written to disk.
    pub delivery_mode: Option<u8>,
    /// `priority`
    pub priority: Option<u8>,
    /// `correlation-id`
    pub correlation_id: Option<String>,
    /// `reply-to`
    pub reply_to: Option<String>,
    /// `expiration`, in milliseconds, as text.
    pub expiration: Option<String>,
    /// `message-id`
    pub message_id: Option<String>,
    /// `timestamp`, in seconds since 1970.
    pub timestamp: Option<u64>,
    /// `type`
    pub kind: Option<String>,
    /// `user-id`: the broker checks it against the login.
    pub user_id: Option<String>,
    /// `app-id`
    pub app_id: Option<String>,
    /// `cluster-id`
    pub cluster_id: Option<String>,
}

impl Properties {
    /// Reads what a content header has behind its size.
    ///
    /// # Errors
    /// Bytes that are no properties.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.u16()?;
        // Bit 0 would announce further flags, of which there are none for this class.
        let has = |bit: u32| flags & (1 << bit) != 0;
        let text = |bit, reader: &mut Reader<'_>| has(bit).then(|| reader.short_string()).transpose();
        Ok(Self {
            content_type: text(15, reader)?,
            content_encoding: text(14, reader)?,
            headers: has(13).then(|| reader.table()).transpose()?,
            delivery_mode: has(12).then(|| reader.u8()).transpose()?,
            priority: has(11).then(|| reader.u8()).transpose()?,
            correlation_id: text(10, reader)?,
            reply_to: text(9, reader)?,
            expiration: text(8, reader)?,
            message_id: text(7, reader)?,
            timestamp: has(6).then(|| reader.u64()).transpose()?,
            kind: text(5, reader)?,
            user_id: text(4, reader)?,
            app_id: text(3, reader)?,
            cluster_id: text(2, reader)?,
        })
    }

    /// Writes them as they stand in a content header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let texts = [
            (15, &self.content_type),
            (14, &self.content_encoding),
            (10, &self.correlation_id),
            (9, &self.reply_to),
            (8, &self.expiration),
            (7, &self.message_id),
            (5, &self.kind),
            (4, &self.user_id),
            (3, &self.app_id),
            (2, &self.cluster_id),
        ];
        let mut flags = 0_u16;
        for (bit, text) in texts {
            flags |= u16::from(text.is_some()) << bit;
        }
        flags |= u16::from(self.headers.is_some()) << 13;
        flags |= u16::from(self.delivery_mode.is_some()) << 12;
        flags |= u16::from(self.priority.is_some()) << 11;
        flags |= u16::from(self.timestamp.is_some()) << 6;
        out.extend_from_slice(&flags.to_be_bytes());
        let put = |range: std::ops::Range<usize>, out: &mut Vec<u8>| {
            for text in texts[range].iter().filter_map(|(_, text)| text.as_ref()) {
                put_short(out, text);
            }
        };
        put(0..2, out);
        if let Some(headers) = &self.headers {
            put_table(out, headers);
        }
        out.extend(self.delivery_mode);
        out.extend(self.priority);
        put(2..6, out);
        if let Some(seconds) = self.timestamp {
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        put(6..10, out);
    }

    /// Reads the table that the firehose makes of them (`wire.md` §7).
    pub fn from_trace(table: &Table) -> Self {
        let text = |name| member(table, name).and_then(Value::as_text).map(str::to_owned);
        let byte =
            |name| member(table, name).and_then(Value::as_int).and_then(|byte| u8::try_from(byte).ok());
        Self {
            content_type: text("content_type"),
            content_encoding: text("content_encoding"),
            headers: member(table, "headers").and_then(Value::as_table).cloned(),
            delivery_mode: byte("delivery_mode"),
            priority: byte("priority"),
            correlation_id: text("correlation_id"),
            reply_to: text("reply_to"),
            expiration: text("expiration"),
            message_id: text("message_id"),
            timestamp: member(table, "timestamp")
                .and_then(Value::as_int)
                .and_then(|at| u64::try_from(at).ok()),
            kind: text("type"),
            user_id: text("user_id"),
            app_id: text("app_id"),
            cluster_id: text("cluster_id"),
        }
    }
}
