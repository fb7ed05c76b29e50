//! What the sandbox bears: a site of small files must not be a test's own
//! bottleneck.

use std::time::{Duration, Instant};

use crate::client::{KeptAlive, Request};
use crate::world::{docs, writer};

/// A few times slower than a machine with two cores does it.
const LEAST_PER_SECOND: u32 = 400;
const FILES: u32 = 2_000;

#[test]
fn thousands_of_small_files() {
    let aws = docs();
    let client = writer(&aws);
    let requests: Vec<Request> = (0..FILES)
        .map(|n| {
            client
                .put(&format!("/docs/d{}/f{n}", n % 100), &[b'x'; 1000])
                .signed()
        })
        .collect();
    let address = client.address();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for share in requests.chunks(requests.len() / 16) {
            let mut connection = KeptAlive::open(&address);
            scope.spawn(move || {
                for request in share {
                    connection.send(request).unwrap().ok();
                }
            });
        }
    });
    let took = start.elapsed();
    println!("{:.0} PUT/s", f64::from(FILES) / took.as_secs_f64());
    assert_eq!(aws.keys("docs").len(), requests.len());
    assert!(
        took < Duration::from_secs(1) * FILES / LEAST_PER_SECOND,
        "{took:?}"
    );
}
