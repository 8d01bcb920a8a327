use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::*;

const PLAN: Plan =
    Plan { rate: None, count: Some(100), duration: None, in_flight: 4, warm_up: Duration::ZERO };

fn outcome(number: u64) -> Outcome {
    match number % 4 {
        0 => Outcome::Ok,
        1 => Outcome::Refused,
        2 => Outcome::Timeout,
        _ => Outcome::Lost,
    }
}

async fn check(plan: Plan) -> (Summary, usize) {
    let progress = Progress::default();
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let call = |number| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
            outcome(number)
        }
    };
    let summary = run(&plan, &progress, std::future::pending(), call).await;
    assert_eq!(progress.done(), summary.calls);
    assert_eq!(progress.failed(), summary.calls - summary.ok);
    assert_eq!(summary.unfinished, 0);
    (summary, most.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_closed_loop_keeps_so_many_in_flight() {
    let (summary, most) = check(PLAN).await;
    assert_eq!(
        (summary.calls, summary.ok, summary.refused, summary.timeouts, summary.lost),
        (100, 25, 25, 25, 25)
    );
    assert_eq!(most, 4);
    assert_eq!(summary.late, 0);
    assert!(summary.response_ms.is_none(), "there is no schedule to measure from");
    let service = summary.service_ms.expect("measured");
    assert!(service.p50 <= service.p99 && service.p99 <= service.p999 && service.p999 <= service.max);
}

#[tokio::test]
async fn an_open_loop_follows_its_schedule() {
    let (summary, most) = check(Plan { rate: Some(50_000.0), ..PLAN }).await;
    assert_eq!(summary.calls, 100);
    assert!(most <= 4);
    assert!(summary.response_ms.expect("measured").max >= summary.service_ms.expect("measured").p50);
}

/// One call stalls until three more are due: they start late, and their response time tells of it while their
/// service time does not.
#[tokio::test]
async fn a_stall_shows_in_the_calls_it_delayed() {
    let stall = Duration::from_millis(50);
    let call = |number| async move {
        if number == 0 {
            tokio::time::sleep(stall).await;
        }
        Outcome::Ok
    };
    let plan = Plan { rate: Some(1000.0), count: Some(4), in_flight: 1, ..PLAN };
    let summary = run(&plan, &Progress::default(), std::future::pending(), call).await;
    assert_eq!((summary.calls, summary.late), (4, 3));
    // Those three were due 1, 2 and 3 ms after the start and started 50 ms after it at the earliest.
    let waited = summary.response_ms.expect("measured").mean - summary.service_ms.expect("measured").mean;
    assert!(waited >= 35.0, "{summary:?}");
}

#[tokio::test]
async fn warm_up_is_not_measured_and_a_duration_ends_the_run() {
    let made = AtomicU64::new(0);
    let call = |_| {
        made.fetch_add(1, Ordering::SeqCst);
        async { Outcome::Ok }
    };
    let warm_up = Duration::from_millis(5);
    let duration = Some(Duration::from_millis(10));
    let plan = Plan { rate: Some(1000.0), count: None, duration, warm_up, ..PLAN };
    let summary = run(&plan, &Progress::default(), std::future::pending(), call).await;
    assert_eq!((summary.calls, made.load(Ordering::SeqCst)), (10, 15));
}

#[tokio::test]
async fn stopping_drops_what_is_outstanding() {
    let call = |number| async move {
        if number > 0 {
            std::future::pending::<()>().await;
        }
        Outcome::Ok
    };
    let progress = Progress::default();
    let first_is_done = async {
        while progress.done() == 0 {
            tokio::task::yield_now().await;
        }
    };
    let summary = run(&PLAN, &progress, first_is_done, call).await;
    assert_eq!(summary.calls, 1);
    assert!((3..=4).contains(&summary.unfinished), "{summary:?}");
}

#[tokio::test]
async fn a_call_that_panics_is_lost() {
    let call = |_| async { panic!("as a bug would") };
    let plan = Plan { count: Some(2), ..PLAN };
    let summary = run(&plan, &Progress::default(), std::future::pending(), call).await;
    assert_eq!((summary.calls, summary.lost), (2, 2));
}

#[tokio::test]
async fn a_rate_that_is_no_rate_makes_no_calls() {
    for rate in [0.0, -1.0, f64::NAN] {
        let plan = Plan { rate: Some(rate), ..PLAN };
        let call = |_| async { Outcome::Ok };
        let summary = run(&plan, &Progress::default(), std::future::pending(), call).await;
        assert!(summary.calls <= 1, "{rate}: {summary:?}");
    }
}
