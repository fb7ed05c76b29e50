//! The server's pace: its rate limit, latency, many requests at once, and
//! connections that are idle.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use docferry_sandbox::{Answer, Fault};

use crate::client::{KeptAlive, Request};
use crate::world::{Client, docs, writer};

const IDLE: Duration = Duration::from_millis(150);

fn puts(client: &Client<'_>, count: usize) -> Vec<Request> {
    (0..count)
        .map(|n| client.put(&format!("/docs/{n}"), b"x").signed())
        .collect()
}

/// Sends the requests at the same moment, each over a connection of its own
/// that is open already; gives how long each took.
fn at_once(address: &str, requests: &[Request]) -> Vec<Duration> {
    let start = Barrier::new(requests.len());
    std::thread::scope(|scope| {
        let senders: Vec<_> = requests
            .iter()
            .map(|request| {
                let mut connection = KeptAlive::open(address);
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let began = Instant::now();
                    connection.send(request).unwrap().ok();
                    began.elapsed()
                })
            })
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().unwrap())
            .collect()
    })
}

#[test]
fn above_its_rate_s3_asks_to_slow_down() {
    let aws = docs();
    let client = writer(&aws);
    let mut connection = KeptAlive::open(&client.address());
    let requests = puts(&client, 60);
    aws.slow_down_above(20);
    let start = Instant::now();
    let passed = requests
        .iter()
        .filter(|request| connection.send(request).unwrap().status == 200)
        .count();
    let at_most = 20.0 + 20.0 * start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let fits = passed as f64 <= at_most;
    assert!(passed >= 20 && fits, "{passed} of {at_most}");
    let seen = aws.requests();
    assert_eq!(seen.refused_with("SlowDown").len(), 60 - passed);
    assert_eq!(seen.refused_with("AccessDenied").len(), 0);
    // STS has no part in it.
    client.sts("GetCallerIdentity", &[]).ok();
    // The bucket fills again: a tenth of a second is worth two requests.
    std::thread::sleep(Duration::from_millis(110));
    for request in &requests[..2] {
        connection.send(request).unwrap().ok();
    }
    aws.clear_faults();
    for request in &requests {
        connection.send(request).unwrap().ok();
    }
}

#[test]
fn latency_is_every_requests_own() {
    let aws = docs();
    let client = writer(&aws);
    let latency = Duration::from_millis(30);
    let requests = puts(&client, 320);
    aws.latency(latency);
    let alone = (0..10).map(|n| at_once(&client.address(), &requests[n..=n])[0]);
    let best = alone.min().unwrap();
    assert!(best >= latency && best < latency * 3 / 2, "{best:?}");
    aws.forget_requests();
    let start = Instant::now();
    let times = at_once(&client.address(), &requests);
    let took = start.elapsed();
    assert!(times.iter().all(|time| *time >= latency), "{times:?}");
    // One after the other they would take ten seconds.
    assert!(took < Duration::from_secs(4), "{took:?}");
    println!(
        "320 at once took {took:?}, {} in flight",
        aws.max_in_flight()
    );
    assert_eq!(aws.keys("docs").len(), 320);
}

#[test]
fn the_most_at_once_is_counted() {
    let aws = docs();
    let client = writer(&aws);
    assert_eq!(aws.max_in_flight(), 0);
    let requests = puts(&client, 40);
    let hold = Answer::Delay(Duration::from_millis(400));
    aws.fault(Fault::new("PutObject").times(7).then(hold));
    at_once(&client.address(), &requests[..7]);
    assert_eq!(aws.max_in_flight(), 7);
    client.put("/docs/a", b"x").send().ok();
    assert_eq!(aws.max_in_flight(), 7);
    aws.forget_requests();
    assert_eq!(aws.max_in_flight(), 0);
    client.sts("GetCallerIdentity", &[]).ok();
    assert_eq!(aws.max_in_flight(), 0);
    client.put("/docs/a", b"x").send().ok();
    assert_eq!(aws.max_in_flight(), 1);
}

#[test]
fn idle_connections_are_closed_without_notice() {
    let aws = docs();
    let client = writer(&aws);
    let requests = puts(&client, 2);
    // Also a connection that was open before.
    let mut connection = KeptAlive::open(&client.address());
    connection.send(&requests[0]).unwrap().ok();
    aws.close_idle_connections_after(IDLE);
    let answer = connection.send(&requests[1]).unwrap().ok();
    assert_eq!(answer.header("connection"), None);
    let since = Instant::now();
    let (rest, _) = connection.wait();
    let idle = since.elapsed();
    assert!(rest.is_empty());
    assert!(
        idle + Duration::from_millis(5) >= IDLE && idle < IDLE * 20,
        "{idle:?}"
    );
    // One that never said anything is idle, too.
    let mut silent = KeptAlive::open(&client.address());
    let (rest, _) = silent.wait();
    assert!(rest.is_empty());
}

#[test]
fn a_connection_at_work_is_not_idle() {
    let aws = docs();
    let client = writer(&aws);
    let requests = puts(&client, 8);
    aws.close_idle_connections_after(IDLE);
    aws.fault(Fault::any().nth(1).then(Answer::Delay(IDLE * 3)));
    let mut connection = KeptAlive::open(&client.address());
    for request in &requests {
        connection.send(request).unwrap().ok();
        std::thread::sleep(IDLE / 3);
    }
    aws.clear_faults();
    std::thread::sleep(IDLE * 2);
    connection.send(&requests[0]).unwrap().ok();
}
