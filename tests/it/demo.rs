//! `cargo demo`, as far as a test can follow it: its accounts and policies are
//! those of the README, and are enough.

use crate::harness::*;

#[test]
fn the_policies_in_the_readme_are_enough_and_each_is_needed() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let policies: Vec<&str> = readme
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let [trust, write, assume] = policies.as_slice() else {
        panic!("the README has {} policies", policies.len());
    };
    let world = World::new();
    world.site();
    world.file("big", vec![1; 17 << 20]);
    let role = world
        .aws
        .role(ROLE)
        .without_policies()
        .trust(trust)
        .policy(write);
    let user = world.aws.user(USER).without_policies();
    let job = || {
        let job = world.job();
        job.var("DOCFERRY_DESTINATION", "s3://example-docs/handbook/")
    };
    job().run().exits(3);
    let _user = user.policy(assume);
    job().run().exits(0);
    assert_eq!(world.keys().len(), 4);
    let role = role.without_policies();
    job().run().exits(5);
    let _role = role.policy(write).trust(trusts(Some("another")));
    job().run().exits(3);
}
