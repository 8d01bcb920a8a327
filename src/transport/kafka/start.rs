//! Where reading begins, and what was the end then.

use std::sync::Arc;

use jiff::Timestamp;

use super::cluster::{Cluster, Topic};
use super::offsets::{EARLIEST, LATEST};
use super::place::Place;
use crate::transport::{Error, From, Result, Watch};
use crate::wire::kafka::is_reply_topic;

/// Every partition of `topics`, from where `watch` says to what is the end now.
pub(super) async fn places(cluster: &Cluster, topics: &[Topic], watch: &Watch) -> Result<Vec<Place>> {
    let all = topics
        .iter()
        .flat_map(|topic| (0..topic.partitions()).map(|partition| (topic.name.clone(), partition)));
    let all: Vec<(Arc<str>, i32)> = all.collect();
    let latest = offsets(cluster, &all, LATEST).await?;
    let ends = match watch.until {
        // The first that came after it; nothing did where there is none.
        Some(time) => at_time(cluster, &all, time.as_millisecond() + 1, &latest).await?,
        None => latest.clone(),
    };
    let starts = match watch.from {
        From::Now => latest,
        From::Start | From::Last(_) => offsets(cluster, &all, EARLIEST).await?,
        From::Time(time) => at_time(cluster, &all, round_up(time), &latest).await?,
        From::Position(position) => {
            let earliest = offsets(cluster, &all, EARLIEST).await?;
            at_position(&all, position, &earliest, &latest)?
        }
    };
    let places = all.into_iter().zip(starts).zip(ends);
    Ok(places.map(|(((topic, partition), start), end)| Place::new(topic, partition, start, end)).collect())
}

/// Kafka knows milliseconds: what came within the one that has begun came before.
fn round_up(time: Timestamp) -> i64 {
    let floor = time.as_millisecond();
    if Timestamp::from_millisecond(floor).is_ok_and(|whole| whole < time) { floor + 1 } else { floor }
}

async fn offsets(cluster: &Cluster, places: &[(Arc<str>, i32)], time: i64) -> Result<Vec<i64>> {
    let found = cluster.offsets(places, time).await?;
    Ok(found.into_iter().map(Option::unwrap_or_default).collect())
}

/// Where nothing is as late, the end.
async fn at_time(cluster: &Cluster, places: &[(Arc<str>, i32)], time: i64, ends: &[i64]) -> Result<Vec<i64>> {
    let found = cluster.offsets(places, time.max(0)).await?;
    Ok(found.into_iter().zip(ends).map(|(found, end)| found.unwrap_or(*end)).collect())
}

/// A position that no partition has is a mistake; one that some have is where those begin.
fn at_position(
    places: &[(Arc<str>, i32)],
    position: u64,
    earliest: &[i64],
    latest: &[i64],
) -> Result<Vec<i64>> {
    let position = i64::try_from(position).unwrap_or(i64::MAX);
    let ranges = || earliest.iter().copied().zip(latest.iter().copied());
    // The end, too, is a place to begin.
    let is_there = ranges().any(|(earliest, latest)| (earliest..=latest).contains(&position));
    if !is_there
        && let Some(((topic, partition), (earliest, latest))) =
            places.iter().zip(ranges()).find(|((topic, _), _)| !is_reply_topic(topic))
    {
        let holds = if earliest == latest {
            format!("is empty, and goes on with {latest}")
        } else {
            format!("holds {earliest} to {}", latest - 1)
        };
        return Err(Error::unsupported(format!("no partition has offset {position}"))
            .hint(format!("partition {partition} of `{topic}` {holds}")));
    }
    Ok(ranges().map(|(earliest, latest)| position.clamp(earliest, latest)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_must_be_somewhere() {
        let places = [("a".into(), 0), ("a".into(), 1)];
        let at =
            |position| at_position(&places, position, &[0, 5], &[3, 9]).map_err(|error| error.to_string());
        assert_eq!(at(2), Ok(vec![2, 5]));
        assert_eq!(at(9), Ok(vec![3, 9]));
        at(4).expect_err("between them");
        at(10).expect_err("after them");
    }

    #[test]
    fn within_a_millisecond() {
        let time = |text: &str| round_up(text.parse().expect("a time"));
        assert_eq!(time("1970-01-01T00:00:01Z"), 1000);
        assert_eq!(time("1970-01-01T00:00:01.0001Z"), 1001);
    }
}
