//! Dead letters: sent again and remembered, for Kafka takes none out of a topic.

use crate::eyas as program;

use super::{emit, kept, shared, topic, values};

#[test]
fn kafka_dead_letters() {
    let url = shared();
    let origin = topic(&url, 1, &[]);
    let dead = format!("{origin}.dlq");
    emit(&url, &dead, &["id:=0", "-O", "create=true"]);
    for number in 1..6 {
        let key = format!("key=k{number}");
        emit(&url, &dead, &[&format!("id:={number}"), "-H", "x-attempts: 5", "-O", &key]);
    }
    let letters = || program::run(&["dlq", "show", &url, &dead, "-F", "{data.id}"]).exits(0).stdout;
    let redrive = |more: &[&str]| program::run(&[&["dlq", "redrive", &url, &dead], more].concat()).exits(0);
    let listed = || {
        let lines = program::run(&["dlq", "ls", &url]).exits(0).stdout;
        let line = lines.into_iter().find(|line| line.starts_with(&dead)).expect("the topic of dead letters");
        line.split_whitespace().nth(1).expect("a number").to_owned()
    };
    assert_eq!((letters().join(" "), listed()), ("0 1 2 3 4 5".to_owned(), "6".to_owned()));
    redrive(&["--dry-run"]);
    assert_eq!(letters().len(), 6);
    // Those in between, then the first: what is done is not done twice.
    redrive(&["--filter", ".data.id == 2 or .data.id == 3"]).says("2 sent again");
    assert_eq!((letters().join(" "), listed()), ("0 1 4 5".to_owned(), "4".to_owned()));
    redrive(&["-n", "1"]).says("1 sent again");
    assert_eq!(letters().join(" "), "1 4 5");
    let copies = kept(&url, &origin, &[]);
    assert_eq!(values(&copies), [r#"{"id":2}"#, r#"{"id":3}"#, r#"{"id":0}"#]);
    assert_eq!(copies[0].inner("meta", "key").as_deref(), Some(r#""k2""#));
    assert_eq!(copies[0].inner("headers", "x-attempts").as_deref(), Some(r#""5""#));
    redrive(&["--to", &origin]).says("3 sent again");
    assert_eq!((letters().len(), listed()), (0, "0".to_owned()));
    // They are there still, as Kafka has it; what comes now is a letter again.
    assert_eq!(kept(&url, &dead, &[]).len(), 6);
    emit(&url, &dead, &["id:=6"]);
    assert_eq!(letters(), ["6"]);
    program::run(&["dlq", "purge", &url, &dead]).exits(2).says("--yes");
    program::run(&["dlq", "purge", &url, &dead, "-y"]).exits(0).says("7 deleted");
    assert_eq!((kept(&url, &dead, &[]).len(), letters().len()), (0, 0));
    program::run(&["dlq", "show", &url, "no.such.dlq"]).exits(2).says("there is no");
}
