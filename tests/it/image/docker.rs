//! `docker run IMAGE`.

use std::time::{Duration, Instant};

use super::container::{Container, job_at_site, podman};
use crate::harness::*;

#[test]
#[ignore = "needs the image: .ci/image"]
fn docker_run_works_for_any_user_with_no_right_at_all() {
    for user in ["0:0", "12345:23456"] {
        let world = World::new();
        world.site();
        let job = job_at_site(&world);
        let container = Container::new()
            .env_file(&world, &job)
            .site(&world)
            .option("--read-only")
            .option("--read-only-tmpfs=false")
            .option("--cap-drop=all")
            .option("--security-opt=no-new-privileges")
            .option(format!("--user={user}"));
        job.start_by(container.command(&[]), "").wait().exits(0);
        world.assert_all_in_place();
    }
}

#[test]
#[ignore = "needs the image: .ci/image"]
fn docker_run_takes_a_command_and_gives_its_exit_code() {
    let world = World::new();
    world.site();
    let job = job_at_site(&world);
    let container = Container::new().env_file(&world, &job).site(&world);
    let plan = job.start_by(container.command(&["docferry", "plan"]), "");
    let plan = plan.wait().exits(0);
    assert!(plan.stdout.contains("assets/style.css"), "{}", plan.stdout);
    assert!(world.keys().is_empty());
    let job = job_at_site(&world).without("DOCFERRY_DESTINATION");
    let container = Container::new().env_file(&world, &job).site(&world);
    let outcome = job.start_by(container.command(&[]), "").wait();
    outcome.exits(2).says("DOCFERRY_DESTINATION");
}

#[test]
#[ignore = "needs the image: .ci/image"]
fn as_the_first_process_it_answers_both_signals() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let world = World::new();
        for index in 0..300 {
            world.file(&format!("page-{index:03}.html"), "x");
        }
        world.aws.latency(Duration::from_millis(40));
        let job = job_at_site(&world).var("DOCFERRY_CONCURRENCY", "4");
        let container = Container::new().env_file(&world, &job).site(&world);
        let running = job.start_by(container.command(&[]), "");
        wait_until("some objects are in place", || world.keys().len() > 10);
        let begin = Instant::now();
        podman(&["kill", "--signal", signal, &container.name]);
        let outcome = running.wait().exits(code);
        assert!(begin.elapsed() < Duration::from_secs(5));
        let stored = world.keys().len();
        assert!(stored < 300);
        outcome
            .says(&format!("stopped by SIG{signal}"))
            .says(&format!("done       {stored} of 300 files"));
    }
}
