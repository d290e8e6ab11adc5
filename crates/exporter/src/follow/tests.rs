//! Files as they really are: written in pieces, moved away, emptied, removed, made anew.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A follower and the lines it has found.
struct Stage {
    folder: tempfile::TempDir,
    follower: Follower,
    now: Duration,
    found: Vec<String>,
    overlong: usize,
}

impl Stage {
    fn new(patterns: &[&str], from_start: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let patterns: Vec<_> = patterns.iter().map(|name| folder.path().join(name).display().to_string()).collect();
        let follower = Follower::new(&patterns, from_start).unwrap();
        Self { folder, follower, now: Duration::ZERO, found: Vec::new(), overlong: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, name: &str) -> File {
        OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap()
    }

    fn poll(&mut self) {
        self.now += Duration::from_millis(250);
        let (found, overlong) = (&mut self.found, &mut self.overlong);
        self.follower.poll(self.now, &mut |read| match read {
            Read::Lines(lines) => found.extend(String::from_utf8_lossy(lines).lines().map(str::to_owned)),
            Read::Overlong => *overlong += 1,
        });
    }

    /// What was found since the last time.
    fn found(&mut self) -> Vec<String> {
        self.poll();
        std::mem::take(&mut self.found)
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.poll();
    }
}

#[test]
fn files_are_read_from_their_end_or_from_their_beginning() {
    for (from_start, expected) in [(false, vec!["c and more", "d"]), (true, vec!["a", "b", "c and more", "d"])] {
        let mut stage = Stage::new(&["log", "later"], from_start);
        let mut log = stage.open("log");
        log.write_all(b"a\nb\nc and").unwrap();
        stage.poll();
        log.write_all(b" more\n").unwrap();
        // A file that is made later is new from its first line on.
        stage.open("later").write_all(b"d\n").unwrap();
        assert_eq!(stage.found(), expected);
    }
}

#[test]
fn a_file_that_is_moved_away_is_read_to_its_end_and_on() {
    let mut stage = Stage::new(&["log"], false);
    let mut old = stage.open("log");
    stage.poll();
    old.write_all(b"1\n").unwrap();
    std::fs::rename(stage.path("log"), stage.path("log.1")).unwrap();
    old.write_all(b"2\n").unwrap();
    let mut new = stage.open("log");
    new.write_all(b"3\n").unwrap();
    assert_eq!(stage.found(), ["1", "2", "3"]);
    // One of nginx's workers opens the new file later than the others.
    stage.pass(60);
    old.write_all(b"4\n5").unwrap();
    new.write_all(b"6\n").unwrap();
    assert_eq!(stage.found(), ["4", "6"]);
    // Moved back, it is still the same file.
    std::fs::rename(stage.path("log.1"), stage.path("log")).unwrap();
    old.write_all(b"\n").unwrap();
    assert_eq!(stage.found(), ["5"]);
}

#[test]
fn a_file_that_is_removed_is_let_go_when_it_is_quiet_with_its_last_line() {
    let mut stage = Stage::new(&["log"], false);
    let mut log = stage.open("log");
    stage.poll();
    std::fs::remove_file(stage.path("log")).unwrap();
    log.write_all(b"1\n2").unwrap();
    assert_eq!(stage.found(), ["1"]);
    assert_eq!(stage.follower.len(), 1);
    stage.pass(10);
    assert_eq!((stage.found(), stage.follower.len()), (vec!["2".to_owned()], 0));
}

#[test]
fn names_with_a_star_find_new_files_but_no_copies_and_nothing_compressed() {
    let mut stage = Stage::new(&["*.log*"], false);
    stage.open("a.log").write_all(b"old\n").unwrap();
    stage.poll();
    stage.open("b.log").write_all(b"1\n").unwrap();
    stage.open("a.log").write_all(b"2\n").unwrap();
    // What logrotate does with copytruncate, and afterwards.
    std::fs::copy(stage.path("a.log"), stage.path("a.log.1")).unwrap();
    stage.open("a.log.2.gz").write_all(b"3\n").unwrap();
    assert_eq!(stage.found(), ["2", "1"]);
    // And with renaming.
    std::fs::rename(stage.path("b.log"), stage.path("b.log-20261130")).unwrap();
    stage.open("b.log").write_all(b"4\n").unwrap();
    assert_eq!(stage.found(), ["4"]);
}

#[test]
fn an_emptied_file_is_read_from_its_beginning_even_when_it_has_grown_beyond() {
    let mut stage = Stage::new(&["log"], true);
    let mut log = stage.open("log");
    log.write_all(b"first\nsecond\nhalf").unwrap();
    assert_eq!(stage.found(), ["first", "second"]);
    log.set_len(0).unwrap();
    log.write_all(b"x\n").unwrap();
    assert_eq!(stage.found(), ["x"]);
    log.set_len(0).unwrap();
    log.write_all(b"a new line that is longer\nand another\n").unwrap();
    assert_eq!(stage.found(), ["a new line that is longer", "and another"]);
}

#[test]
fn a_line_that_is_too_long_is_passed_over() {
    let mut stage = Stage::new(&["log"], true);
    let mut log = stage.open("log");
    log.write_all(b"a\n").unwrap();
    log.write_all(&vec![b'x'; 300_000]).unwrap();
    assert_eq!((stage.found(), stage.overlong), (vec!["a".to_owned()], 1));
    log.write_all(&vec![b'x'; 300_000]).unwrap();
    assert_eq!((stage.found(), stage.overlong), (vec![], 1));
    log.write_all(b"x\nb\n").unwrap();
    assert_eq!((stage.found(), stage.overlong), (vec!["b".to_owned()], 1));
}

#[test]
fn what_is_no_file_is_not_followed() {
    let mut stage = Stage::new(&["folder", "missing"], true);
    std::fs::create_dir(stage.path("folder")).unwrap();
    stage.poll();
    assert_eq!(stage.follower.len(), 0);
    std::fs::remove_dir(stage.path("folder")).unwrap();
    stage.open("folder").write_all(b"1\n").unwrap();
    assert_eq!(stage.found(), ["1"]);
}

#[test]
fn only_so_many_files_that_were_moved_away_are_kept_open() {
    let mut stage = Stage::new(&["log"], true);
    for number in 0..MOST_MOVED + 5 {
        stage.open("log").write_all(format!("{number}\n").as_bytes()).unwrap();
        stage.pass(11);
        std::fs::rename(stage.path("log"), stage.path(&format!("log.{number}"))).unwrap();
    }
    stage.pass(11);
    assert_eq!(stage.follower.len(), MOST_MOVED);
    assert_eq!(stage.found.len(), MOST_MOVED + 5);
}

/// What may happen to a log.
#[derive(Debug, Clone)]
enum Happening {
    /// So many bytes more of what is to be written, to the file that is named or to the one before it.
    Write {
        bytes: usize,
        to_old: bool,
    },
    /// Moved away, and a new one made.
    Rotate,
    /// Copied and emptied.
    Empty,
    Poll,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        5 => (1_usize..120, prop::bool::weighted(0.2)).prop_map(|(bytes, to_old)| Happening::Write { bytes, to_old }),
        1 => Just(Happening::Rotate),
        1 => Just(Happening::Empty),
        3 => Just(Happening::Poll),
    ]
}

/// One file of the model: its lines are numbered, so that no two are the same.
struct Written {
    file: File,
    content: Vec<u8>,
    /// What the follower has taken of it.
    taken: usize,
    /// What is left of the line that is being written.
    rest: Vec<u8>,
}

struct Model {
    next: usize,
    expected: Vec<String>,
}

impl Model {
    fn write(&mut self, to: &mut Written, bytes: usize) {
        let mut piece = std::mem::take(&mut to.rest);
        while piece.len() < bytes {
            piece.extend_from_slice(format!("line {} of them\n", self.next).as_bytes());
            self.next += 1;
        }
        to.rest = piece.split_off(bytes);
        to.file.write_all(&piece).unwrap();
        to.content.extend_from_slice(&piece);
    }

    /// The lines that a look at that file has to find: all that are whole and were not taken yet.
    fn take(&mut self, file: &mut Written) {
        let end = file.content.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if end > file.taken {
            let new = String::from_utf8_lossy(&file.content[file.taken..end]).into_owned();
            self.expected.extend(new.lines().map(str::to_owned));
            file.taken = end;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_line_is_found_once_whatever_happens_to_its_file(star in any::<bool>(), all in prop::collection::vec(happening(), 0..60)) {
        let mut stage = Stage::new(&[if star { "*.log*" } else { "a.log" }], false);
        let written = |file| Written { file, content: Vec::new(), taken: 0, rest: Vec::new() };
        let mut files = vec![written(stage.open("a.log"))];
        let mut model = Model { next: 0, expected: Vec::new() };
        stage.poll();
        let mut rotations = 0;
        let poll = |stage: &mut Stage, files: &mut Vec<Written>, model: &mut Model| {
            stage.poll();
            files.iter_mut().for_each(|file| model.take(file));
        };
        for happening in all {
            let last = files.len() - 1;
            match happening {
                Happening::Write { bytes, to_old } => {
                    let which = if to_old { last.saturating_sub(1) } else { last };
                    model.write(&mut files[which], bytes);
                }
                Happening::Rotate => {
                    rotations += 1;
                    std::fs::rename(stage.path("a.log"), stage.path(&format!("a.log.{rotations}"))).unwrap();
                    files.push(written(stage.open("a.log")));
                    // Whoever rotates twice between two looks, a quarter of a second apart, has files that nobody has seen.
                    poll(&mut stage, &mut files, &mut model);
                }
                Happening::Empty => {
                    // What was not read yet is lost, as anybody's who follows a file that is emptied.
                    std::fs::copy(stage.path("a.log"), stage.path(&format!("a.log.{}", 1000 + rotations))).unwrap();
                    files[last].file.set_len(0).unwrap();
                    (files[last].content, files[last].taken) = (Vec::new(), 0);
                }
                Happening::Poll => poll(&mut stage, &mut files, &mut model),
            }
        }
        // An end for every line, and for what an emptied file was left with.
        for file in &mut files {
            let rest = file.rest.len().max(1);
            model.write(file, rest);
        }
        poll(&mut stage, &mut files, &mut model);
        let (mut found, mut expected) = (stage.found, model.expected);
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
}
