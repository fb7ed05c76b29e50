//! A model of a bucket, which the plan is held against: what must come out is
//! said here a second time, as simply as can be.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests::file;
use super::*;
use crate::globs::Globs;
use crate::rules::{ObjectRules, Properties};
use crate::settings::Compare;
use crate::walk::Selection;

/// What a file or an object is: its content, and how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Thing {
    content: u8,
    look: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Object {
    thing: Thing,
    etag: ETag,
    modified: i64,
    /// Whether S3 has a checksum of it.
    summed: bool,
}

type Files = BTreeMap<String, Thing>;

#[derive(Debug, Clone, Default)]
struct Bucket {
    objects: BTreeMap<String, Object>,
    manifest: Option<BTreeMap<String, Record>>,
    clock: i64,
    /// With a key of KMS, entity tags tell nothing.
    kms: bool,
    may_look: bool,
}

/// Many contents have the same size.
fn size(content: u8) -> u64 {
    u64::from(content % 3)
}

fn digest(content: u8) -> Digest {
    Digest::of(&[content])
}

fn look(look: u8) -> Arc<Properties> {
    let rules = ObjectRules::default();
    let mut properties = (*Rules::new(&rules).properties_of(&file("x", 1))).clone();
    properties.content_type = format!("text/{look}");
    properties.digest = Digest::of(&[look]);
    Arc::new(properties)
}

impl Bucket {
    fn store(&mut self, key: &str, thing: Thing) {
        self.clock += 10;
        let number = match self.kms {
            true => i128::from(self.clock) << 64,
            false => i128::from(thing.content),
        };
        let object = Object {
            thing,
            etag: ETag::from_server(&format!("{number:032x}")),
            modified: self.clock,
            summed: self.clock % 20 == 0,
        };
        self.objects.insert(key.to_owned(), object);
    }

    fn facts_of(&self, key: &str) -> Facts {
        let seen = self.objects.get(key).map(|object| Seen {
            etag: object.etag,
            size: size(object.thing.content),
            modified: object.modified,
        });
        let record = self.manifest.as_ref().and_then(|rows| {
            let record = rows.get(key)?;
            record.is_of(seen.as_ref()?).then_some(*record)
        });
        Facts {
            seen,
            record,
            ..Facts::default()
        }
    }

    /// What reading the file or asking S3 would tell.
    fn answer(&self, question: Question, key: &str, wanted: Thing, facts: &mut Facts) {
        let object = self.objects[key];
        let verdict = |same| {
            if same {
                Verdict::Same
            } else {
                Verdict::Differs
            }
        };
        match question {
            Question::Digest => facts.digest = Some(digest(wanted.content)),
            Question::ETag => {
                facts.digest = Some(digest(wanted.content));
                let md5 = ETag::from_server(&format!("{:032x}", wanted.content));
                facts.by_etag = Some(verdict(md5 == object.etag));
            }
            Question::Head if self.may_look => {
                if self.kms && facts.by_etag == Some(Verdict::Differs) {
                    facts.by_etag = Some(Verdict::Unknown);
                }
                facts.by_head = Some(Looked {
                    content: match object.summed && facts.by_etag == Some(Verdict::Unknown) {
                        true => verdict(object.thing.content == wanted.content),
                        false => Verdict::Unknown,
                    },
                    properties: verdict(object.thing.look == wanted.look),
                });
            }
            Question::Head => {
                facts.by_head = Some(Looked {
                    content: Verdict::Unknown,
                    properties: Verdict::Unknown,
                });
            }
        }
    }

    fn plan(&self, files: &Files, compare: Compare, mirrors: bool) -> Plan {
        let wanted = files
            .iter()
            .map(|(key, thing)| file(key, size(thing.content)));
        let destination = "s3://docs/site/".parse().unwrap();
        let rules = ObjectRules::default();
        let mut rules = Rules::new(&rules);
        let order = Order::none();
        let parting = Parting {
            threshold: 100,
            part_size: 100,
        };
        let mut plan =
            Plan::new(destination, wanted.collect(), &mut rules, parting, &order).unwrap();
        let decided: Vec<_> = plan
            .puts
            .iter_mut()
            .map(|put| {
                let key = put.file.key.as_str();
                put.properties = look(files[key].look);
                let mut facts = self.facts_of(key);
                loop {
                    match decide(put, &facts, compare) {
                        Ok(decision) => return (decision, facts),
                        Err(question) => self.answer(question, key, files[key], &mut facts),
                    }
                }
            })
            .collect();
        plan.settle(decided);
        if mirrors {
            let keys = self.objects.keys().filter(|key| !files.contains_key(*key));
            let keys = keys.map(|key| key.as_str().into()).collect();
            let files: Vec<&str> = files.keys().map(String::as_str).collect();
            let keep: Globs = "k*".parse().unwrap();
            let strays = Strays { keys };
            plan.deletes = sort(strays, &files, &Selection::default(), &keep).stale;
        }
        plan
    }

    /// Does what a plan says, up to `last` actions, and then records it if all
    /// was done.
    fn apply(&mut self, plan: &Plan, files: &Files, last: usize) {
        let mut rows = BTreeMap::new();
        for put in plan.puts.iter().take(last) {
            let key = put.file.key.as_str();
            if let Method::Copy { of, .. } = put.method {
                // The content is what it was, so it must have been right.
                assert_eq!(self.objects[key].etag, of);
                assert_eq!(self.objects[key].thing.content, files[key].content);
            }
            self.store(key, files[key]);
        }
        if last < plan.puts.len() + plan.deletes.len() {
            return;
        }
        for key in &plan.deletes {
            self.objects.remove(&**key);
        }
        for key in files.keys() {
            let object = self.objects[key];
            rows.insert(
                key.clone(),
                Record {
                    etag: object.etag,
                    size: size(object.thing.content),
                    content: digest(files[key].content),
                    properties: Digest::of(&[files[key].look]),
                    form: crate::settings::Compression::Off,
                    known: object.modified,
                },
            );
        }
        self.manifest = Some(rows);
    }
}

fn thing() -> impl Strategy<Value = Thing> {
    (0..6_u8, 0..3_u8).prop_map(|(content, look)| Thing { content, look })
}

fn files() -> impl Strategy<Value = Files> {
    prop::collection::btree_map("[abk][xy]?(/[ab])?", thing(), 1..8)
}

/// A bucket with a past: what a run brought, and what others did since then.
fn bucket() -> impl Strategy<Value = Bucket> {
    let others =
        prop::collection::btree_map("[abk][xy]?(/[ab])?", proptest::option::of(thing()), 0..5);
    (files(), others, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(files, others, kms, may_look, recorded)| {
            let mut bucket = Bucket {
                kms,
                may_look,
                ..Bucket::default()
            };
            let plan = bucket.plan(&files, Compare::Auto, false);
            bucket.apply(&plan, &files, usize::MAX);
            if !recorded {
                bucket.manifest = None;
            }
            for (key, change) in others {
                match change {
                    Some(thing) => bucket.store(&key, thing),
                    None => drop(bucket.objects.remove(&key)),
                }
            }
            bucket
        },
    )
}

/// What must be there in the end.
fn expected(bucket: &Bucket, files: &Files, mirrors: bool) -> BTreeMap<String, Thing> {
    let there = bucket.objects.iter();
    let mut things: BTreeMap<_, _> = there
        .filter(|(key, _)| !mirrors || key.starts_with('k'))
        .map(|(key, object)| (key.clone(), object.thing))
        .collect();
    things.extend(files.clone());
    things
}

fn things(bucket: &Bucket) -> BTreeMap<String, Thing> {
    let objects = bucket.objects.iter();
    objects
        .map(|(key, object)| (key.clone(), object.thing))
        .collect()
}

proptest! {
    #[test]
    fn what_is_there_in_the_end_is_what_the_model_says(
        mut bucket in bucket(),
        files in files(),
        mirrors in any::<bool>(),
        compare in prop::sample::select(vec![Compare::Auto, Compare::Manifest, Compare::Always]),
    ) {
        let expected = expected(&bucket, &files, mirrors);
        let plan = bucket.plan(&files, compare, mirrors);
        bucket.apply(&plan, &files, usize::MAX);
        prop_assert_eq!(things(&bucket), expected);
    }

    #[test]
    fn a_second_plan_changes_nothing(mut bucket in bucket(), files in files(), mirrors in any::<bool>()) {
        let plan = bucket.plan(&files, Compare::Auto, mirrors);
        bucket.apply(&plan, &files, usize::MAX);
        let again = bucket.plan(&files, Compare::Auto, mirrors);
        prop_assert!(again.changes_nothing());
        prop_assert_eq!(again.keeps.len(), files.len());
    }

    /// Wherever a run breaks off, without its record, the next one gets there.
    #[test]
    fn a_run_that_broke_off_is_made_good_by_the_next(
        mut bucket in bucket(),
        before in files(),
        files in files(),
        last in 0..10_usize,
    ) {
        let plan = bucket.plan(&before, Compare::Auto, true);
        bucket.apply(&plan, &before, last);
        let expected = expected(&bucket, &files, true);
        let plan = bucket.plan(&files, Compare::Auto, true);
        bucket.apply(&plan, &files, usize::MAX);
        prop_assert_eq!(things(&bucket), expected);
    }

    /// Nothing is sent that the manifest knows to be the same, and nothing is
    /// kept that it knows to differ.
    #[test]
    fn with_a_record_just_what_differs_is_done(bucket in bucket(), files in files()) {
        let plan = bucket.plan(&files, Compare::Auto, false);
        for (key, thing) in &files {
            let Some(record) = bucket.facts_of(key).record else { continue };
            let same = record.content == digest(thing.content);
            let looks_same = record.properties == Digest::of(&[thing.look]);
            let kept = plan.keeps.iter().any(|keep| keep.file.key.as_str() == key);
            let copied = plan.puts.iter().any(|put| put.file.key.as_str() == key && !put.is_sent());
            prop_assert_eq!((kept, copied), (same && looks_same, same && !looks_same));
        }
    }

    /// By entity tags the contents are right; properties are not looked at.
    #[test]
    fn by_entity_tags_each_content_is_right(mut bucket in bucket(), files in files()) {
        let plan = bucket.plan(&files, Compare::ETag, false);
        bucket.apply(&plan, &files, usize::MAX);
        for (key, thing) in &files {
            prop_assert_eq!(bucket.objects[key].thing.content, thing.content);
        }
    }

    #[test]
    fn all_actions_come_sorted_and_once(bucket in bucket(), files in files()) {
        let plan = bucket.plan(&files, Compare::Auto, true);
        let paths: Vec<&str> = plan.actions().map(|action| action.path).collect();
        prop_assert!(paths.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(paths.len(), plan.puts.len() + plan.keeps.len() + plan.deletes.len());
    }
}
