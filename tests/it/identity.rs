//! Every identity that a job can have, and every hop to the role that writes.

use docferry_sandbox::Encryption;
use serde_json::json;

use crate::harness::*;
use crate::identities::*;

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
fn every_way_leaves_no_secret_in_what_is_printed() {
    let world = World::new();
    world.site();
    runner(&world);
    let metadata = world.aws.instance_metadata(RUNNER);
    let outcome = on_instance(&world, &metadata)
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
