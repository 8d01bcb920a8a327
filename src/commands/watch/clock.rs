//! One clock over several links.

use jiff::Timestamp;

use crate::transport::Event;

/// What came in several batches, in the order in which it was seen. Each batch keeps its own order; what is no
/// message stays behind the message before it.
pub(super) fn on_one_clock(mut batches: Vec<(usize, Vec<Event>)>) -> Vec<(usize, Event)> {
    if let [(at, events)] = &mut batches[..] {
        let at = *at;
        return std::mem::take(events).into_iter().map(|event| (at, event)).collect();
    }
    let mut all = Vec::new();
    for (at, events) in batches {
        let mut now = Timestamp::MIN;
        for event in events {
            if let Event::Message(delivery) = &event {
                now = now.max(delivery.at);
            }
            all.push((now, at, event));
        }
    }
    all.sort_by_key(|(now, ..)| *now);
    all.into_iter().map(|(_, at, event)| (at, event)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Delivery, Direction, Finding};

    #[test]
    fn several_batches_are_told_on_one_clock() {
        let message = |seconds| {
            let at = Timestamp::from_second(seconds).expect("in range");
            Event::Message(Box::new(Delivery { at, ..Delivery::new(Direction::Event, 0) }))
        };
        let note = || Event::Finding(Finding { code: "x".into(), text: String::new() });
        let told = on_one_clock(vec![
            (0, vec![message(1), note(), message(5), message(4)]),
            (1, vec![message(2), message(5)]),
        ]);
        let order: Vec<_> = told
            .iter()
            .map(|(at, event)| match event {
                Event::Message(delivery) => (*at, delivery.at.as_second()),
                _ => (*at, 0),
            })
            .collect();
        // Batch 0 keeps its own order, though its clock went backwards.
        assert_eq!(order, [(0, 1), (0, 0), (1, 2), (0, 5), (0, 4), (1, 5)]);
    }
}
