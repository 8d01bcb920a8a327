//! Topic names, and which partition a message belongs to.

use crate::fault::Fault;

/// What Nest puts behind a pattern for the topic of its replies.
const REPLY: &str = ".reply";

/// The topic that replies to requests on `topic` come on (`wire.md` §8).
pub fn reply_topic(topic: &str) -> String {
    format!("{topic}{REPLY}")
}

/// Whether `topic` is one of replies, by its name.
pub fn is_reply_topic(topic: &str) -> bool {
    topic.strip_suffix(REPLY).is_some_and(|asked| !asked.is_empty())
}

/// Whether Kafka takes `topic` for a name: up to 249 of `a-z A-Z 0-9 . _ -`, and neither `.` nor `..`
/// (`org.apache.kafka.common.internals.Topic`; Apache Kafka 4.3 answers anything else with `INVALID_TOPIC_EXCEPTION`).
///
/// # Errors
/// What is wrong with it.
pub fn check_topic(topic: &str) -> Result<(), Fault> {
    let wrong = |what: &str| Fault::new(format!("`{topic}` cannot be a topic of Kafka: {what}"));
    if topic.is_empty() {
        return Err(Fault::new("an empty pattern cannot be a topic of Kafka").hint("name a topic"));
    }
    if matches!(topic, "." | "..") {
        return Err(wrong("it is no name of its own"));
    }
    let is_legal = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if let Some(found) = topic.chars().find(|c| !is_legal(c)) {
        let fault = wrong(&format!("it holds {found:?}, and only a-z A-Z 0-9 . _ - may stand there"));
        return Err(if topic.starts_with('{') {
            fault.hint("over Kafka a Nest pattern is a string: @MessagePattern('orders.get')")
        } else {
            fault
        });
    }
    if topic.len() > 249 {
        return Err(Fault::new(format!("the topic has {} characters, Kafka takes 249", topic.len())));
    }
    Ok(())
}

/// The partition of a `key` among `partitions`, as the Java client and kafkajs choose it: murmur2, its sign dropped
/// (`org.apache.kafka.common.utils.Utils`).
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    (murmur2(key) & i32::MAX) % partitions.max(1)
}

fn murmur2(bytes: &[u8]) -> i32 {
    const M: i32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    let mut hash = SEED.cast_signed() ^ length;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let mut k = i32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= (k.cast_unsigned() >> 24).cast_signed();
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    for (at, byte) in rest.iter().enumerate() {
        hash ^= i32::from(*byte) << (8 * at);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= (hash.cast_unsigned() >> 13).cast_signed();
    hash = hash.wrapping_mul(M);
    hash ^ (hash.cast_unsigned() >> 15).cast_signed()
}

/// Chooses partitions for messages: by key, or one after the other where there is none.
#[derive(Debug)]
pub struct Chooser {
    next: i32,
}

impl Chooser {
    /// Begins with partition `start` where a message has no key.
    pub fn new(start: i32) -> Self {
        Self { next: start.max(0) }
    }

    /// The partition of a message: messages without a key stay together until [`Chooser::turn`].
    pub fn choose(&self, key: Option<&[u8]>, partitions: i32) -> i32 {
        key.map_or(self.next % partitions.max(1), |key| partition_of(key, partitions))
    }

    /// Goes on to the next partition: what was chosen has made a batch.
    pub fn turn(&mut self) {
        self.next = self.next.wrapping_add(1) & i32::MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of Java's own test (`UtilsTest.testMurmur2`).
    #[test]
    fn keys_hash_as_they_do_in_java() {
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()), hash, "{text}");
        }
        assert_eq!(partition_of(b"21", 1), 0);
    }

    #[test]
    fn messages_without_a_key_go_round() {
        let mut chooser = Chooser::new(i32::MAX);
        let chosen: Vec<_> = (0..4)
            .map(|_| {
                let chosen = chooser.choose(None, 3);
                assert_eq!(chooser.choose(Some(b"abc"), 3), partition_of(b"abc", 3));
                chooser.turn();
                chosen
            })
            .collect();
        assert!(chosen.iter().all(|chosen| (0..3).contains(chosen)), "{chosen:?}");
        assert_eq!(chosen[1..], [0, 1, 2]);
    }

    #[test]
    fn names_that_kafka_refuses() {
        for good in ["a", "orders.get", "A_b-9", "...", &"x".repeat(249)] {
            check_topic(good).expect(good);
        }
        for bad in ["", ".", "..", "a b", "ż", "a/b", "a*", r#"{"cmd":"sum"}"#, &"x".repeat(250)] {
            check_topic(bad).expect_err(bad);
        }
        assert!(is_reply_topic("a.reply") && !is_reply_topic(".reply") && !is_reply_topic("a.replys"));
    }
}
