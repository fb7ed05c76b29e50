//! Faults on demand, and the clock of rates.

use std::time::{Duration, Instant};

use docferry_sandbox::{Answer, Fault};

use crate::client::KeptAlive;
use crate::multipart::{complete, create, part};
use crate::world::{docs, writer};

#[test]
fn errors_without_doing_the_work() {
    let aws = docs();
    let client = writer(&aws);
    aws.fault(
        Fault::new("PutObject")
            .key("slow/*")
            .times(2)
            .then(Answer::SlowDown),
    );
    aws.fault(
        Fault::new("PutObject")
            .key("late")
            .then(Answer::ExpiredToken),
    );
    aws.fault(Fault::new("GetObject").nth(2).then(Answer::InternalError));
    aws.fault(
        Fault::new("HeadBucket").then(Answer::TemporaryRedirect("http://127.0.0.1:1".into())),
    );
    let put = |key: &str| client.put(&format!("/docs/{key}"), b"x").send();
    put("slow/a").refused(503, "SlowDown", "Please reduce your request rate.");
    put("other").ok();
    put("slow/b").refused(503, "SlowDown", "Please reduce your request rate.");
    put("slow/b").ok();
    put("late").refused(400, "ExpiredToken", "The provided token has expired.");
    client.s3("GET", "/docs/other").send().ok();
    client.s3("GET", "/docs/other").send().refused(
        500,
        "InternalError",
        "We encountered an internal error. Please try again.",
    );
    client.s3("GET", "/docs/other").send().ok();
    let moved = client.s3("HEAD", "/docs").send();
    assert_eq!(
        (moved.status, moved.header("location")),
        (307, Some("http://127.0.0.1:1"))
    );
    assert_eq!(aws.keys("docs"), ["other", "slow/b"]);
    aws.clear_faults();
    put("late").ok();
    let record = &aws.requests();
    assert_eq!(record.of("PutObject")[0].fault.as_deref(), Some("SlowDown"));
}

#[test]
fn broken_connections() {
    let aws = docs();
    let client = writer(&aws);
    for (answer, stored) in [
        (Answer::ResetBeforeBody, false),
        (Answer::ResetInBody(4), false),
        (Answer::ResetInBody(1 << 30), false),
        (Answer::ResetAfter, true),
    ] {
        aws.clear_faults();
        aws.fault(Fault::any().then(answer.clone()));
        let cut = client.put("/docs/a", &[b'x'; 100_000]).try_send();
        assert!(cut.is_err(), "{answer:?}: {cut:?}");
        assert_eq!(aws.object("docs", "a").is_some(), stored, "{answer:?}");
    }
    assert_eq!(aws.requests().of("PutObject")[0].status, 0);
    aws.clear_faults();
    client.put("/docs/b", &[b'x'; 1000]).send().ok();
    aws.fault(Fault::any().then(Answer::Truncate));
    assert!(client.s3("GET", "/docs/b").try_send().is_err());
}

#[test]
fn an_error_in_a_200() {
    let aws = docs();
    let client = writer(&aws);
    let id = create(&client, "a", &[]);
    let etag = part(&client, "a", &id, "1", b"x", &[]).ok();
    let etag = etag.header("etag").unwrap();
    let parts = [(1, etag, "")];
    aws.fault(
        Fault::new("CompleteMultipartUpload")
            .nth(1)
            .then(Answer::ErrorBodyInOk),
    );
    aws.fault(
        Fault::new("CompleteMultipartUpload")
            .nth(1)
            .then(Answer::ErrorBodyInOkAfter),
    );
    let first = complete(&client, "a", &id, &parts, &[]);
    assert_eq!(first.status, 200);
    assert_eq!(first.element("Code").unwrap(), "InternalError");
    assert!(aws.keys("docs").is_empty());
    assert_eq!(aws.uploads("docs").len(), 1);
    let second = complete(&client, "a", &id, &parts, &[]);
    assert_eq!(second.element("Code").unwrap(), "InternalError");
    assert_eq!(aws.keys("docs"), ["a"]);
}

#[test]
fn delays_and_stalls() {
    let aws = docs();
    let client = writer(&aws);
    aws.fault(
        Fault::new("PutObject")
            .nth(1)
            .then(Answer::Delay(Duration::from_millis(80))),
    );
    let start = Instant::now();
    client.put("/docs/a", b"x").send().ok();
    assert!(start.elapsed() >= Duration::from_millis(80));
    aws.latency(Duration::from_millis(40));
    let start = Instant::now();
    client.put("/docs/a", b"x").send().ok();
    assert!(start.elapsed() >= Duration::from_millis(40));
    aws.clear_faults();
    aws.fault(Fault::any().then(Answer::Stall));
    let request = client.put("/docs/never", b"x").signed();
    let address = client.address();
    std::thread::spawn(move || crate::client::send(&address, &request));
    while aws.requests().count("PutObject") < 3 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(aws.keys("docs"), ["a"]);
}

#[test]
fn shares_are_the_same_for_a_seed() {
    let run = || {
        let aws = docs();
        let client = writer(&aws);
        aws.fault(
            Fault::new("PutObject")
                .percent(30, 42)
                .then(Answer::SlowDown),
        );
        (0..60)
            .map(|n| client.put(&format!("/docs/{n}"), b"").send().status)
            .collect::<Vec<_>>()
    };
    let first = run();
    assert_eq!(first, run());
    let hit = first.iter().filter(|status| **status == 503).count();
    assert!((8..30).contains(&hit), "{hit}");
}

#[test]
fn only_an_old_key_is_hit() {
    let aws = docs();
    let old = writer(&aws);
    let new = writer(&aws);
    aws.fault(
        Fault::any()
            .access_key(&old.signer.id)
            .after(1)
            .then(Answer::ExpiredToken),
    );
    old.put("/docs/a", b"x").send().ok();
    old.put("/docs/a", b"x")
        .send()
        .refused(400, "ExpiredToken", "");
    new.put("/docs/a", b"x").send().ok();
}

#[test]
fn a_refusal_says_when_to_come_back() {
    let aws = docs();
    let client = writer(&aws);
    for (status, code, sts) in [
        (503, "SlowDown", "Throttling"),
        (429, "SlowDown", "Throttling"),
        (500, "InternalError", "InternalFailure"),
    ] {
        let answer = Answer::RetryAfter { status, seconds: 7 };
        aws.fault(Fault::any().times(2).then(answer));
        let put = client.put("/docs/a", b"x").send();
        assert_eq!(put.header("retry-after"), Some("7"));
        put.refused(status, code, "");
        let who = client.sts("GetCallerIdentity", &[]);
        assert_eq!(who.header("retry-after"), Some("7"));
        assert_eq!(
            (who.status, who.element("Code")),
            (status, Some(sts.to_owned()))
        );
        let put = client.put("/docs/b", b"x").send().ok();
        assert_eq!(put.header("retry-after"), None);
    }
    assert_eq!(aws.keys("docs"), ["b"]);
}

#[test]
fn a_whole_body_for_nothing() {
    let aws = docs();
    let client = writer(&aws);
    client.put("/docs/old", b"x").send().ok();
    aws.forget_requests();
    aws.fault(Fault::any().times(2).then(Answer::ResetAfterBody));
    client
        .put("/docs/a", &[b'x'; 100_000])
        .try_send()
        .unwrap_err();
    client.s3("DELETE", "/docs/old").try_send().unwrap_err();
    assert_eq!(aws.keys("docs"), ["old"]);
    let requests = aws.requests();
    let put = requests.of("PutObject")[0];
    assert_eq!((put.bytes_in, put.status), (100_000, 0));
}

#[test]
fn an_answer_that_breaks_off() {
    let aws = docs();
    let client = writer(&aws);
    let mut connection = KeptAlive::open(&client.address());
    let body = vec![b'y'; 1000];
    for (key, bytes) in [("none", 0), ("status", 9), ("head", 60), ("body", 900)] {
        let put = client.put(&format!("/docs/{key}"), &body).signed();
        connection.send(&put).unwrap().ok();
        aws.fault(
            Fault::new("GetObject")
                .times(1)
                .then(Answer::TruncateAt(bytes)),
        );
        let get = client.s3("GET", &format!("/docs/{key}")).signed();
        let (read, end) = connection.send_raw(&get);
        assert_eq!(read.len() as u64, bytes, "{key}: {end:?}");
        connection = KeptAlive::open(&client.address());
    }
    // The work was done all the same.
    aws.fault(Fault::new("PutObject").then(Answer::TruncateAt(9)));
    client.put("/docs/put", b"x").try_send().unwrap_err();
    assert!(aws.object("docs", "put").is_some());
}

#[test]
fn answers_that_come_late_or_never_though_the_work_is_done() {
    let aws = docs();
    let client = writer(&aws);
    let late = Duration::from_millis(150);
    aws.fault(
        Fault::new("PutObject")
            .nth(1)
            .then(Answer::DelayAfter(late)),
    );
    aws.fault(Fault::new("PutObject").nth(1).then(Answer::StallAfter));
    let start = Instant::now();
    let request = client.put("/docs/a", b"x").signed();
    let address = client.address();
    let sender = std::thread::spawn(move || crate::client::send(&address, &request));
    while aws.object("docs", "a").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(start.elapsed() < late);
    sender.join().unwrap().unwrap().ok();
    assert!(start.elapsed() >= late);
    let request = client.put("/docs/b", b"x").signed();
    let address = client.address();
    let sender = std::thread::spawn(move || crate::client::send(&address, &request));
    while aws.object("docs", "b").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    while aws.requests().count("PutObject") < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(!sender.is_finished());
}
