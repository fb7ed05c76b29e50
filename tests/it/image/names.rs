//! Names and trust inside of the image, which has no libc of its own: DNS,
//! `/etc/hosts`, and a private CA.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};

use docferry_sandbox::Sandbox;

use super::container::{Container, job_at_site};
use crate::harness::*;

/// A name server on loopback. It leads AWS's names here, or knows none.
struct NameServer {
    address: Ipv4Addr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    /// Port 53 it must be; each server has an address of its own.
    fn start(address: Ipv4Addr, knows: bool) -> Self {
        let socket = UdpSocket::bind((address, 53)).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        // It ends with the tests.
        std::thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                let (name, answer) = answer(&packet[..length], knows);
                heard.lock().unwrap().push(name);
                socket.send_to(&answer, from).unwrap();
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The name that a query asks for, and the answer (RFC 1035, section 4.1).
fn answer(query: &[u8], knows: bool) -> (String, Vec<u8>) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).into_owned());
        at = end;
    }
    let name = labels.join(".");
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let ours = knows && name.ends_with(".amazonaws.com");
    let found = ours && kind == 1;
    let code = if ours { 0 } else { 3 };
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(found), 0, 0, 0, 0]);
    answer.extend(&query[12..at + 5]);
    if found {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    (name, answer)
}

/// A job that knows the sandbox by AWS's own names only.
fn job_by_name(world: &World) -> Job {
    let port = world.aws.port();
    let name = |service: &str| format!("https://{service}.eu-central-1.amazonaws.com:{port}");
    job_at_site(world)
        .without("AWS_ENDPOINT_URL")
        .var("AWS_ENDPOINT_URL_S3", name("s3"))
        .var("AWS_ENDPOINT_URL_STS", name("sts"))
        .var("AWS_CA_BUNDLE", "/ca.pem")
}

fn container(world: &World, job: &Job, dns: &NameServer) -> Container {
    let ca = world.aws.ca_file();
    Container::new()
        .env_file(world, job)
        .site(world)
        .option(format!("--volume={}:/ca.pem:ro", ca.display()))
        .option(format!("--dns={}", dns.address))
        .option("--dns-search=.")
}

#[test]
#[ignore = "needs the image: .ci/image"]
fn the_image_asks_dns_and_trusts_a_private_ca() {
    let dns = NameServer::start(Ipv4Addr::new(127, 83, 0, 1), true);
    let world = World::with(Sandbox::builder().tls(true));
    world.site();
    let job = job_by_name(&world);
    let run = container(&world, &job, &dns);
    job.start_by(run.command(&[]), "").wait().exits(0);
    world.assert_all_in_place();
    let asked = dns.asked();
    for service in ["sts.", "s3."] {
        assert!(
            asked.iter().any(|name| name.contains(service)),
            "{asked:?} without {service}"
        );
    }
    // Without the CA it is the image's own roots that do not know it.
    let job = job_by_name(&world).without("AWS_CA_BUNDLE");
    let run = container(&world, &job, &dns);
    let outcome = job.start_by(run.command(&[]), "").wait().exits(3);
    outcome.says("UnknownIssuer");
}

#[test]
#[ignore = "needs the image: .ci/image"]
fn the_image_reads_etc_hosts() {
    let dns = NameServer::start(Ipv4Addr::new(127, 83, 0, 2), false);
    let world = World::with(Sandbox::builder().tls(true));
    world.site();
    let job = job_by_name(&world);
    let run = container(&world, &job, &dns);
    let outcome = job.start_by(run.command(&[]), "").wait().exits(3);
    outcome.says("STS cannot be reached");
    assert!(!dns.asked().is_empty());
    let before = dns.asked().len();
    let job = job_by_name(&world);
    let run =
        ["sts", "s3", "example-docs.s3"]
            .iter()
            .fold(container(&world, &job, &dns), |run, name| {
                run.option(format!(
                    "--add-host={name}.eu-central-1.amazonaws.com:127.0.0.1"
                ))
            });
    job.start_by(run.command(&[]), "").wait().exits(0);
    world.assert_all_in_place();
    assert_eq!(dns.asked().len(), before, "{:?}", dns.asked());
}
