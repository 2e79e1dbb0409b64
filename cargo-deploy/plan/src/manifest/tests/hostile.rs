//! Input that is meant to hurt: too large, too deep, not text at all.

use super::{inputs, read_bytes, rendered};
use crate::manifest::{InputFile, Inputs, MAXIMUM_DEPTH, MAXIMUM_SIZE, read};

/// The messages of the report.
fn messages(bytes: &[u8]) -> Vec<String> {
    match read_bytes(bytes) {
        Ok(_) => Vec::new(),
        Err(report) => {
            // Rendering must hold out as well.
            assert!(rendered(&report).len() < 300_000);
            report.problems().iter().map(|problem| problem.message.clone()).collect()
        }
    }
}

#[test]
fn ten_megabytes_of_brackets_are_too_large() {
    assert_eq!(
        messages("[".repeat(10_000_000).as_bytes()),
        ["Deploy.toml is 10000000 bytes large; at most 1 MiB are read"]
    );
}

#[test]
fn a_file_of_the_largest_size_is_read_and_one_byte_more_is_not() {
    let mut text = "# padding\n".repeat(MAXIMUM_SIZE / 10);
    text.push_str(&"#".repeat(MAXIMUM_SIZE - text.len()));
    assert_eq!(messages(text.as_bytes()), Vec::<String>::new());
    text.push('#');
    assert_eq!(messages(text.as_bytes()), ["Deploy.toml is 1048577 bytes large; at most 1 MiB are read"]);
}

#[test]
fn nesting_has_a_limit_whatever_it_is_made_of() {
    let too_deep = "lists and tables stand in one another more than 64 deep";
    let many = MAXIMUM_SIZE / 8;
    for text in [
        "[".repeat(many),
        format!("x = {}", "[".repeat(many)),
        format!("x = {}", "{a = ".repeat(many / 5)),
        format!("x = {}1{}", "[".repeat(65), "]".repeat(65)),
        format!("x = \"]]\" # ]]\ny = {}", "[".repeat(65)),
        format!("{}a = 1", "a.".repeat(many / 2)),
        format!("[{}a]", "a.".repeat(70)),
    ] {
        let found = messages(text.as_bytes());
        assert_eq!(found, [too_deep], "{}", &text[..40]);
    }
}

#[test]
fn nesting_up_to_the_limit_is_no_problem_of_nesting() {
    let depth = MAXIMUM_DEPTH - 2;
    let list = format!("x-deep = {}1{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(messages(list.as_bytes()), Vec::<String>::new());
    let strings =
        format!("x-text = [\"{0}\", '{0}', \"\"\"{0}\"\"\", '''{0}''', \"\\\"{0}\"] # {0}", "[{".repeat(100));
    assert_eq!(messages(strings.as_bytes()), Vec::<String>::new());
}

#[test]
fn a_megabyte_of_mistakes_gives_a_short_report() {
    for text in [
        "x\n".repeat(MAXIMUM_SIZE / 2),
        "[a]\n".repeat(MAXIMUM_SIZE / 4),
        "a = [{b = yes}, {b = no}]\n".repeat(MAXIMUM_SIZE / 26),
        format!("a = [{}", "{b = yes}, ".repeat(MAXIMUM_SIZE / 11 - 1)),
        "nmae = 1\n".to_owned() + &(0..60_000).map(|n| format!("key{n} = {n}\n")).collect::<String>(),
        format!("[app]\nauthors = [{}]", "1, ".repeat(300_000)),
        format!("targets.build = [{}]", "\"linux-x64\",".repeat(80_000)),
    ] {
        let found = messages(text.as_bytes());
        assert!((1..=101).contains(&found.len()), "{} problems for {}", found.len(), &text[..40]);
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_accepted() {
    let merged = read_bytes(b"\xef\xbb\xbfschema = 1\r\n[app]\r\nname = \"x\"\r\n").unwrap();
    assert_eq!(merged.manifest.app.name.as_deref(), Some("x"));
}

#[test]
fn what_is_not_utf_8_is_named_by_byte_line_and_column() {
    let report = read_bytes(b"[app]\nname = \"\xc3\xa9t\xe9\"\n").unwrap_err();
    assert_eq!(
        rendered(&report),
        r#"the manifest has 1 problem

manifest::encoding

  x Deploy.toml:2:11: byte 17 (0xe9) is not UTF-8
   ,-[Deploy.toml:2:11]
 1 | [app]
 2 | name = "ét
   :           ^
   :           `-- here the text stops being UTF-8
   `----
  help: save it as UTF-8; an editor calls this the file's encoding"#
    );
    let wide: Vec<u8> = "\u{feff}[app]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let report = read_bytes(&wide).unwrap_err();
    assert_eq!(report.problems()[0].message, "Deploy.toml:1:1: byte 0 (0xff) is not UTF-8");
    assert_eq!(report.problems()[0].help.as_deref(), Some("it looks like UTF-16; save it as UTF-8"));
}

#[test]
fn control_characters_are_refused_and_do_not_reach_the_terminal() {
    for text in
        ["name = \"\u{1b}[2J\"", "\u{0}", "a = 1 # \u{7}", "# \u{202e}fdp.exe\nnmae = 1", "a = 1\rb = 2"]
    {
        let report = read_bytes(text.as_bytes()).unwrap_err();
        let shown = rendered(&report);
        assert!(!shown.contains(['\u{1b}', '\0', '\u{7}', '\u{202e}', '\r']), "{text:?} shows\n{shown}");
    }
}

#[test]
fn a_large_generated_cargo_toml_is_read_for_its_metadata() {
    let mut cargo = "[package.metadata.deploy.app]\nname = \"x\"\n[features]\n".to_owned();
    for number in 0..100_000 {
        cargo.push_str(&format!("feature-{number} = []\n"));
    }
    assert!(cargo.len() > MAXIMUM_SIZE);
    let file = InputFile { name: "Cargo.toml", bytes: cargo.as_bytes() };
    let merged = read(&Inputs { package_cargo: Some(file), ..inputs() }).unwrap();
    assert_eq!(merged.manifest.app.name.as_deref(), Some("x"));
}
