use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;

const BOUNDS: Bounds = Bounds {
    first: 128,
    least: 4,
    most: 1024,
};

/// A server, and a client that can do so much and no more.
#[derive(Clone, Copy)]
struct Server {
    latency: u64,
    /// Microseconds of the client's only processor for each request.
    work: u64,
    /// Requests a second, above which it refuses; a second's worth is saved up.
    allows: Option<f64>,
}

/// What a run of 20 seconds came to.
struct Course {
    done: usize,
    /// The number under way at the end of each second.
    limits: Vec<usize>,
}

/// Plays requests by their moments, in microseconds. A refused one waits as the
/// real ones do.
fn play(server: Server, mut control: Control) -> Course {
    const SECONDS: u64 = 20;
    let mut answers = BinaryHeap::new();
    let (mut now, mut free, mut under_way) = (0_u64, 0_u64, 0_usize);
    let mut saved = server.allows.unwrap_or_default();
    let mut checked = 0_u64;
    let (mut begun, mut worked) = (0_u64, 0_u64);
    let (mut done, mut limits) = (0, Vec::new());
    while now < SECONDS * 1_000_000 {
        while under_way < control.limit() {
            under_way += 1;
            free = free.max(now) + server.work;
            worked += server.work;
            answers.push(Reverse((free + server.latency, now, control.round(), true)));
        }
        control.was_reached();
        let Reverse((at, sent, round, is_answer)) = answers.pop().unwrap();
        now = at;
        while limits.len() < usize::try_from(now / 1_000_000).unwrap() {
            limits.push(control.limit());
        }
        under_way -= 1;
        if !is_answer {
            continue;
        }
        if let Some(allows) = server.allows {
            #[expect(clippy::cast_precision_loss, reason = "seconds")]
            let passed = (now - checked) as f64 / 1e6;
            saved = (saved + passed * allows).min(allows);
            checked = now;
            if saved < 1.0 {
                if control.refused(round) {
                    control.end_round(busy(&mut begun, &mut worked, now));
                }
                // It keeps its place while it waits to be tried again.
                under_way += 1;
                answers.push(Reverse((now + 125_000, now, round, false)));
                continue;
            }
            saved -= 1.0;
        }
        done += 1;
        if control.answered(round, Duration::from_micros(now - sent)) {
            control.end_round(busy(&mut begun, &mut worked, now));
        }
    }
    Course { done, limits }
}

/// The share of a round that was work.
fn busy(begun: &mut u64, worked: &mut u64, now: u64) -> f64 {
    let passed = now - std::mem::replace(begun, now);
    let worked = std::mem::take(worked);
    Duration::from_micros(worked).as_secs_f64() / Duration::from_micros(passed.max(1)).as_secs_f64()
}

fn answer(control: &mut Control, is_yes: bool) {
    let enough = match is_yes {
        true => control.answered(control.round(), Duration::from_millis(30)),
        false => control.refused(control.round()),
    };
    if enough {
        control.end_round(0.1);
    }
}

fn fixed(limit: usize) -> Control {
    Control::new(Bounds {
        first: limit,
        least: limit,
        most: limit,
    })
}

#[test]
fn it_comes_near_the_best_fixed_number_whatever_the_server_is_like() {
    for (latency, allows) in [
        (0, None),
        (30_000, None),
        (200_000, None),
        (30_000, Some(3500.0)),
        (200_000, Some(3500.0)),
    ] {
        let server = Server {
            latency,
            work: 120,
            allows,
        };
        let best = [16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024]
            .map(|limit| play(server, fixed(limit)).done)
            .into_iter()
            .max()
            .unwrap();
        let found = play(server, Control::new(BOUNDS));
        assert!(
            found.done * 100 >= best * 90,
            "{latency} µs, {allows:?}: {} of {best}, {:?}",
            found.done,
            found.limits
        );
    }
}

#[test]
fn it_settles_near_a_servers_rate_and_stays_there() {
    let server = Server {
        latency: 30_000,
        work: 100,
        allows: Some(3500.0),
    };
    let course = play(server, Control::new(BOUNDS));
    let settled = &course.limits[5..];
    let (least, most) = (settled.iter().min().unwrap(), settled.iter().max().unwrap());
    assert!(most - least <= most / 3, "{:?}", course.limits);
}

#[test]
fn an_outage_brings_it_down_to_its_least_and_calm_up_again() {
    let mut control = Control::new(BOUNDS);
    for _ in 0..1000 {
        answer(&mut control, false);
    }
    assert_eq!(control.limit(), BOUNDS.least);
    for _ in 0..5000 {
        control.was_reached();
        answer(&mut control, true);
    }
    assert!(control.limit() > 10 * BOUNDS.least, "{}", control.limit());
}

#[test]
fn what_nobody_waits_for_does_not_grow() {
    let mut control = Control::new(BOUNDS);
    for _ in 0..5000 {
        answer(&mut control, true);
    }
    assert_eq!(control.limit(), BOUNDS.first);
}

#[test]
fn a_fixed_number_is_obeyed() {
    let mut control = fixed(7);
    for index in 0..5000 {
        control.was_reached();
        answer(&mut control, index % 3 > 0);
        assert_eq!(control.limit(), 7);
    }
}
