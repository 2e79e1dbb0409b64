//! Manifests changed at random, from fixed seeds: whatever is done to one, reading it ends, in time, with a report
//! that can be shown; and known mistakes planted in it are all found, and nothing else.

use std::time::Instant;

use super::description::EVERYTHING;
use super::{read_bytes, rendered};
use crate::manifest::Report;

/// A small generator of pseudo-random numbers: xorshift64* (Vigna, "An experimental exploration of Marsaglia's
/// xorshift generators, scrambled", 2016).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        high as usize % limit.max(1)
    }

    fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }
}

const SNIPPETS: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "=",
    ".",
    ",",
    "#",
    "\\",
    "\\u",
    "\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "-",
    "_",
    "0",
    "9",
    "0x",
    "1e9",
    "nan",
    "-inf",
    "true",
    "yes",
    "null",
    "1979-05-27",
    "\u{0}",
    "\u{1b}",
    "é",
    "日本",
    "🎡",
    "\u{202e}",
    "\u{feff}",
    "a.b.c",
    "[a]\n",
    "[[asset]]\n",
    "x = {",
    "x-",
    "metadata",
    "schema = 2\n",
    "99999999999999999999",
    "\"]\" = [",
    "= =",
    "\n\n\n",
    "[targets.toolchain]\n",
    "asset = 1\n",
];

fn mutate(random: &mut Random) -> Vec<u8> {
    let mut bytes = EVERYTHING.as_bytes().to_vec();
    for _ in 0..=random.below(7) {
        let at = random.below(bytes.len());
        let length = random.below(40).min(bytes.len() - at);
        match random.below(8) {
            0 => bytes[at] = random.below(256) as u8,
            1 => drop(bytes.drain(at..at + length)),
            2 | 3 => drop(bytes.splice(at..at, random.pick(SNIPPETS).bytes())),
            4 => drop(bytes.splice(at..at + length, random.pick(SNIPPETS).bytes())),
            5 => {
                let copied = bytes[at..at + length].to_vec();
                let to = random.below(bytes.len());
                drop(bytes.splice(to..to, copied));
            }
            6 => bytes.truncate(bytes.len() - random.below(bytes.len() / 8)),
            _ => {
                let repeated = random.pick(SNIPPETS).repeat(random.below(200));
                drop(bytes.splice(at..at, repeated.bytes()));
            }
        }
    }
    bytes
}

/// What every report has to hold to.
fn examine(report: &Report, bytes: &[u8]) {
    let shown = || String::from_utf8_lossy(bytes);
    assert!((1..=101).contains(&report.problems().len()), "{}", shown());
    for problem in report.problems() {
        assert_ne!(problem.code, "manifest::unreadable", "{}\n{}", problem.message, shown());
        assert!(
            !problem.message.is_empty() && !problem.message.contains(['\n', '\u{1b}']),
            "{}",
            problem.message
        );
        for label in &problem.labels {
            let text = report.sources().get(label.location.source).unwrap().text();
            assert!(text.get(label.location.span.clone()).is_some(), "{:?} in\n{}", label, shown());
        }
    }
    let picture = rendered(report);
    assert!(!picture.contains(['\u{1b}', '\0', '\u{202e}']), "{picture}");
    assert!(picture.len() < 300_000);
    serde_json::to_string(&report.records()).unwrap();
}

#[test]
fn two_thousand_changed_manifests_are_read_or_refused_in_time() {
    let begin = Instant::now();
    let (mut good, mut bad) = (0, 0);
    for seed in 0..2000 {
        let bytes = mutate(&mut Random::new(seed));
        match read_bytes(&bytes) {
            Ok(_) => good += 1,
            Err(report) => {
                examine(&report, &bytes);
                bad += 1;
            }
        }
    }
    // Most changes break something; some only change a text.
    assert!(good > 20 && bad > 1500, "{good} were read and {bad} refused");
    let each = begin.elapsed() / 2000;
    assert!(each.as_millis() < 200, "each took {each:?}");
}

/// Mistakes: a line of the manifest, what it becomes, and the code at that line. Where more than one follows, each.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    ("id = \"com.example.picker-wheel\"", "id = \"picker\"", &["manifest::wrong-text"]),
    ("name = \"Picker Wheel\"", "nmae = \"Picker Wheel\"", &["manifest::unknown-key"]),
    ("name = \"Picker Wheel\"", "name = [\"Picker Wheel\"]", &["manifest::wrong-type"]),
    ("version = \"1.2.3-rc.1\"", "version = 1.2.3", &["manifest::syntax"]),
    ("version = \"1.2.3-rc.1\"", "version = \"v1.2.3\"", &["manifest::wrong-text"]),
    ("description = \"Spins a wheel\"", "description = \"Spins a wheel", &["manifest::syntax"]),
    ("description = \"Spins a wheel\"", "description = \"\"", &["manifest::wrong-text"]),
    ("license = \"MIT OR Apache-2.0\"", "license = MIT OR Apache-2.0", &["manifest::syntax"]),
    ("license-file = \"../LICENSE\"", "license_file = \"../LICENSE\"", &["manifest::unknown-key"]),
    ("license-file = \"../LICENSE\"", "license-file = \"/LICENSE\"", &["manifest::wrong-text"]),
    (
        "homepage = \"https://example.com/picker-wheel\"",
        "homepage = \"example.com\"",
        &["manifest::wrong-text"],
    ),
    ("license-file = \"../LICENSE\"", "license-file = \"LIC\\ENSE\"", &["manifest::syntax"]),
    ("license-file = \"../LICENSE\"", "license-file = 'LIC\\ENSE'", &["manifest::wrong-text"]),
    ("glibc = \"2.17\"", "glibc = 2.17", &["manifest::wrong-type"]),
    ("glibc = \"2.17\"", "glibc 2.17", &["manifest::syntax"]),
    ("macos-minimum = \"11.0\"", "macos-minimun = \"11.0\"", &["manifest::unknown-key"]),
    (
        "toolchain = { linux-x64 = \"native\", aarch64-unknown-linux-gnu = \"zig\" }",
        "toolchain = { linux-x64 = \"nativ\", aarch64-unknown-linux-gnu = \"zig\"",
        &["manifest::syntax"],
    ),
    (
        "toolchain = { linux-x64 = \"native\", aarch64-unknown-linux-gnu = \"zig\" }",
        "toolchain = { linux-x64 = \"nativ\", \"a b\" = 1 }",
        &["manifest::wrong-value", "manifest::wrong-text"],
    ),
    ("packages = [\"picker\", \"picker-api\"]", "packages = \"picker\"", &["manifest::wrong-type"]),
    (
        "packages = [\"picker\", \"picker-api\"]",
        "packages = [\"picker\", \"picker\"]",
        &["manifest::repeated-item"],
    ),
    (
        "features = [\"fast\", \"picker-api/small\"]",
        "features = [\"fast\", \"\"]",
        &["manifest::wrong-length"],
    ),
    ("features = [\"fast\", \"picker-api/small\"]", "features = [\"fast\"", &["manifest::syntax"]),
    ("features = [\"fast\", \"picker-api/small\"]", "features = [\"fast\" \"small\"]", &["manifest::syntax"]),
    ("all-features = false", "all-features = no", &["manifest::syntax"]),
    ("all-features = false", "all-features = \"false\"", &["manifest::wrong-type"]),
    ("profile = \"dist\"", "profil = \"dist\"", &["manifest::unknown-key"]),
    ("locked = true", "locked = true, offline = true", &["manifest::syntax"]),
    (
        "formats = { linux = [\"tar.gz\", \"deb\"], windows = [\"zip\"], macos = [\"tar.gz\"], wasi = [] }",
        "formats = { linux = [\"tgz\", 1], win = [\"zip\"] }",
        &["manifest::wrong-value", "manifest::wrong-type", "manifest::unknown-key"],
    ),
    ("level = \"small\"", "level = \"best\"", &["manifest::wrong-value"]),
    ("section = \"utils\"", "sektion = \"utils\"", &["manifest::unknown-key"]),
    ("priority = \"optional\"", "priority = true", &["manifest::wrong-type"]),
    ("compression-level = 9", "compression-level = 0", &["manifest::out-of-range"]),
    ("compression-level = 9", "compression-level = 256", &["manifest::out-of-range"]),
    ("installed-size = \"10 MB\"", "installed-size = \"10 M\"", &["manifest::wrong-text"]),
    ("[package.\"tar.gz\"]", "[package.tar.gz]", &["manifest::unknown-key"]),
    ("[toolchain.zig]", "[toolchain.zag]", &["manifest::unknown-key"]),
    ("timeout = \"1m30s\"", "timeout = \"90\"", &["manifest::wrong-text"]),
    (
        "check = { type = \"command\", program = \"true\", arguments = [\"-v\"] }",
        "check = { type = \"comand\", program = \"true\" }",
        &["manifest::wrong-value"],
    ),
    (
        "check = { type = \"command\", program = \"true\", arguments = [\"-v\"] }",
        "check = { type = \"http\", program = \"true\", path = 1 }",
        &["manifest::unknown-key", "manifest::wrong-type"],
    ),
    ("url = \"https://example.com/model-v3.tar.zst\"", "url = \"\"", &["manifest::wrong-text"]),
    (
        "sha256 = \"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\"",
        "sha256 = \"pending\"",
        &["manifest::wrong-text"],
    ),
    ("size = 1048576", "size = 1.5", &["manifest::wrong-type"]),
    ("size = 1048576", "size = 99999999999999999999", &["manifest::syntax"]),
    ("max-size = \"1.2 MB\"", "max-size = \"1.2\"", &["manifest::wrong-text"]),
    ("unpack = \"tar.zst\"", "unpack = \"tar\"", &["manifest::wrong-value"]),
    ("member = \"model/data.bin\"", "member = \"../data.bin\"", &["manifest::wrong-text"]),
    ("strip = 1", "strip = 1000", &["manifest::out-of-range"]),
    ("license = \"CC-BY-4.0\"", "licence = \"CC-BY-4.0\"", &["manifest::unknown-key"]),
    ("file = \"helpers/helper.sh\"", "file = \"helpers/helper.sh\" # fine", &[]),
    ("require = [\"sbom\", \"provenance\"]", "require = [\"sbom\", \"slsa\"]", &["manifest::wrong-value"]),
    (
        "max-size = { deb = \"20 MiB\", \"tar.gz\" = \"30 MiB\" }",
        "max-size = { deb = \"20 MiB\", tgz = \"30 MiB\" }",
        &["manifest::unknown-key"],
    ),
];

#[test]
fn planted_mistakes_are_all_found_and_nothing_else_is() {
    for seed in 0..1000 {
        let mut random = Random::new(seed);
        let mut lines: Vec<&str> = EVERYTHING.lines().collect();
        let original = lines.clone();
        let mut planted: Vec<(usize, &str)> = Vec::new();
        for _ in 0..=random.below(7) {
            let (line, mistake, codes) = *random.pick(MISTAKES);
            let at =
                original.iter().position(|found| *found == line).unwrap_or_else(|| panic!("no line {line}"));
            if lines[at] == original[at] {
                lines[at] = mistake;
                planted.extend(codes.iter().map(|code| (at + 1, *code)));
            }
        }
        planted.sort_unstable();
        let text = lines.join("\n");
        let mut found: Vec<(usize, &str)> = match read_bytes(text.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(report) => {
                let places = report.records().into_iter().map(|record| record.start.unwrap().line);
                places.zip(report.problems().iter().map(|problem| problem.code)).collect()
            }
        };
        found.sort_unstable();
        assert_eq!(found, planted, "seed {seed}:\n{text}");
    }
}
