//! The forms that a text in the manifest can have to have: a size, a digest, a path.
//!
//! A JSON Schema names one with `"format"`; the checker finds it here. Names that JSON Schema itself defines
//! (draft 2020-12, section 7.3) are not used for anything else.

use std::str::FromStr;

use deploy_model::{GlibcVersion, RelPath};

use super::byte_size::ByteSize;
use super::human_duration::{DurationRange, HumanDuration};

/// A form of text.
#[derive(Clone, Copy, Debug)]
pub struct TextFormat {
    /// The value of `"format"`.
    pub name: &'static str,
    /// What is expected, with its article and an example: `a size such as "120 MiB"`.
    pub expected: &'static str,
    /// Refuses a text with the reason, a clause that follows a colon.
    pub check: fn(&str) -> Result<(), String>,
}

/// Every form, sorted by name.
pub const TEXT_FORMATS: &[TextFormat] = &[
    TextFormat {
        name: "app-id",
        expected: "an identifier in reverse domain order such as \"com.example.app\"",
        check: app_id,
    },
    TextFormat { name: "byte-size", expected: "a size such as \"120 MiB\"", check: parses::<ByteSize> },
    TextFormat { name: "component-id", expected: "an id such as \"Documentation\"", check: component_id },
    TextFormat { name: "dotted-version", expected: "a version such as \"11.0\"", check: dotted_version },
    TextFormat {
        name: "environment-name",
        expected: "the name of an environment variable such as \"SIGNING_PASSWORD\"",
        check: environment_name,
    },
    TextFormat {
        name: "file-extension",
        expected: "the end of file names without the dot, such as \"txt\"",
        check: file_extension,
    },
    TextFormat { name: "file-mode", expected: "permission bits such as \"0644\"", check: file_mode },
    TextFormat { name: "glibc-version", expected: "a glibc version such as \"2.17\"", check: glibc_version },
    TextFormat { name: "glob", expected: "a pattern of paths such as \"docs/**/*.md\"", check: glob },
    TextFormat {
        name: "relative-path",
        expected: "a path inside the package such as \"share/data.bin\"",
        check: relative_path,
    },
    TextFormat {
        name: "repository-address",
        expected: "an address such as \"https://example.com/apt\" or \"file:///srv/apt\"",
        check: repository_address,
    },
    TextFormat { name: "semver", expected: "a version such as \"1.2.3\"", check: semantic_version },
    TextFormat {
        name: "semver-requirement",
        expected: "a version requirement such as \">=0.4\"",
        check: version_requirement,
    },
    TextFormat {
        name: "service-name",
        expected: "the name of a Windows service such as \"PickerWheel\"",
        check: service_name,
    },
    TextFormat { name: "sha256", expected: "a SHA-256 digest of 64 hexadecimal digits", check: sha256 },
    TextFormat { name: "single-line", expected: "a text on one line", check: single_line },
    TextFormat {
        name: "source-path",
        expected: "a path relative to the manifest such as \"assets/icon.png\"",
        check: source_path,
    },
    TextFormat { name: "suite-name", expected: "a name such as \"stable\"", check: suite_name },
    TextFormat { name: "target", expected: "a target such as \"linux-x64\", or a triple", check: target },
    TextFormat {
        name: "time-span",
        expected: "a length of time such as \"30s\"",
        check: parses::<HumanDuration>,
    },
    TextFormat {
        name: "time-span-range",
        expected: "a range of time such as \"500ms..30s\"",
        check: parses::<DurationRange>,
    },
    TextFormat {
        name: "uri-scheme",
        expected: "what stands before the colon of an address, such as \"picker-wheel\"",
        check: uri_scheme,
    },
    TextFormat { name: "url", expected: "an address such as \"https://example.com/file\"", check: url },
];

/// The form with this name.
pub fn text_format(name: &str) -> Option<&'static TextFormat> {
    TEXT_FORMATS.iter().find(|format| format.name == name)
}

/// The name of a feature of Windows Installer: at most 38 characters of identifiers.
fn component_id(text: &str) -> Result<(), String> {
    if text.len() > 38 {
        return refuse("it is longer than 38 characters");
    }
    if !text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        return refuse("it does not begin with a letter");
    }
    allowed(
        text,
        |letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.'),
        "letters, digits, dots and underscores are",
    )
}

fn file_extension(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return refuse("it is empty");
    }
    allowed(
        text,
        |letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '+' | '-'),
        "letters, digits, hyphens, underscores and plus signs are",
    )
}

/// What the service control manager takes (CreateServiceW, Windows API).
fn service_name(text: &str) -> Result<(), String> {
    match text.chars().find(|letter| matches!(letter, '/' | '\\') || letter.is_control()) {
        Some(odd) => Err(format!("{odd:?} is not allowed")),
        None if text.is_empty() => refuse("it is empty"),
        None if text.chars().count() > 256 => refuse("it is longer than 256 characters"),
        None => Ok(()),
    }
}

/// RFC 3986, section 3.1, in lower case.
fn uri_scheme(text: &str) -> Result<(), String> {
    if !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        return refuse("it does not begin with a small letter");
    }
    allowed(
        text,
        |letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '+' | '.' | '-'),
        "small letters, digits, hyphens, dots and plus signs are",
    )
}

fn allowed(text: &str, fits: impl Fn(char) -> bool, those: &str) -> Result<(), String> {
    match text.chars().find(|letter| !fits(*letter)) {
        Some(odd) => Err(format!("{odd:?} is not allowed; {those}")),
        None => Ok(()),
    }
}

fn file_mode(text: &str) -> Result<(), String> {
    let digits = text.strip_prefix('0').unwrap_or(text);
    match digits.len() {
        3 if digits.bytes().all(|digit| matches!(digit, b'0'..=b'7')) => Ok(()),
        _ => Err("it is not three octal digits, or four that begin with 0".to_owned()),
    }
}

/// Refuses with the words of the type's own parser.
fn parses<T>(text: &str) -> Result<(), String>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.parse::<T>().map(drop).map_err(|error| error.to_string())
}

fn refuse(reason: &str) -> Result<(), String> {
    Err(reason.to_owned())
}

/// CFBundleIdentifier and Android's application id, taken together: letters, digits and hyphens in at least two
/// parts with dots between them, no part beginning with a digit or a hyphen.
fn app_id(text: &str) -> Result<(), String> {
    if text.len() > 155 {
        return refuse("it is longer than 155 characters");
    }
    if let Some(odd) =
        text.chars().find(|letter| !letter.is_ascii_alphanumeric() && !matches!(letter, '.' | '-'))
    {
        return Err(format!("{odd:?} is not allowed; letters, digits, dots and hyphens are"));
    }
    if !text.contains('.') {
        return refuse("it needs at least two parts with a dot between them");
    }
    match text.split('.').find(|part| !part.starts_with(|first: char| first.is_ascii_alphabetic())) {
        Some("") => refuse("a part between two dots is empty"),
        Some(part) => Err(format!("the part \"{part}\" does not begin with a letter")),
        None => Ok(()),
    }
}

fn dotted_version(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() > 3 {
        return refuse("it has more than three numbers");
    }
    match parts
        .iter()
        .find(|part| part.is_empty() || part.len() > 5 || !part.bytes().all(|digit| digit.is_ascii_digit()))
    {
        Some(part) => Err(format!("\"{}\" is not a number of at most five digits", part.escape_debug())),
        None => Ok(()),
    }
}

/// The portable character set of POSIX.1-2017, section 8.1, with lower case.
fn environment_name(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return refuse("it is empty");
    }
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return refuse("it begins with a digit");
    }
    match text.chars().find(|letter| !letter.is_ascii_alphanumeric() && *letter != '_') {
        Some(odd) => Err(format!("{odd:?} is not allowed; letters, digits and underscores are")),
        None => Ok(()),
    }
}

fn glibc_version(text: &str) -> Result<(), String> {
    match text.parse::<GlibcVersion>() {
        Ok(version) if version.major != 2 => {
            Err(format!("there is no glibc {version}; all are 2 and a number"))
        }
        Ok(_) => Ok(()),
        Err(_) => refuse("it is not two numbers with a dot between them"),
    }
}

fn glob(text: &str) -> Result<(), String> {
    // A pattern reads like a path but for its special characters.
    source_path(text)?;
    globset::GlobBuilder::new(text)
        .literal_separator(true)
        .build()
        .map(drop)
        .map_err(|error| error.kind().to_string())
}

/// What keeps a path from being one: the part that paths in the project and paths in a package share.
fn path_problem(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    if text.contains('\\') {
        return Some("it has a backslash; write forward slashes, on Windows too".to_owned());
    }
    if let Some(odd) = text.chars().find(|letter| letter.is_control()) {
        return Some(format!("it has the control character {odd:?}"));
    }
    if text.starts_with('/') {
        return Some("it is absolute".to_owned());
    }
    if matches!(text.as_bytes(), [drive, b':', ..] if drive.is_ascii_alphabetic()) {
        return Some("it begins with a drive letter".to_owned());
    }
    None
}

/// A path of a file in the project. It may climb (`../LICENSE`); whether it stays inside the workspace is for
/// whoever knows where the manifest is.
fn source_path(text: &str) -> Result<(), String> {
    path_problem(text).map_or(Ok(()), Err)
}

/// A path inside what we make: what [`RelPath`] takes, and what Windows can hold, since the same manifest may make
/// packages for it ("Naming Files, Paths, and Namespaces", Microsoft).
fn relative_path(text: &str) -> Result<(), String> {
    if let Some(reason) = path_problem(text) {
        return Err(reason);
    }
    for part in text.split('/') {
        match part {
            "" => return refuse("it has two slashes in a row, or one at its end"),
            "." => return refuse("it has a part \".\""),
            ".." => return refuse("it has a part \"..\", and must stay inside the package"),
            _ => {}
        }
        if let Some(odd) =
            part.chars().find(|letter| matches!(letter, ':' | '*' | '?' | '"' | '<' | '>' | '|'))
        {
            return Err(format!("Windows allows no {odd:?} in names"));
        }
        if part.ends_with(['.', ' ']) {
            return Err(format!("Windows drops the last character of \"{part}\""));
        }
        let stem = part.split('.').next().unwrap_or(part).trim_end().to_ascii_uppercase();
        let reserved = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
            || (stem.len() == 4
                && (stem.starts_with("COM") || stem.starts_with("LPT"))
                && stem.ends_with(|digit: char| matches!(digit, '1'..='9')));
        if reserved {
            return Err(format!("\"{part}\" is the name of a device on Windows"));
        }
    }
    match text.parse::<RelPath>() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("it is not {}", error.expected)),
    }
}

fn semantic_version(text: &str) -> Result<(), String> {
    match semver::Version::parse(text) {
        Ok(_) => Ok(()),
        Err(_) if text.starts_with(['v', 'V']) => refuse("write it without the v in front"),
        Err(error) => Err(error.to_string()),
    }
}

fn version_requirement(text: &str) -> Result<(), String> {
    semver::VersionReq::parse(text).map(drop).map_err(|error| error.to_string())
}

/// FIPS 180-4, as `sha256sum` prints it. Upper case is taken and turned into lower.
fn sha256(text: &str) -> Result<(), String> {
    if let Some(odd) = text.chars().find(|letter| !letter.is_ascii_hexdigit()) {
        return Err(format!("{odd:?} is not a hexadecimal digit"));
    }
    match text.len() {
        64 => Ok(()),
        32 => refuse("it has 32 digits, as an MD5 digest has"),
        40 => refuse("it has 40 digits, as a SHA-1 digest has"),
        128 => refuse("it has 128 digits, as a SHA-512 digest has"),
        length => Err(format!("it has {length} digits")),
    }
}

fn single_line(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return refuse("it is empty");
    }
    match text.chars().find(|letter| letter.is_control()) {
        Some('\n' | '\r') => refuse("it has a line break"),
        Some(odd) => Err(format!("it has the control character {odd:?}")),
        None => Ok(()),
    }
}

/// An alias or a triple, with a glibc version behind it or without. Whether there is such a target is for whoever
/// has the table of targets.
fn target(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return refuse("it is empty");
    }
    if let Some(odd) =
        text.chars().find(|letter| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_' | '.'))
    {
        return Err(format!("{odd:?} is not allowed; letters, digits, hyphens, underscores and dots are"));
    }
    if let Some((_, version)) = text.split_once('.')
        && version.starts_with(|first: char| first.is_ascii_digit())
    {
        return glibc_version(version).map_err(|reason| format!("in \".{version}\", {reason}"));
    }
    Ok(())
}

/// RFC 3986, as far as it takes to fetch something: a scheme, a host, nothing that needs escaping.
fn url(text: &str) -> Result<(), String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return refuse("it does not begin with \"https://\"");
    };
    if !matches!(scheme, "https" | "http") {
        return Err(format!("the scheme \"{}\" is not https or http", scheme.escape_debug()));
    }
    if let Some(odd) =
        text.chars().find(|letter| letter.is_control() || letter.is_whitespace() || !letter.is_ascii())
    {
        return Err(format!("{odd:?} must be percent-encoded"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return refuse("it holds a user name or a password, which do not belong into a manifest");
    }
    if authority.is_empty() || authority.starts_with(':') {
        return refuse("the host is missing");
    }
    Ok(())
}

fn repository_address(text: &str) -> Result<(), String> {
    match text.strip_prefix("file://") {
        Some(path) if path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(()),
        Some(_) => {
            refuse("behind \"file://\" stands no absolute path without spaces and other odd characters")
        }
        None => url(text),
    }
}

fn suite_name(text: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !text.bytes().next().is_some_and(plain) {
        return refuse("it does not start with a lower-case letter or a digit");
    }
    match text
        .chars()
        .find(|letter| !letter.is_ascii() || !(plain(*letter as u8) || "-._+".contains(*letter)))
    {
        None => Ok(()),
        Some(odd) => {
            Err(format!("{odd:?} is not allowed; lower-case letters, digits and `-`, `.`, `_`, `+` are"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(format: &str, text: &str) -> Option<String> {
        (text_format(format).unwrap().check)(text).err()
    }

    #[test]
    fn the_table_is_sorted_and_every_example_passes_its_own_check() {
        assert!(TEXT_FORMATS.is_sorted_by_key(|format| format.name));
        for format in TEXT_FORMATS {
            for example in format.expected.split('"').skip(1).step_by(2) {
                assert_eq!((format.check)(example), Ok(()), "{} does not take {example}", format.name);
            }
        }
    }

    #[test]
    fn good_texts_pass() {
        let digest = "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789";
        for (format, text) in [
            ("app-id", "org.example.My-App2"),
            ("dotted-version", "11"),
            ("dotted-version", "10.15.7"),
            ("component-id", "Documentation"),
            ("component-id", "_1.a"),
            ("file-extension", "txt"),
            ("file-extension", "c++"),
            ("file-mode", "0640"),
            ("file-mode", "755"),
            ("glibc-version", "2.31"),
            ("repository-address", "https://example.com/apt"),
            ("repository-address", "file:///srv/apt"),
            ("suite-name", "stable"),
            ("suite-name", "0.2-beta_x"),
            ("glob", "docs/{a,b}/[!x]*.md"),
            ("relative-path", "share/ünï/cødé file.bin"),
            ("semver", "1.0.0-rc.1+build"),
            ("semver-requirement", ">=0.4, <2"),
            ("sha256", digest),
            ("single-line", "O'Brien & \"Söhne\" <b>"),
            ("source-path", "../shared/icon.png"),
            ("service-name", "Picker Wheel"),
            ("target", "linux-x64"),
            ("target", "linux-x64.2.17"),
            ("uri-scheme", "picker-wheel"),
            ("target", "thumbv8m.main-none-eabi"),
            ("url", "http://127.0.0.1:8080/a?b=c#d"),
        ] {
            assert_eq!(reason(format, text), None, "{format}: {text}");
        }
    }

    #[test]
    fn every_refusal_says_what_is_wrong() {
        for (format, text, expected) in [
            ("app-id", "app", "it needs at least two parts with a dot between them"),
            ("app-id", "com..app", "a part between two dots is empty"),
            ("app-id", "com.1app", "the part \"1app\" does not begin with a letter"),
            ("app-id", "com.ex_ample", "'_' is not allowed; letters, digits, dots and hyphens are"),
            ("dotted-version", "11.x", "\"x\" is not a number of at most five digits"),
            ("dotted-version", "1.2.3.4", "it has more than three numbers"),
            ("environment-name", "1A", "it begins with a digit"),
            ("environment-name", "A-B", "'-' is not allowed; letters, digits and underscores are"),
            ("environment-name", "", "it is empty"),
            ("component-id", "1a", "it does not begin with a letter"),
            ("component-id", "a b", "' ' is not allowed; letters, digits, dots and underscores are"),
            ("component-id", "AnIdThatIsOneCharacterLongerThanItMayBe", "it is longer than 38 characters"),
            ("file-extension", "", "it is empty"),
            (
                "file-extension",
                ".txt",
                "'.' is not allowed; letters, digits, hyphens, underscores and plus signs are",
            ),
            ("file-mode", "4755", "it is not three octal digits, or four that begin with 0"),
            ("file-mode", "rwxr-xr-x", "it is not three octal digits, or four that begin with 0"),
            (
                "repository-address",
                "file://srv/apt",
                "behind \"file://\" stands no absolute path without spaces and other odd characters",
            ),
            ("repository-address", "ftp://example.com", "the scheme \"ftp\" is not https or http"),
            ("suite-name", "../up", "it does not start with a lower-case letter or a digit"),
            (
                "suite-name",
                "a/b",
                "'/' is not allowed; lower-case letters, digits and `-`, `.`, `_`, `+` are",
            ),
            ("glibc-version", "2", "it is not two numbers with a dot between them"),
            ("glibc-version", "3.1", "there is no glibc 3.1; all are 2 and a number"),
            ("glob", "a[", "unclosed character class; missing ']'"),
            ("glob", "/etc/*", "it is absolute"),
            ("relative-path", "../../x", "it has a part \"..\", and must stay inside the package"),
            ("relative-path", "/etc/x", "it is absolute"),
            ("relative-path", "C:..\\x", "it has a backslash; write forward slashes, on Windows too"),
            ("relative-path", "c:x", "it begins with a drive letter"),
            ("relative-path", "a//b", "it has two slashes in a row, or one at its end"),
            ("relative-path", "a/", "it has two slashes in a row, or one at its end"),
            ("relative-path", "./a", "it has a part \".\""),
            ("relative-path", "aux.txt", "\"aux.txt\" is the name of a device on Windows"),
            ("relative-path", "a/COM1", "\"COM1\" is the name of a device on Windows"),
            ("relative-path", "a:ads", "it begins with a drive letter"),
            ("relative-path", "file:ads", "Windows allows no ':' in names"),
            ("relative-path", "x. ", "Windows drops the last character of \"x. \""),
            ("relative-path", "a\nb", "it has the control character '\\n'"),
            ("semver", "v1.0.0", "write it without the v in front"),
            ("semver", "1.0", "unexpected end of input while parsing minor version number"),
            ("semver", "01.2.3", "invalid leading zero in major version number"),
            ("semver-requirement", ">>1", "unexpected character '>' while parsing major version number"),
            ("sha256", "pending", "'p' is not a hexadecimal digit"),
            ("sha256", "abc", "it has 3 digits"),
            ("sha256", "d41d8cd98f00b204e9800998ecf8427e", "it has 32 digits, as an MD5 digest has"),
            ("single-line", " ", "it is empty"),
            ("single-line", "a\r\nExec=evil", "it has a line break"),
            ("single-line", "a\u{1b}[0m", "it has the control character '\\u{1b}'"),
            ("source-path", "", "it is empty"),
            ("service-name", "a/b", "'/' is not allowed"),
            ("service-name", "", "it is empty"),
            ("uri-scheme", "Picker", "it does not begin with a small letter"),
            (
                "uri-scheme",
                "picker_wheel",
                "'_' is not allowed; small letters, digits, hyphens, dots and plus signs are",
            ),
            ("target", "linux x64", "' ' is not allowed; letters, digits, hyphens, underscores and dots are"),
            ("target", "linux-x64.2", "in \".2\", it is not two numbers with a dot between them"),
            ("target", "", "it is empty"),
            ("url", "example.com/x", "it does not begin with \"https://\""),
            ("url", "file:///etc/passwd", "the scheme \"file\" is not https or http"),
            (
                "url",
                "https://me:secret@example.com/",
                "it holds a user name or a password, which do not belong into a manifest",
            ),
            ("url", "https:///x", "the host is missing"),
            ("url", "https://example.com/a b", "' ' must be percent-encoded"),
        ] {
            assert_eq!(reason(format, text).as_deref(), Some(expected), "{format}: {text}");
        }
    }
}
