//! Every identity that a job can have, and every hop to the role that writes.

use std::time::Duration;

use docferry_sandbox::{Answer, Encryption, Fault};
use serde_json::json;

use crate::harness::*;

const RUNNER: &str = "arn:aws:iam::111111111111:role/runner";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GITLAB: &str = "https://gitlab.example.org";
const MAIN: &str = "repo:acme/handbook:ref:refs/heads/main";

/// A role of the development account that may assume the writer, which trusts
/// it.
fn runner(world: &World) {
    let ec2 = json!({
        "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
    });
    let _runner = world
        .aws
        .role(RUNNER)
        .trust(policy(&ec2))
        .policy(may_assume());
    trust(world, RUNNER);
}

fn trust(world: &World, principal: &str) {
    let trust =
        json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"});
    let _writer = world.aws.role(ROLE).trust(policy(&trust));
}

fn trust_tokens(world: &World, issuer: &str, subject: &str) {
    let name = issuer.trim_start_matches("https://");
    let trust = json!({
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::{DOCUMENTATION}:oidc-provider/{name}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{name}:aud"): "sts.amazonaws.com",
            format!("{name}:sub"): subject,
        }},
    });
    let _writer = world.aws.role(ROLE).trust(policy(&trust));
}

/// A job without any key in a variable.
fn keyless(world: &World) -> Job {
    world
        .job()
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
}

#[test]
fn scenario_1_a_private_subnet_has_an_instance_role_and_nothing_of_the_internet() {
    let world = World::new();
    world.site();
    runner(&world);
    let key = "arn:aws:kms:eu-central-1:222222222222:key/docs";
    let use_key = json!({
        "Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": key,
    });
    let _key = world.aws.kms_key(key);
    let _role = world.aws.role(ROLE).policy(policy(&use_key));
    let _bucket = world
        .aws
        .bucket(BUCKET)
        .encryption(Encryption::Kms(Some(key.to_owned())));
    let metadata = world.aws.instance_metadata(RUNNER);
    // Each service by an endpoint of its own; whatever else were asked would be
    // asked of a proxy that refuses everything.
    let nowhere = world.aws.proxy().refuse(403);
    keyless(&world)
        .without("AWS_EC2_METADATA_DISABLED")
        .without("AWS_ENDPOINT_URL")
        .without("AWS_REGION")
        .var("AWS_ENDPOINT_URL_STS", world.aws.endpoint())
        .var("AWS_ENDPOINT_URL_S3", world.aws.endpoint())
        .var("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.endpoint())
        .var("HTTPS_PROXY", nowhere.url())
        .run()
        .exits(0)
        .says("identity   arn:aws:sts::111111111111:assumed-role/runner/i-0")
        .says("from instance metadata")
        .says("role       arn:aws:sts::222222222222:assumed-role/docs-writer/docferry");
    world.assert_all_in_place();
    assert!(nowhere.seen().is_empty(), "{:?}", nowhere.seen());
    for object in world.aws.objects(BUCKET) {
        assert_eq!(
            object.properties.encryption,
            Encryption::Kms(Some(key.to_owned()))
        );
    }
}

#[test]
fn scenario_2_a_gitlab_job_with_one_iam_user_assumes_the_role_for_itself() {
    let world = World::new();
    world.file("dist/app/index.html", "x");
    world.file("dist/app/assets/a.css", "x");
    world
        .job()
        .var("GITLAB_CI", "true")
        .var("CI_PROJECT_PATH", "acme/handbook")
        .var("CI_JOB_ID", "7")
        .var("DOCFERRY_SOURCE", world.source().join("dist"))
        .run()
        .exits(0)
        .says(&format!(
            "identity   {USER} (account {DEVELOPMENT}), from variables"
        ));
    assert_eq!(
        world.keys(),
        ["site/app/assets/a.css", "site/app/index.html"]
    );
    // Nothing of the session is left to what follows in the job.
    assert_eq!(world.files_beside_the_source(), Vec::<String>::new());
}

#[test]
fn scenario_3_a_role_only_from_a_container_or_a_web_identity_file() {
    let world = World::new();
    world.site();
    runner(&world);
    let container = world
        .aws
        .container_credentials(RUNNER, Some("container-token"));
    keyless(&world)
        .var("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.full_uri())
        .var("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token")
        .run()
        .exits(0)
        .says("assumed-role/runner/")
        .says("from container")
        .says_nothing_of("container-token");
    world.assert_all_in_place();

    let world = World::new();
    world.site();
    runner(&world);
    let cluster = "https://oidc.eks.example.org/id/1";
    let provider = world
        .aws
        .oidc_provider(DEVELOPMENT, cluster, &["sts.amazonaws.com"]);
    let name = cluster.trim_start_matches("https://");
    let pod = json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{name}:sub"): "system:serviceaccount:ci:docs"}},
    });
    let _runner = world.aws.role(RUNNER).trust(policy(&pod));
    let token = provider
        .token()
        .subject("system:serviceaccount:ci:docs")
        .audience("sts.amazonaws.com");
    let file = world.dir.path().join("token");
    std::fs::write(&file, token.sign()).unwrap();
    keyless(&world)
        .var("AWS_WEB_IDENTITY_TOKEN_FILE", &file)
        .var("AWS_ROLE_ARN", RUNNER)
        .run()
        .exits(0)
        .says("from web identity file");
    world.assert_all_in_place();
}

#[test]
fn scenario_4_a_profile_with_a_role_and_a_source_profile() {
    let world = World::new();
    world.site();
    let config = format!(
        "[profile docs]\nrole_arn = {ROLE}\nsource_profile = ci\n\
         [profile ci]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        world.key.id, world.key.secret
    );
    std::fs::create_dir(world.dir.path().join(".aws")).unwrap();
    std::fs::write(world.dir.path().join(".aws/config"), config).unwrap();
    keyless(&world)
        .without("DOCFERRY_ROLE_ARN")
        .var("AWS_PROFILE", "docs")
        .run()
        .exits(0)
        .says("identity   arn:aws:sts::222222222222:assumed-role/docs-writer/")
        .says("from profile");
    world.assert_all_in_place();
    for object in world.aws.objects(BUCKET) {
        assert_eq!(object.owner, DOCUMENTATION);
    }
}

#[test]
fn scenario_5_a_bucket_policy_instead_of_a_role() {
    let world = World::new();
    world.site();
    let _user = world.aws.user(USER).policy(may_put());
    let mut statement = may_put()["Statement"][0].clone();
    statement["Principal"] = json!({"AWS": USER});
    let _bucket = world.aws.bucket(BUCKET).policy(policy(&statement));
    world
        .job_of_the_user()
        .var("DOCFERRY_EXPECTED_BUCKET_OWNER", DOCUMENTATION)
        .run()
        .exits(0);
    world.assert_all_in_place();
    for object in world.aws.objects(BUCKET) {
        assert_eq!(object.owner, DOCUMENTATION, "bucket owner enforced");
        assert_eq!(object.uploader, USER);
    }
}

#[test]
fn a_chain_of_roles_is_taken_from_left_to_right() {
    let world = World::new();
    world.site();
    let out = "arn:aws:iam::111111111111:role/out";
    let _out = world
        .aws
        .role(out)
        .trust(trusts(Some("first")))
        .policy(may_assume());
    let may_out = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": out});
    let _user = world
        .aws
        .user(USER)
        .without_policies()
        .policy(policy(&may_out));
    trust(&world, out);
    let job = || {
        let job = world
            .job()
            .var("DOCFERRY_ROLE_ARN", format!("{out},{ROLE}"));
        job.var("DOCFERRY_EXTERNAL_ID", "first,")
    };
    job()
        .run()
        .exits(0)
        .says(&format!("identity   {USER}"))
        .says("hop 1/2    arn:aws:sts::111111111111:assumed-role/out/docferry")
        .says("role       arn:aws:sts::222222222222:assumed-role/docs-writer/docferry");
    world.assert_all_in_place();
    trust(&world, USER);
    job()
        .run()
        .exits(3)
        .says("hop 2 of 2: STS refused to let the job assume the role")
        .says(
            "identity  arn:aws:sts::111111111111:assumed-role/out/docferry (account 111111111111)",
        )
        .says(r#""Principal": {"AWS": "arn:aws:iam::111111111111:role/out"}"#);
}

#[test]
fn githubs_token_is_asked_for_and_masked_and_hops_may_follow() {
    let world = World::new();
    world.site();
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITHUB, &["sts.amazonaws.com"]);
    trust_tokens(&world, GITHUB, MAIN);
    let tokens = world.aws.github_tokens(&provider, MAIN);
    let job = || {
        keyless(&world)
            .var("GITHUB_ACTIONS", "true")
            .var("ACTIONS_ID_TOKEN_REQUEST_URL", tokens.url())
            .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", tokens.request_token())
    };
    for choice in ["auto", "on"] {
        let outcome = job().var("DOCFERRY_OIDC", choice).run().exits(0);
        let outcome = outcome.says(&format!(
            "identity   GitHub's OIDC token of {MAIN:?} for \"sts.amazonaws.com\""
        ));
        assert_masked(&world, &outcome);
        world.assert_all_in_place();
    }
    job()
        .var("DOCFERRY_OIDC", "off")
        .run()
        .exits(3)
        .says("the job has no AWS identity");
    // From the token to a first role, and from there to the writer.
    let out = "arn:aws:iam::222222222222:role/out";
    trust_tokens(&world, GITHUB, MAIN);
    let name = GITHUB.trim_start_matches("https://");
    let first = json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{name}:sub"): MAIN, format!("{name}:aud"): "sts.amazonaws.com"}},
    });
    let _out = world
        .aws
        .role(out)
        .trust(policy(&first))
        .policy(may_assume());
    trust(&world, out);
    job()
        .var("DOCFERRY_ROLE_ARN", format!("{out}\n{ROLE}"))
        .run()
        .exits(0)
        .says("hop 1/2    arn:aws:sts::222222222222:assumed-role/out/docferry");
}

/// What GitHub's runner hides is what stands in a mask before anything else
/// says it.
fn assert_masked(world: &World, outcome: &Outcome) {
    let mut masked = Vec::new();
    for line in outcome.stderr.lines() {
        if let Some(secret) = line.strip_prefix("::add-mask::") {
            masked.push(secret);
            continue;
        }
        for secret in world.aws.secrets() {
            assert!(!line.contains(&secret), "a secret in: {line}");
        }
    }
    assert!(!masked.is_empty());
    assert_eq!(outcome.stdout, "");
}

#[test]
fn githubs_token_never_takes_the_place_of_credentials_that_the_job_has() {
    let world = World::new();
    world.site();
    runner(&world);
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITHUB, &["sts.amazonaws.com"]);
    let tokens = world.aws.github_tokens(&provider, MAIN);
    let metadata = world.aws.instance_metadata(RUNNER);
    keyless(&world)
        .without("AWS_EC2_METADATA_DISABLED")
        .var("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.endpoint())
        .var("GITHUB_ACTIONS", "true")
        .var("ACTIONS_ID_TOKEN_REQUEST_URL", tokens.url())
        .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", tokens.request_token())
        .run()
        .exits(0)
        .says("identity   arn:aws:sts::111111111111:assumed-role/runner/")
        .says("GitHub's OIDC token is left alone, since the job has AWS credentials of its own (instance metadata)");
    assert_eq!(world.aws.requests().count("github:GetIdToken"), 0);
    world.assert_all_in_place();
}

#[test]
fn gitlabs_token_is_taken_from_its_variable() {
    let world = World::new();
    world.site();
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITLAB, &["sts.amazonaws.com"]);
    let subject = "project_path:acme/handbook:ref_type:branch:ref:main";
    trust_tokens(&world, GITLAB, subject);
    let jwt = provider
        .token()
        .subject(subject)
        .audience("sts.amazonaws.com")
        .sign();
    // The user's keys are there for another purpose and are left alone.
    world
        .job()
        .var("GITLAB_CI", "true")
        .var("DOCFERRY_OIDC_TOKEN", &jwt)
        .run()
        .exits(0)
        .says(&format!("identity   DOCFERRY_OIDC_TOKEN of {subject:?}"))
        .says_nothing_of(&jwt);
    world.assert_all_in_place();
    assert_eq!(world.aws.requests().count("sts:AssumeRole"), 0);
}

#[test]
fn a_session_is_renewed_before_its_end_while_files_are_on_their_way() {
    let world = World::new();
    for index in 0..400 {
        world.file(&format!("{index}"), "x");
    }
    // By the job's clock the session has four seconds to live, and is renewed
    // after three.
    let _role = world.aws.role(ROLE).max_session(Duration::from_hours(1));
    world.aws.clock().rewind(Duration::from_secs(15 * 60 - 4));
    world.aws.latency(Duration::from_millis(60));
    world
        .job()
        .var("DOCFERRY_SESSION_DURATION", "15m")
        .var("DOCFERRY_CONCURRENCY", "4")
        .run()
        .exits(0);
    world.assert_all_in_place();
    let assumed = world.aws.requests().count("sts:AssumeRole");
    assert!((2..=4).contains(&assumed), "assumed {assumed} times");
}

#[test]
fn a_session_that_s3_calls_expired_is_renewed_once_for_all_requests() {
    let world = World::new();
    for index in 0..300 {
        world.file(&format!("{index}"), "x");
    }
    world.file("big", vec![1; 40 << 20]);
    world.aws.latency(Duration::from_millis(20));
    let running = world.job().var("DOCFERRY_CONCURRENCY", "32").start();
    wait_until("some objects are in place", || world.keys().len() > 60);
    world.aws.expire_sessions();
    running.wait().exits(0);
    world.assert_all_in_place();
    assert_eq!(world.aws.requests().count("sts:AssumeRole"), 2);
}

#[test]
fn a_whole_chain_is_renewed_and_githubs_token_is_asked_for_anew() {
    let world = World::new();
    for index in 0..200 {
        world.file(&format!("{index}"), "x");
    }
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITHUB, &["sts.amazonaws.com"]);
    let out = "arn:aws:iam::222222222222:role/out";
    let name = GITHUB.trim_start_matches("https://");
    let first = json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{name}:sub"): MAIN}},
    });
    let _out = world
        .aws
        .role(out)
        .trust(policy(&first))
        .policy(may_assume());
    trust(&world, out);
    let tokens = world.aws.github_tokens(&provider, MAIN);
    world.aws.latency(Duration::from_millis(20));
    let running = keyless(&world)
        .var("GITHUB_ACTIONS", "true")
        .var("ACTIONS_ID_TOKEN_REQUEST_URL", tokens.url())
        .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", tokens.request_token())
        .var("DOCFERRY_ROLE_ARN", format!("{out},{ROLE}"))
        .var("DOCFERRY_CONCURRENCY", "8")
        .start();
    wait_until("some objects are in place", || world.keys().len() > 40);
    world.aws.expire_sessions();
    running.wait().exits(0);
    world.assert_all_in_place();
    let asked = world.aws.requests();
    assert_eq!(asked.count("github:GetIdToken"), 2, "one for each session");
    let with_token = asked.of("sts:AssumeRoleWithWebIdentity");
    assert_eq!(with_token.iter().filter(|r| r.status == 200).count(), 2);
}

#[test]
fn tags_and_source_identity_are_sent_when_asked_for_and_only_then() {
    let world = World::new();
    world.site();
    let mut trust = trusts(None);
    trust["Statement"][0]["Action"] =
        json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
    let _role = world.aws.role(ROLE).trust(&trust);
    let mut may = may_assume();
    may["Statement"][0]["Action"] = trust["Statement"][0]["Action"].clone();
    let _user = world.aws.user(USER).policy(may);
    world.job().run().exits(0);
    let plain = world.aws.requests();
    assert!(
        plain.of("sts:AssumeRole")[0]
            .parameters
            .keys()
            .all(|name| !name.contains("Tag"))
    );
    world.aws.forget_requests();
    world
        .job()
        .var("DOCFERRY_SESSION_TAGS", "team=docs,stage=test")
        .var("DOCFERRY_SOURCE_IDENTITY", "jane")
        .run()
        .exits(0);
    let tagged = world.aws.requests();
    let said = &tagged.of("sts:AssumeRole")[0].parameters;
    assert_eq!(said["Tags.member.1.Key"], "team");
    assert_eq!(said["Tags.member.2.Value"], "test");
    assert_eq!(said["SourceIdentity"], "jane");
}

#[test]
fn a_scoped_session_can_do_what_the_run_needs_and_nothing_else() {
    let world = World::new();
    world.site();
    world.file("big", vec![1; 17 << 20]);
    let everything = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"});
    let _role = world.aws.role(ROLE).policy(policy(&everything));
    let job = || world.job().var("DOCFERRY_SESSION_POLICY", "scoped");
    job().run().exits(0);
    world.assert_all_in_place();
    let asked = world.aws.requests();
    let said = &asked.of("sts:AssumeRole")[0].parameters["Policy"];
    assert!(said.contains("arn:aws:s3:::example-docs/site/*"), "{said}");
    // A document of one's own narrows just so.
    let elsewhere = policy(&json!({
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::example-docs/other/*",
    }));
    job()
        .var("DOCFERRY_SESSION_POLICY", elsewhere.to_string())
        .run()
        .exits(5)
        .says("because no session policy allows the s3:PutObject action");
}

#[test]
fn an_account_that_is_not_allowed_is_never_written_from() {
    let world = World::new();
    world.site();
    world
        .job()
        .var("DOCFERRY_ALLOWED_ACCOUNTS", DOCUMENTATION)
        .run()
        .exits(7)
        .says("the job's identity is in account 111111111111, which is not in DOCFERRY_ALLOWED_ACCOUNTS");
    assert_eq!(world.aws.requests().count("sts:AssumeRole"), 0);
}

#[test]
fn a_token_that_ends_cannot_be_renewed_and_ends_the_run_as_a_whole() {
    let world = World::new();
    for index in 0..300 {
        world.file(&format!("{index}"), "x");
    }
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITLAB, &["sts.amazonaws.com"]);
    trust_tokens(
        &world,
        GITLAB,
        "project_path:acme/handbook:ref_type:branch:ref:main",
    );
    let token = provider
        .token()
        .subject("project_path:acme/handbook:ref_type:branch:ref:main")
        .audience("sts.amazonaws.com")
        .life(Duration::from_secs(2));
    world.aws.latency(Duration::from_millis(100));
    let running = keyless(&world)
        .var("GITLAB_CI", "true")
        .var("DOCFERRY_OIDC_TOKEN", token.sign())
        .var("DOCFERRY_CONCURRENCY", "4")
        .start();
    wait_until("some objects are in place", || world.keys().len() > 20);
    std::thread::sleep(Duration::from_secs(2));
    world.aws.expire_sessions();
    running
        .wait()
        .exits(3)
        .says("hop 1 of 1: the OIDC token is past its end")
        .says("in place")
        .says("not sent");
}

#[test]
fn every_way_leaves_no_secret_in_what_is_printed() {
    let world = World::new();
    world.site();
    runner(&world);
    let metadata = world.aws.instance_metadata(RUNNER);
    let outcome = keyless(&world)
        .without("AWS_EC2_METADATA_DISABLED")
        .var("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.endpoint())
        .var("DOCFERRY_LOG", "debug")
        .run()
        .exits(0);
    let secrets = world.aws.secrets();
    assert!(secrets.len() >= 4, "{}", secrets.len());
    for secret in secrets {
        assert!(!outcome.stderr.contains(&secret));
        assert!(!outcome.stdout.contains(&secret));
    }
    assert_eq!(world.files_beside_the_source(), Vec::<String>::new());
}

#[test]
fn a_slow_sts_is_not_asked_twice_at_once() {
    let world = World::new();
    for index in 0..100 {
        world.file(&format!("{index}"), "x");
    }
    world.aws.latency(Duration::from_millis(10));
    let running = world.job().var("DOCFERRY_CONCURRENCY", "64").start();
    wait_until("some objects are in place", || world.keys().len() > 10);
    world
        .aws
        .fault(Fault::new("sts:AssumeRole").then(Answer::Delay(Duration::from_millis(400))));
    world.aws.expire_sessions();
    running.wait().exits(0);
    assert_eq!(world.aws.requests().count("sts:AssumeRole"), 2);
}

#[test]
fn a_token_that_will_end_too_early_is_told_early() {
    let world = World::new();
    for index in 0..2000 {
        world.file(&format!("{index}"), "x");
    }
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITLAB, &["sts.amazonaws.com"]);
    let subject = "project_path:acme/handbook:ref_type:branch:ref:main";
    trust_tokens(&world, GITLAB, subject);
    // By the job's clock the session ends in 25 seconds, and the token sooner.
    let now = std::time::SystemTime::now();
    let token = provider
        .token()
        .subject(subject)
        .audience("sts.amazonaws.com");
    let earlier = now - Duration::from_hours(1);
    let seconds = earlier
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let token = token.not_before(earlier).claim("iat", seconds);
    let token = token.expires(now + Duration::from_secs(15)).sign();
    world.aws.clock().rewind(Duration::from_secs(15 * 60 - 25));
    world.aws.latency(Duration::from_millis(100));
    let running = keyless(&world)
        .var("GITLAB_CI", "true")
        .var("DOCFERRY_OIDC_TOKEN", token)
        .var("DOCFERRY_SESSION_DURATION", "15m")
        .var("DOCFERRY_CONCURRENCY", "2")
        .start();
    std::thread::sleep(Duration::from_secs(13));
    running.signal("TERM");
    running
        .wait()
        .exits(143)
        .says("warning: at this rate the upload needs")
        .says("cannot be renewed, since the OIDC token ends");
}

fn token_world() -> (World, docferry_sandbox::OidcProvider) {
    let world = World::new();
    world.site();
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITHUB, &["sts.amazonaws.com"]);
    trust_tokens(&world, GITHUB, MAIN);
    (world, provider)
}

#[test]
fn a_token_that_sts_refuses_is_told_with_its_claims() {
    let (world, provider) = token_world();
    let good = || provider.token().subject(MAIN).audience("sts.amazonaws.com");
    for (token, parts) in [
        (
            good().subject("repo:acme/handbook:pull_request").sign(),
            [
                "subject \"repo:acme/handbook:pull_request\"",
                "\"token.actions.githubusercontent.com:sub\": \"repo:acme/handbook:pull_request\"",
                "compare the subject letter by letter",
            ],
        ),
        (
            good().audience("https://github.com/acme").sign(),
            [
                "audience \"https://github.com/acme\"",
                "list the audience \"https://github.com/acme\"",
                "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com",
            ],
        ),
        (
            good().signed_by_a_stranger().sign(),
            [
                "InvalidIdentityToken",
                "the identity provider",
                "must exist",
            ],
        ),
    ] {
        keyless(&world)
            .var("DOCFERRY_OIDC_TOKEN", &token)
            .run()
            .exits(3)
            .says("hop 1 of 1: STS refused to let the job assume the role")
            .says("action    sts:AssumeRoleWithWebIdentity")
            .says(parts[0])
            .says(parts[1])
            .says(parts[2])
            .says_nothing_of(&token);
    }
}

#[test]
fn a_token_that_has_ended_is_told_before_sts_is_asked() {
    let (world, provider) = token_world();
    let token = provider.token().subject(MAIN).audience("sts.amazonaws.com");
    let ended = token
        .expires(std::time::SystemTime::now() - Duration::from_mins(1))
        .sign();
    keyless(&world)
        .var("DOCFERRY_OIDC_TOKEN", ended)
        .run()
        .exits(3)
        .says("hop 1 of 1: the OIDC token is past its end");
    assert!(world.aws.requests().all().is_empty());
}

#[test]
fn a_pull_request_from_a_fork_has_no_token_and_is_told_why() {
    let world = World::new();
    world.site();
    keyless(&world)
        .var("GITHUB_ACTIONS", "true")
        .var("DOCFERRY_OIDC", "on")
        .run()
        .exits(2)
        .says("DOCFERRY_OIDC is on, but this job has no OIDC token")
        .says("`permissions: id-token: write`; a pull request from a fork never gets a token");
}

#[test]
fn a_token_endpoint_that_fails_is_tried_again_and_one_that_refuses_is_told() {
    let (world, provider) = token_world();
    let tokens = world.aws.github_tokens(&provider, MAIN).fail_times(2, 503);
    let job = || {
        keyless(&world)
            .var("GITHUB_ACTIONS", "true")
            .var("ACTIONS_ID_TOKEN_REQUEST_URL", tokens.url())
    };
    job()
        .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", tokens.request_token())
        .run()
        .exits(0);
    job()
        .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2")
        .run()
        .exits(3)
        .says("GitHub gave no OIDC token")
        .says("HTTP status 401")
        .says("a pull request from a fork never has it")
        .says_nothing_of("hunter2");
}

#[test]
fn temporary_keys_that_have_ended() {
    let world = World::new();
    world.site();
    runner(&world);
    let session = world
        .aws
        .issue_session(RUNNER, docferry_sandbox::SessionWish::new("job"));
    world.aws.expire_sessions();
    world
        .job()
        .var("AWS_ACCESS_KEY_ID", &session.id)
        .var("AWS_SECRET_ACCESS_KEY", &session.secret)
        .var("AWS_SESSION_TOKEN", &session.token)
        .run()
        .exits(3)
        .says("STS does not accept the job's own AWS credentials (variables)")
        .says("ExpiredToken")
        .says("these temporary credentials are past their end")
        .says_nothing_of(&session.token);
}

#[test]
fn a_temporary_key_without_its_token() {
    let world = World::new();
    world.site();
    runner(&world);
    let session = world
        .aws
        .issue_session(RUNNER, docferry_sandbox::SessionWish::new("job"));
    world
        .job()
        .var("AWS_ACCESS_KEY_ID", &session.id)
        .var("AWS_SECRET_ACCESS_KEY", &session.secret)
        .run()
        .exits(3)
        .says("needs the AWS_SESSION_TOKEN that belongs to it");
}

#[test]
fn tags_and_a_source_identity_that_are_not_allowed() {
    for (name, value, action) in [
        ("DOCFERRY_SESSION_TAGS", "team=docs", "sts:TagSession"),
        ("DOCFERRY_SOURCE_IDENTITY", "jane", "sts:SetSourceIdentity"),
    ] {
        let world = World::new();
        world.site();
        world
            .job()
            .var(name, value)
            .run()
            .exits(3)
            .says("hop 1 of 1: STS refused")
            .says(&format!(
                "{name} is set, and so the policies must allow {action}, too"
            ))
            .says(&format!("\"Action\": \"{action}\""));
    }
}

#[test]
fn a_profile_that_is_not_there_or_broken() {
    let world = World::new();
    world.site();
    std::fs::create_dir(world.dir.path().join(".aws")).unwrap();
    let config = "[profile docs]\nrole_arn = arn:aws:iam::222222222222:role/docs-writer\n";
    std::fs::write(world.dir.path().join(".aws/config"), config).unwrap();
    keyless(&world)
        .var("AWS_PROFILE", "docs")
        .run()
        .exits(3)
        .says("the job's AWS identity (profile) cannot be used")
        .says("check AWS_PROFILE and the files AWS_CONFIG_FILE");
}
