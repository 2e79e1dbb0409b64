//! AppStream metadata: what software centres show of a program
//! (<https://www.freedesktop.org/software/appstream/docs/>, chapters 2.1, 2.2 and 2.9).
//!
//! A file is written from what a program is; a project's own file is checked for what makes software centres pass over it.

use thiserror::Error;

use crate::date::Moment;
use crate::located::{Located, utf8};

/// What a component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentKind {
    /// A program with windows, found by its desktop entry.
    Desktop {
        /// The file name of the entry: `com.example.App.desktop`.
        desktop_id: String,
    },
    /// A program for terminals.
    Console,
}

/// What a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UrlKind {
    /// The project's page.
    Homepage,
    /// Where bugs are told.
    Bugtracker,
    /// How to use it.
    Help,
    /// The source.
    VcsBrowser,
}

impl UrlKind {
    fn word(self) -> &'static str {
        match self {
            UrlKind::Homepage => "homepage",
            UrlKind::Bugtracker => "bugtracker",
            UrlKind::Help => "help",
            UrlKind::VcsBrowser => "vcs-browser",
        }
    }
}

/// A release of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version, as Cargo has it: the dash before a pre-release is written as the tilde that sorts it before the release.
    pub version: String,
    /// When.
    pub date: Moment,
    /// Whether it is one for trying out.
    pub development: bool,
    /// What is new, an item each; may be empty.
    pub changes: Vec<String>,
}

/// What software centres are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metainfo {
    /// What the component is.
    pub kind: ComponentKind,
    /// `com.example.App`.
    pub id: String,
    /// As it is shown.
    pub name: String,
    /// A line about it.
    pub summary: String,
    /// Paragraphs of plain text; the summary is taken if there are none.
    pub description: Vec<String>,
    /// SPDX expression of the program's licence.
    pub project_license: Option<String>,
    /// SPDX expression of this very file's licence; one that lets anybody show it, such as `CC0-1.0`.
    pub metadata_license: String,
    /// Who makes it.
    pub developer: Option<String>,
    /// Where to find more.
    pub urls: Vec<(UrlKind, String)>,
    /// Names of the programs that it brings.
    pub binaries: Vec<String>,
    /// Newest first.
    pub releases: Vec<Release>,
    /// Registered categories of the menu.
    pub categories: Vec<String>,
    /// Words by which it is found.
    pub keywords: Vec<String>,
    /// Name of the icon in the theme.
    pub icon: Option<String>,
}

/// What is wrong with metadata.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MetainfoProblem {
    /// Bytes that are no text.
    #[error("the metadata is not UTF-8")]
    NotUtf8,
    /// Not well-formed.
    #[error("the metadata is not well-formed XML: {message}")]
    Xml {
        /// As the reader says it.
        message: String,
    },
    /// Another document.
    #[error("the outermost element is <{found}>, not <component>")]
    Root {
        /// Its name.
        found: String,
    },
    /// An element that has to be there.
    #[error("the component has no <{element}>")]
    Missing {
        /// Its name.
        element: &'static str,
    },
    /// An element that has to have a text.
    #[error("<{element}> is empty")]
    Empty {
        /// Its name.
        element: &'static str,
    },
    /// An id with characters that cannot be.
    #[error(
        "`{id}` cannot be the id of a component: ids are like com.example.App, of letters, digits, `.`, `_` and `-`"
    )]
    Id {
        /// As given.
        id: String,
    },
    /// A character that XML cannot have.
    #[error("{element} has a control character, which XML cannot hold")]
    Control {
        /// Of which element.
        element: &'static str,
    },
    /// A summary that software centres cut.
    #[error("the summary has {length} characters; at most 90 are shown")]
    LongSummary {
        /// Characters.
        length: usize,
    },
    /// A link that is none.
    #[error("`{url}` is not an address that begins with https:// or http://")]
    Url {
        /// As given.
        url: String,
    },
}

/// The file name under which software centres look: `usr/share/metainfo/com.example.App.metainfo.xml`.
pub fn path(id: &str) -> String {
    format!("usr/share/metainfo/{id}.metainfo.xml")
}

/// An id for a program that has none, by the address of its page or source: of `https://github.com/owner/name`,
/// `io.github.owner.name`; of `https://www.example.com/x`, `com.example.name`. The address is the only name that nobody else has.
pub fn id_from_address(address: &str, name: &str) -> Option<String> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let mut parts = rest.split(['/', '?', '#']);
    let host = parts.next()?.split('@').next_back()?.split(':').next()?.to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let owner = parts.next().filter(|part| !part.is_empty()).map(str::to_ascii_lowercase);
    let forge = match host {
        "github.com" => Some("io.github"),
        "gitlab.com" => Some("io.gitlab"),
        "codeberg.org" => Some("page.codeberg"),
        _ => None,
    };
    let segments: Vec<String> = match forge {
        Some(forge) => vec![forge.to_owned(), segment(&owner?)?],
        None => {
            host.contains('.').then_some(())?;
            host.rsplit('.').map(segment).collect::<Option<_>>()?
        }
    };
    Some(format!("{}.{}", segments.join("."), segment(name)?))
}

/// A segment of an id: a dash becomes an underscore, and a digit does not begin one (as in names of D-Bus).
fn segment(text: &str) -> Option<String> {
    let plain: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.is_empty() {
        return None;
    }
    Some(if plain.starts_with(|c: char| c.is_ascii_digit()) { format!("_{plain}") } else { plain })
}

fn is_id(id: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !id.is_empty()
        && id.len() <= 255
        && id.chars().all(fits)
        && !id.starts_with('.')
        && !id.ends_with('.')
        && !id.contains("..")
}

impl Metainfo {
    /// Writes the file. Paragraphs and lines are joined and the full stop behind the summary is taken away, as software centres want it.
    pub fn text(&self) -> Result<String, Vec<MetainfoProblem>> {
        let problems = self.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let kind = match self.kind {
            ComponentKind::Desktop { .. } => "desktop-application",
            ComponentKind::Console => "console-application",
        };
        let mut xml = Xml { text: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), depth: 0 };
        xml.open("component", &[("type", kind)]);
        xml.leaf("id", &[], &self.id);
        xml.leaf("metadata_license", &[], &self.metadata_license);
        if let Some(license) = &self.project_license {
            xml.leaf("project_license", &[], &license.replace('/', " OR "));
        }
        xml.leaf("name", &[], &one_line(&self.name));
        xml.leaf("summary", &[], &self.summary());
        if let Some(developer) = &self.developer {
            // Readers since AppStream 1.0 take the first, those before it know the second alone.
            let id = self.id.rsplit_once('.').map_or(self.id.as_str(), |(owner, _)| owner);
            xml.open("developer", &[("id", &id.to_ascii_lowercase())]);
            xml.leaf("name", &[], &one_line(developer));
            xml.close("developer");
            xml.leaf("developer_name", &[], &one_line(developer));
        }
        xml.open("description", &[]);
        let paragraphs: Vec<String> =
            self.description.iter().map(|text| one_line(text)).filter(|text| !text.is_empty()).collect();
        if paragraphs.is_empty() {
            xml.leaf("p", &[], &format!("{}.", self.summary()));
        }
        for paragraph in &paragraphs {
            xml.leaf("p", &[], paragraph);
        }
        xml.close("description");
        if let ComponentKind::Desktop { desktop_id } = &self.kind {
            xml.leaf("launchable", &[("type", "desktop-id")], desktop_id);
        }
        if let Some(icon) = &self.icon {
            xml.leaf("icon", &[("type", "stock")], icon);
        }
        let mut urls = self.urls.clone();
        urls.sort();
        urls.dedup_by_key(|(kind, _)| *kind);
        for (kind, url) in &urls {
            xml.leaf("url", &[("type", kind.word())], url);
        }
        xml.list("categories", "category", &self.categories);
        xml.list("keywords", "keyword", &self.keywords);
        xml.list("provides", "binary", &self.binaries);
        if !self.releases.is_empty() {
            xml.open("releases", &[]);
            for release in &self.releases {
                xml.release(release);
            }
            xml.close("releases");
        }
        xml.line("<content_rating type=\"oars-1.1\"/>");
        xml.close("component");
        Ok(xml.text)
    }

    fn summary(&self) -> String {
        let summary = one_line(&self.summary);
        summary.strip_suffix('.').map(str::to_owned).unwrap_or(summary)
    }

    fn problems(&self) -> Vec<MetainfoProblem> {
        let mut problems = Vec::new();
        if !is_id(&self.id) {
            problems.push(MetainfoProblem::Id { id: self.id.clone() });
        }
        let summary = self.summary();
        for (element, text) in [("name", &self.name), ("summary", &summary)] {
            if text.trim().is_empty() {
                problems.push(MetainfoProblem::Empty { element });
            }
        }
        let length = summary.chars().count();
        if length > 90 {
            problems.push(MetainfoProblem::LongSummary { length });
        }
        for (_, url) in &self.urls {
            if !(url.starts_with("https://") || url.starts_with("http://"))
                || url.contains(char::is_whitespace)
            {
                problems.push(MetainfoProblem::Url { url: url.clone() });
            }
        }
        let forbidden = |text: &String| {
            text.contains(|c: char| {
                (c.is_control() && !c.is_whitespace()) || matches!(c, '\u{fffe}' | '\u{ffff}')
            })
        };
        let changes =
            || self.releases.iter().flat_map(|release| release.changes.iter().chain([&release.version]));
        let texts: [(&'static str, Vec<&String>); 8] = [
            ("name", vec![&self.name]),
            ("summary", vec![&self.summary]),
            ("description", self.description.iter().collect()),
            ("developer", self.developer.iter().collect()),
            ("project_license", self.project_license.iter().collect()),
            ("url", self.urls.iter().map(|(_, url)| url).collect()),
            ("releases", changes().collect()),
            ("keywords", self.keywords.iter().chain(&self.categories).chain(&self.binaries).collect()),
        ];
        for (element, texts) in texts {
            if texts.into_iter().any(forbidden) {
                problems.push(MetainfoProblem::Control { element });
            }
        }
        problems
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A document that grows, indented by two spaces.
struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    fn line(&mut self, line: &str) {
        self.text.push_str(&"  ".repeat(self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn open(&mut self, element: &str, attributes: &[(&str, &str)]) {
        self.line(&format!("<{element}{}>", attribute_text(attributes)));
        self.depth += 1;
    }

    fn close(&mut self, element: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.line(&format!("</{element}>"));
    }

    fn leaf(&mut self, element: &str, attributes: &[(&str, &str)], content: &str) {
        self.line(&format!("<{element}{}>{}</{element}>", attribute_text(attributes), escaped(content)));
    }

    fn list(&mut self, element: &str, item: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.open(element, &[]);
        for text in items {
            self.leaf(item, &[], text);
        }
        self.close(element);
    }

    fn release(&mut self, release: &Release) {
        let date = release.date.iso_day();
        let kind = if release.development { "development" } else { "stable" };
        // AppStream sorts versions as Debian does: a tilde comes before the end, a dash behind it.
        let version = release.version.replacen('-', "~", 1);
        let attributes = [("version", version.as_str()), ("date", date.as_str()), ("type", kind)];
        if release.changes.is_empty() {
            self.line(&format!("<release{}/>", attribute_text(&attributes)));
            return;
        }
        self.open("release", &attributes);
        self.open("description", &[]);
        self.open("ul", &[]);
        for change in &release.changes {
            self.leaf("li", &[], &one_line(change));
        }
        self.close("ul");
        self.close("description");
        self.close("release");
    }
}

fn attribute_text(attributes: &[(&str, &str)]) -> String {
    attributes.iter().map(|(name, value)| format!(" {name}=\"{}\"", escaped(value))).collect()
}

fn escaped(text: &str) -> String {
    let mut output = String::new();
    for c in text.chars() {
        match c {
            '&' => output.push_str("&amp;"),
            '<' => output.push_str("&lt;"),
            '>' => output.push_str("&gt;"),
            '"' => output.push_str("&quot;"),
            c => output.push(c),
        }
    }
    output
}

/// What a project's own file is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// `com.example.App`.
    pub id: String,
    /// The value of `type`: `desktop-application`, or empty for a component without.
    pub kind: String,
    /// File names of desktop entries that it starts.
    pub desktop_ids: Vec<String>,
}

/// Reads and checks a project's own file. All problems at once, in the order of the lines.
pub fn check(bytes: &[u8]) -> Result<Component, Vec<Located<MetainfoProblem>>> {
    let text = utf8(bytes).map_err(|line| vec![Located::at(line, MetainfoProblem::NotUtf8)])?;
    let document = roxmltree::Document::parse(text).map_err(|error| {
        let message = error.to_string();
        vec![Located::at(error.pos().row as usize, MetainfoProblem::Xml { message })]
    })?;
    let root = document.root_element();
    let line = |node: roxmltree::Node<'_, '_>| document.text_pos_at(node.range().start).row as usize;
    if root.tag_name().name() != "component" {
        let found = root.tag_name().name().to_owned();
        return Err(vec![Located::at(line(root), MetainfoProblem::Root { found })]);
    }
    let mut problems = Vec::new();
    // Translated elements have a language; the ones without are what is meant.
    let element = |name: &str| {
        root.children().find(|node| {
            node.has_tag_name(name) && !node.attributes().any(|attribute| attribute.name() == "lang")
        })
    };
    for name in ["id", "metadata_license", "name", "summary"] {
        match element(name) {
            None => problems.push(Located::whole(MetainfoProblem::Missing { element: name })),
            Some(node) if content(node).is_empty() => {
                problems.push(Located::at(line(node), MetainfoProblem::Empty { element: name }));
            }
            Some(node) if name == "id" && !is_id(&content(node)) => {
                problems.push(Located::at(line(node), MetainfoProblem::Id { id: content(node) }));
            }
            Some(_) => {}
        }
    }
    let kind = root.attribute("type").unwrap_or_default().to_owned();
    if matches!(kind.as_str(), "desktop" | "desktop-application") && element("description").is_none() {
        problems.push(Located::whole(MetainfoProblem::Missing { element: "description" }));
    }
    for node in root.children().filter(|node| node.has_tag_name("url")) {
        let url = content(node);
        if !["https://", "http://", "mailto:"].iter().any(|start| url.starts_with(start)) {
            problems.push(Located::at(line(node), MetainfoProblem::Url { url }));
        }
    }
    problems.sort_by_key(|problem| problem.line);
    if !problems.is_empty() {
        return Err(problems);
    }
    let desktop_ids = root
        .children()
        .filter(|node| node.has_tag_name("launchable") && node.attribute("type") == Some("desktop-id"))
        .map(content)
        .collect();
    Ok(Component { id: element("id").map(content).unwrap_or_default(), kind, desktop_ids })
}

fn content(node: roxmltree::Node<'_, '_>) -> String {
    one_line(node.text().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Directory, ask};

    fn example() -> Metainfo {
        Metainfo {
            kind: ComponentKind::Desktop { desktop_id: "com.example.PickerWheel.desktop".to_owned() },
            id: "com.example.PickerWheel".to_owned(),
            name: "Picker Wheel".to_owned(),
            summary: "Spin a wheel & see who <wins>.".to_owned(),
            description: vec![
                "A wheel with names that turns\nand turns, until it says whose turn it is to make the coffee today.".to_owned(),
                "It says \"you\".".to_owned(),
            ],
            project_license: Some("MIT OR Apache-2.0".to_owned()),
            metadata_license: "CC0-1.0".to_owned(),
            developer: Some("Ada Example".to_owned()),
            urls: vec![
                (UrlKind::VcsBrowser, "https://example.com/source?a=1&b=2".to_owned()),
                (UrlKind::Homepage, "https://example.com".to_owned()),
            ],
            binaries: vec!["picker-wheel".to_owned()],
            releases: vec![
                Release {
                    version: "1.2.3".to_owned(),
                    date: Moment::of(1_700_000_000),
                    development: false,
                    changes: vec!["Added: a window".to_owned()],
                },
                Release {
                    version: "1.2.3-rc.1".to_owned(),
                    date: Moment::of(1_690_000_000),
                    development: true,
                    changes: Vec::new(),
                },
            ],
            categories: vec!["Game".to_owned(), "KidsGame".to_owned()],
            keywords: vec!["random".to_owned()],
            icon: Some("picker-wheel".to_owned()),
        }
    }

    fn console() -> Metainfo {
        Metainfo {
            kind: ComponentKind::Console,
            description: Vec::new(),
            developer: None,
            urls: vec![(UrlKind::Homepage, "https://example.com".to_owned())],
            categories: vec!["Utility".to_owned(), "ConsoleOnly".to_owned()],
            icon: None,
            ..example()
        }
    }

    #[test]
    fn metadata_is_written_with_everything() {
        assert_eq!(
            example().text().unwrap(),
            r#"<?xml version="1.0" encoding="UTF-8"?>
<component type="desktop-application">
  <id>com.example.PickerWheel</id>
  <metadata_license>CC0-1.0</metadata_license>
  <project_license>MIT OR Apache-2.0</project_license>
  <name>Picker Wheel</name>
  <summary>Spin a wheel &amp; see who &lt;wins&gt;</summary>
  <developer id="com.example">
    <name>Ada Example</name>
  </developer>
  <developer_name>Ada Example</developer_name>
  <description>
    <p>A wheel with names that turns and turns, until it says whose turn it is to make the coffee today.</p>
    <p>It says &quot;you&quot;.</p>
  </description>
  <launchable type="desktop-id">com.example.PickerWheel.desktop</launchable>
  <icon type="stock">picker-wheel</icon>
  <url type="homepage">https://example.com</url>
  <url type="vcs-browser">https://example.com/source?a=1&amp;b=2</url>
  <categories>
    <category>Game</category>
    <category>KidsGame</category>
  </categories>
  <keywords>
    <keyword>random</keyword>
  </keywords>
  <provides>
    <binary>picker-wheel</binary>
  </provides>
  <releases>
    <release version="1.2.3" date="2023-11-14" type="stable">
      <description>
        <ul>
          <li>Added: a window</li>
        </ul>
      </description>
    </release>
    <release version="1.2.3~rc.1" date="2023-07-22" type="development"/>
  </releases>
  <content_rating type="oars-1.1"/>
</component>
"#
        );
    }

    #[test]
    fn appstream_accepts_what_we_write() {
        let directory = Directory::new("metainfo");
        for (index, metainfo) in [example(), console()].iter().enumerate() {
            let text = metainfo.text().unwrap();
            let path = directory.file(&format!("{index}/{}.metainfo.xml", metainfo.id), text.as_bytes());
            let Some(output) = ask("appstreamcli", &["validate", "--no-net", &path], b"") else { return };
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
    }

    #[test]
    fn what_we_write_passes_our_own_check() {
        let component = check(example().text().unwrap().as_bytes()).unwrap();
        assert_eq!(
            component,
            Component {
                id: "com.example.PickerWheel".to_owned(),
                kind: "desktop-application".to_owned(),
                desktop_ids: vec!["com.example.PickerWheel.desktop".to_owned()],
            }
        );
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let metainfo = Metainfo {
            id: "com example".to_owned(),
            name: " ".to_owned(),
            summary: "x".repeat(91),
            urls: vec![(UrlKind::Help, "example.com".to_owned())],
            keywords: vec!["a\u{1}".to_owned()],
            ..example()
        };
        let problems: Vec<String> = metainfo.text().unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "`com example` cannot be the id of a component: ids are like com.example.App, of letters, digits, `.`, `_` and `-`",
                "<name> is empty",
                "the summary has 91 characters; at most 90 are shown",
                "`example.com` is not an address that begins with https:// or http://",
                "keywords has a control character, which XML cannot hold",
            ]
        );
    }

    #[test]
    fn problems_of_an_own_file_have_their_lines() {
        let found = |text: &str| -> Vec<String> {
            check(text.as_bytes()).unwrap_err().iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            found(
                "<component>\n<id>a b</id>\n<name xml:lang=\"de\">x</name>\n<summary> </summary>\n<url>ftp://x</url></component>"
            ),
            [
                "the component has no <metadata_license>",
                "the component has no <name>",
                "line 2: `a b` cannot be the id of a component: ids are like com.example.App, of letters, digits, `.`, `_` and `-`",
                "line 4: <summary> is empty",
                "line 5: `ftp://x` is not an address that begins with https:// or http://",
            ]
        );
        assert_eq!(
            found("<?xml version=\"1.0\"?>\n<html/>"),
            ["line 2: the outermost element is <html>, not <component>"]
        );
        assert!(
            found("<component>\n<id>\n</component>")[0]
                .starts_with("line 3: the metadata is not well-formed XML: ")
        );
        assert!(check(b"\xff").is_err());
    }

    #[test]
    fn ids_come_from_addresses() {
        let table: &[(&str, &str, Option<&str>)] = &[
            ("https://github.com/Some-One/tool", "tool-x", Some("io.github.some_one.tool_x")),
            ("https://www.example.com/a", "app", Some("com.example.app")),
            ("https://gitlab.com/1st/app", "2048", Some("io.gitlab._1st._2048")),
            ("https://user@example.org:8080/", "app", Some("org.example.app")),
            ("https://github.com/", "app", None),
            ("http://localhost/", "app", None),
            ("git@github.com:a/b", "app", None),
        ];
        for (address, name, expected) in table {
            assert_eq!(id_from_address(address, name).as_deref(), *expected, "{address}");
        }
    }
}
