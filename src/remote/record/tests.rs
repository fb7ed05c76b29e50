use proptest::prelude::*;

use super::*;

fn destination() -> Destination {
    "s3://docs/site/".parse().unwrap()
}

fn record(number: u8) -> Record {
    Record {
        etag: ETag::from_server(&format!("{:032x}-{}", number, u16::from(number) + 1)),
        size: u64::from(number) * 1_000,
        content: Digest::of(&[number]),
        properties: Digest::of(b"text/html"),
        form: [Compression::Off, Compression::Gzip][usize::from(number % 2)],
    }
}

fn write(keys: &[String], secret: Option<&str>) -> Vec<u8> {
    let secret = secret.map(|text| Secret::new(text.to_owned()));
    let (destination, seal) = (destination(), Seal::new(secret.as_ref()));
    let manifest = Manifest {
        destination: &destination,
        seal: &seal,
    };
    let rows = keys.iter().zip(0_u8..=255).map(|(key, number)| Row {
        key,
        record: record(number),
    });
    manifest.write(rows).unwrap()
}

fn read_at(
    bytes: &[u8],
    destination: &str,
    secret: Option<&str>,
) -> Result<Vec<(String, Record)>, Distrust> {
    let secret = secret.map(|text| Secret::new(text.to_owned()));
    let (destination, seal) = (destination.parse().unwrap(), Seal::new(secret.as_ref()));
    let manifest = Manifest {
        destination: &destination,
        seal: &seal,
    };
    let mut rows = Vec::new();
    manifest.read(bytes, |row| rows.push((row.key.to_owned(), row.record)))?;
    Ok(rows)
}

fn read(bytes: &[u8]) -> Result<Vec<(String, Record)>, Distrust> {
    read_at(bytes, "s3://docs/site/", None)
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

fn pack(text: &str) -> Vec<u8> {
    zstd::stream::encode_all(text.as_bytes(), LEVEL).unwrap()
}

fn unpack(bytes: &[u8]) -> String {
    String::from_utf8(zstd::stream::decode_all(bytes).unwrap()).unwrap()
}

#[test]
fn what_is_not_honest_is_not_believed() {
    let honest = unpack(&write(&keys(&["a", "b", "end"]), None));
    assert_eq!(read(&pack(&honest)).unwrap().len(), 3);
    let lines: Vec<&str> = honest.split_inclusive('\n').collect();
    let without = |number: usize| {
        let kept = lines
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != number);
        kept.map(|(_, line)| *line).collect::<String>()
    };
    let swapped = [lines[0], lines[2], lines[1], lines[3], lines[4]].concat();
    let long = format!("{}object\t{}\n", lines[0], "x".repeat(5_000));
    for (text, expected) in [
        (String::new(), Distrust::CutOff),
        ("something else\n".to_owned(), Distrust::NotOne),
        (honest.replace("\t1\ts3", "\t2\ts3"), Distrust::Newer(2)),
        (
            honest.replace("docs/site", "docs/other"),
            Distrust::Elsewhere,
        ),
        (
            honest.replace("object\ta\t", "object\ta/../b\t"),
            Distrust::Line(2),
        ),
        (
            honest.replace("\tgzip\n", "\tgzip\tmore\n"),
            Distrust::Line(3),
        ),
        (swapped, Distrust::Line(3)),
        (without(1), Distrust::Seal),
        (without(4), Distrust::CutOff),
        (honest.replace("\t1000\t", "\t1001\t"), Distrust::Seal),
        (honest.replace("end\t3", "end\t2"), Distrust::Seal),
        (long, Distrust::Line(2)),
    ] {
        assert_eq!(read(&pack(&text)), Err(expected), "{text}");
    }
    let newer = pack(&honest.replace("\t1\ts3", "\t2\ts3"));
    let told = read(&newer).unwrap_err().to_string();
    assert!(
        told.contains("version 2") && told.contains("version 1"),
        "{told}"
    );
}

#[test]
fn a_manifest_of_another_destination_or_secret_is_not_believed() {
    let sealed = write(&keys(&["a"]), Some("hunter2"));
    assert!(read_at(&sealed, "s3://docs/site/", Some("hunter2")).is_ok());
    for secret in [None, Some("hunter3")] {
        let told = read_at(&sealed, "s3://docs/site/", secret);
        assert_eq!(told, Err(Distrust::Seal));
    }
    let told = read_at(&sealed, "s3://docs/site-old/", Some("hunter2"));
    assert_eq!(told, Err(Distrust::Elsewhere));
}

#[test]
fn a_small_object_that_unpacks_to_a_huge_one_takes_no_memory() {
    let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), LEVEL).unwrap();
    for _ in 0..64 {
        bomb.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    assert_eq!(
        read(&bomb.finish().unwrap()),
        Err(Distrust::NotOne).or(Err(Distrust::Line(1)))
    );
}

proptest! {
    #[test]
    fn what_was_written_is_read(names in prop::collection::btree_set("[a-zäß0-9+ ]{1,9}(/[a-z.]{1,3}[a-z])?", 0..40)) {
        let names: Vec<String> = names.into_iter().collect();
        let rows = read(&write(&names, None)).unwrap();
        let expected: Vec<_> = names.into_iter().zip((0_u8..=255).map(record)).collect();
        prop_assert_eq!(rows, expected);
    }

    /// Whatever is done to its bytes: it is believed only as it was written.
    #[test]
    fn no_change_of_its_bytes_is_believed(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>(), packed in any::<bool>()) {
        let honest = write(&keys(&["a", "b/c", "d"]), None);
        let expected = read(&honest).unwrap();
        let mut bytes = if packed { honest } else { unpack(&honest).into_bytes() };
        let place = at.index(bytes.len());
        bytes[place] = to;
        bytes.truncate(cut.index(bytes.len() + 1).max(place));
        let bytes = if packed { bytes } else { zstd::stream::encode_all(&bytes[..], LEVEL).unwrap() };
        if let Ok(rows) = read(&bytes) {
            prop_assert_eq!(rows, expected);
        }
    }

    #[test]
    fn noise_is_no_manifest(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&noise).is_err());
        prop_assert!(read(&zstd::stream::encode_all(&noise[..], LEVEL).unwrap()).is_err());
    }
}
