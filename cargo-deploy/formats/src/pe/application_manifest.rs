//! Application manifests: XML inside a program that tells Windows how to run it (Microsoft, "Application manifests").
//!
//! Ours is written, and another's is completed: what is missing is put into its text, and nothing else is touched.

use std::fmt::Write as _;
use std::ops::Range;

use roxmltree::{Document, Node};
use thiserror::Error;

/// Why a manifest cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ApplicationManifestError {
    /// It is no text in UTF-8 or UTF-16.
    #[error("read the application manifest: it is neither UTF-8 nor UTF-16")]
    Encoding,
    /// It is no XML.
    #[error("read the application manifest: {message}")]
    Xml {
        /// As the parser says it, with the line.
        message: String,
    },
    /// It is other XML.
    #[error("read the application manifest: its root is <{element}>, and has to be <assembly>")]
    Root {
        /// Its name.
        element: String,
    },
}

/// How a program draws on screens of high resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DpiAwareness {
    /// Windows stretches its windows.
    Unaware,
    /// It draws for the resolution of the first screen.
    System,
    /// It follows its window from screen to screen.
    PerMonitor,
    /// The same, and Windows draws title bars and dialogues to fit. Windows 10 1703; before, the one without V2.
    PerMonitorV2,
}

/// With which rights a program starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionLevel {
    /// Those of who started it. Without this line, Windows asks for an administrator where a name looks like an installer's.
    AsInvoker,
    /// The highest that the user can have.
    HighestAvailable,
    /// An administrator's.
    RequireAdministrator,
}

/// A version of Windows that a program was made for; for others Windows imitates an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowsVersion {
    /// Windows 7.
    Windows7,
    /// Windows 8.
    Windows8,
    /// Windows 8.1.
    Windows8_1,
    /// Windows 10 and 11, which share their number.
    Windows10,
}

impl WindowsVersion {
    /// All of them, oldest first.
    pub const ALL: [WindowsVersion; 4] = [
        WindowsVersion::Windows7,
        WindowsVersion::Windows8,
        WindowsVersion::Windows8_1,
        WindowsVersion::Windows10,
    ];

    /// The number that a manifest has for it.
    fn id(self) -> &'static str {
        match self {
            WindowsVersion::Windows7 => "{35138b9a-5d96-4fbd-8e2d-a2440225f93a}",
            WindowsVersion::Windows8 => "{4a2f28e3-53b9-4441-ba9c-d69d4a4a6e38}",
            WindowsVersion::Windows8_1 => "{1f676c76-80e1-4239-95bb-83d0f6d0da78}",
            WindowsVersion::Windows10 => "{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}",
        }
    }
}

/// What a manifest asks for. The default is what we give a program that says nothing of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationManifest {
    /// Paths of more than 259 characters, where the user has switched them on (Windows 10 1607).
    pub long_path_aware: bool,
    /// UTF-8 as the code page of the process (Windows 10 1903), so that C code, too, reads and prints any name.
    pub utf8: bool,
    /// Screens of high resolution.
    pub dpi_awareness: Option<DpiAwareness>,
    /// Rights.
    pub execution_level: Option<ExecutionLevel>,
    /// Versions of Windows.
    pub windows_versions: Vec<WindowsVersion>,
    /// Buttons and lists as they look since Windows XP, for a program with windows of the system's own kind.
    pub common_controls: bool,
}

impl Default for ApplicationManifest {
    fn default() -> Self {
        ApplicationManifest {
            long_path_aware: true,
            utf8: true,
            dpi_awareness: Some(DpiAwareness::PerMonitorV2),
            execution_level: Some(ExecutionLevel::AsInvoker),
            windows_versions: WindowsVersion::ALL.to_vec(),
            common_controls: false,
        }
    }
}

const ASM_V1: &str = "urn:schemas-microsoft-com:asm.v1";
const ASM_V3: &str = "urn:schemas-microsoft-com:asm.v3";
const COMPATIBILITY: &str = "urn:schemas-microsoft-com:compatibility.v1";
const CONTROLS: &str = "Microsoft.Windows.Common-Controls";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const SETTINGS: [&str; 2] = ["application", "windowsSettings"];
const SUPPORTED: [&str; 2] = ["compatibility", "application"];
const PRIVILEGES: [&str; 3] = ["trustInfo", "security", "requestedPrivileges"];

impl ApplicationManifest {
    /// The text of the resource.
    pub fn write(&self) -> String {
        let empty =
            format!("{DECLARATION}<assembly xmlns=\"{ASM_V1}\" manifestVersion=\"1.0\">\n</assembly>\n");
        // What is written is what is missing in nothing.
        self.fill(empty.as_bytes()).ok().flatten().unwrap_or(empty)
    }

    /// What a manifest asks for.
    pub fn read(manifest: &[u8]) -> Result<Self, ApplicationManifestError> {
        let text = decode(manifest)?;
        let document = parse(&text)?;
        Ok(asked(document.root_element()))
    }

    /// A manifest completed by what is missing in it, or `None` where nothing is. What it says already stays, also where it
    /// says the opposite.
    pub fn fill(&self, manifest: &[u8]) -> Result<Option<String>, ApplicationManifestError> {
        let text = decode(manifest)?;
        let document = parse(&text)?;
        let assembly = document.root_element();
        let has = |name: &str| assembly.descendants().any(|node| node.tag_name().name() == name);
        let mut edits = Vec::new();

        if let Some(level) = self.execution_level.filter(|_| !has("requestedExecutionLevel")) {
            let level = match level {
                ExecutionLevel::AsInvoker => "asInvoker",
                ExecutionLevel::HighestAvailable => "highestAvailable",
                ExecutionLevel::RequireAdministrator => "requireAdministrator",
            };
            let line = format!(
                "<requestedExecutionLevel xmlns=\"{ASM_V3}\" level=\"{level}\" uiAccess=\"false\"/>\n"
            );
            edits.push(insertion(assembly, &text, &PRIVILEGES, ASM_V3, &line));
        }
        let mut versions = String::new();
        let known: Vec<String> = supported(assembly).map(str::to_ascii_lowercase).collect();
        for version in &self.windows_versions {
            if !known.iter().any(|known| known == version.id()) {
                let _ =
                    writeln!(versions, "<supportedOS xmlns=\"{COMPATIBILITY}\" Id=\"{}\"/>", version.id());
            }
        }
        if !versions.is_empty() {
            edits.push(insertion(assembly, &text, &SUPPORTED, COMPATIBILITY, &versions));
        }
        let mut settings = String::new();
        let mut setting = |name: &str, year: u16, value: &str| {
            let space = format!("http://schemas.microsoft.com/SMI/{year}/WindowsSettings");
            let _ = writeln!(settings, "<{name} xmlns=\"{space}\">{value}</{name}>");
        };
        // The newer of the two lines wins, so neither is added to the other.
        if let Some(awareness) = self.dpi_awareness.filter(|_| !has("dpiAware") && !has("dpiAwareness")) {
            let (old, new) = match awareness {
                DpiAwareness::Unaware => ("false", "unaware"),
                DpiAwareness::System => ("true", "system"),
                DpiAwareness::PerMonitor => ("true/pm", "PerMonitor"),
                DpiAwareness::PerMonitorV2 => ("true/pm", "PerMonitorV2, PerMonitor"),
            };
            setting("dpiAware", 2005, old);
            setting("dpiAwareness", 2016, new);
        }
        if self.long_path_aware && !has("longPathAware") {
            setting("longPathAware", 2016, "true");
        }
        if self.utf8 && !has("activeCodePage") {
            setting("activeCodePage", 2019, "UTF-8");
        }
        if !settings.is_empty() {
            edits.push(insertion(assembly, &text, &SETTINGS, ASM_V3, &settings));
        }
        if self.common_controls && !asks_for_controls(assembly) {
            let line = format!(
                "<dependency xmlns=\"{ASM_V1}\">\n<dependentAssembly>\n<assemblyIdentity type=\"win32\" name=\"{CONTROLS}\" version=\"6.0.0.0\" \
                 processorArchitecture=\"*\" publicKeyToken=\"6595b64144ccf1df\" language=\"*\"/>\n</dependentAssembly>\n</dependency>\n"
            );
            edits.push(insertion(assembly, &text, &[], ASM_V1, &line));
        }
        if edits.is_empty() {
            return Ok(None);
        }
        Ok(Some(rewritten(&text, edits)))
    }
}

/// Text of a resource; Visual Studio writes UTF-8, and UTF-16 where it is asked to.
fn decode(manifest: &[u8]) -> Result<String, ApplicationManifestError> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| pair.first_chunk().map_or(0, |pair| unit(*pair)));
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .map_err(|_| ApplicationManifestError::Encoding)
    };
    let text = match manifest {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => {
            str::from_utf8(rest).map_err(|_| ApplicationManifestError::Encoding)?.to_owned()
        }
    };
    // Some tools fill a resource up with zeros.
    Ok(text.trim_end_matches('\0').to_owned())
}

fn parse(text: &str) -> Result<Document<'_>, ApplicationManifestError> {
    let document = Document::parse(text)
        .map_err(|error| ApplicationManifestError::Xml { message: error.to_string() })?;
    let root = document.root_element().tag_name().name();
    if root != "assembly" {
        return Err(ApplicationManifestError::Root { element: root.to_owned() });
    }
    Ok(document)
}

/// What stands in a manifest.
fn asked(assembly: Node<'_, '_>) -> ApplicationManifest {
    let text = |name: &str| {
        let node = assembly.descendants().find(|node| node.tag_name().name() == name)?;
        node.text().map(str::trim)
    };
    let is = |name: &str, value: &str| text(name).is_some_and(|found| found.eq_ignore_ascii_case(value));
    let level = assembly
        .descendants()
        .find(|node| node.tag_name().name() == "requestedExecutionLevel")
        .and_then(|node| node.attribute("level"));
    let dpi_awareness = match (text("dpiAwareness"), text("dpiAware")) {
        // The first that Windows knows counts.
        (Some(list), _) => list.split(',').find_map(|word| match word.trim().to_ascii_lowercase().as_str() {
            "unaware" => Some(DpiAwareness::Unaware),
            "system" => Some(DpiAwareness::System),
            "permonitor" => Some(DpiAwareness::PerMonitor),
            "permonitorv2" => Some(DpiAwareness::PerMonitorV2),
            _ => None,
        }),
        (None, Some(word)) => match word.to_ascii_lowercase().as_str() {
            "false" => Some(DpiAwareness::Unaware),
            "true" => Some(DpiAwareness::System),
            "true/pm" | "per monitor" => Some(DpiAwareness::PerMonitor),
            _ => None,
        },
        (None, None) => None,
    };
    ApplicationManifest {
        long_path_aware: is("longPathAware", "true"),
        utf8: is("activeCodePage", "UTF-8"),
        dpi_awareness,
        execution_level: match level {
            Some("asInvoker") => Some(ExecutionLevel::AsInvoker),
            Some("highestAvailable") => Some(ExecutionLevel::HighestAvailable),
            Some("requireAdministrator") => Some(ExecutionLevel::RequireAdministrator),
            _ => None,
        },
        windows_versions: WindowsVersion::ALL
            .into_iter()
            .filter(|version| supported(assembly).any(|id| id.eq_ignore_ascii_case(version.id())))
            .collect(),
        common_controls: asks_for_controls(assembly),
    }
}

/// The numbers of the versions of Windows in a manifest.
fn supported<'a>(assembly: Node<'a, '_>) -> impl Iterator<Item = &'a str> {
    let nodes = assembly.descendants().filter(|node| node.tag_name().name() == "supportedOS");
    nodes.filter_map(|node| node.attributes().find(|attribute| attribute.name() == "Id")).map(|id| id.value())
}

fn asks_for_controls(assembly: Node<'_, '_>) -> bool {
    assembly
        .descendants()
        .filter(|node| node.tag_name().name() == "assemblyIdentity")
        .any(|node| node.attribute("name").is_some_and(|name| name.eq_ignore_ascii_case(CONTROLS)))
}

/// A place in the text, and what is to stand there.
type Edit = (Range<usize>, String);

/// Puts lines at the end of the element that a path leads to, whose missing part is made.
fn insertion(assembly: Node<'_, '_>, text: &str, path: &[&str], space: &str, lines: &str) -> Edit {
    let mut node = assembly;
    let mut missing = path;
    while let Some((name, rest)) = missing.split_first() {
        let Some(child) = node.children().find(|child| child.tag_name().name() == *name) else { break };
        node = child;
        missing = rest;
    }
    let mut content = lines.to_owned();
    for (index, name) in missing.iter().enumerate().rev() {
        // Below an element with the name space, the lines need none of their own.
        content = content.replace(&format!(" xmlns=\"{space}\""), "");
        let declared = if index == 0 { format!(" xmlns=\"{space}\"") } else { String::new() };
        content = format!("<{name}{declared}>\n{content}</{name}>\n");
    }
    let range = node.range();
    let source = text.get(range.clone()).unwrap_or_default();
    if source.ends_with("/>") {
        let name: String = source
            .chars()
            .skip(1)
            .take_while(|letter| !letter.is_whitespace() && *letter != '/' && *letter != '>')
            .collect();
        return (range.end - 2..range.end, format!(">\n{content}</{name}>"));
    }
    let end = range.start + source.rfind("</").unwrap_or(source.len());
    (end..end, content)
}

/// The text with all edits, as UTF-8.
fn rewritten(text: &str, mut edits: Vec<Edit>) -> String {
    let mut output = text.to_owned();
    // From the back, so that places stay; several at one place stay in their order.
    edits.sort_by_key(|(range, _)| range.start);
    for (range, content) in edits.into_iter().rev() {
        output.replace_range(range, &content);
    }
    match output.split_once("?>") {
        Some((declaration, rest)) if declaration.starts_with("<?xml ") => {
            format!("{DECLARATION}{}", rest.trim_start())
        }
        _ => format!("{DECLARATION}{}", output.trim_start()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard() -> ApplicationManifest {
        ApplicationManifest { common_controls: true, ..ApplicationManifest::default() }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        for manifest in [ApplicationManifest::default(), standard()] {
            let text = manifest.write();
            assert_eq!(ApplicationManifest::read(text.as_bytes()).unwrap(), manifest);
            assert_eq!(manifest.fill(text.as_bytes()).unwrap(), None);
        }
        let bare = ApplicationManifest {
            long_path_aware: false,
            utf8: false,
            dpi_awareness: None,
            execution_level: None,
            windows_versions: vec![WindowsVersion::Windows10],
            common_controls: false,
        };
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
            <assembly xmlns=\"urn:schemas-microsoft-com:asm.v1\" manifestVersion=\"1.0\">\n\
            <compatibility xmlns=\"urn:schemas-microsoft-com:compatibility.v1\">\n<application>\n\
            <supportedOS Id=\"{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}\"/>\n\
            </application>\n</compatibility>\n</assembly>\n";
        assert_eq!(bare.write(), expected);
    }

    #[test]
    fn what_is_missing_is_put_where_it_belongs_and_nothing_else_is_touched() {
        let theirs = "<?xml version='1.0' encoding='utf-8'?>\r\n<!-- ours -->\r\n\
            <assembly xmlns='urn:schemas-microsoft-com:asm.v1' manifestVersion='1.0' xmlns:a='urn:schemas-microsoft-com:asm.v3'>\
            <compatibility xmlns='urn:schemas-microsoft-com:compatibility.v1'><application/></compatibility>\
            <a:application><a:windowsSettings>\
            <dpiAware xmlns='http://schemas.microsoft.com/SMI/2005/WindowsSettings'>false</dpiAware>\
            </a:windowsSettings></a:application></assembly>";
        let filled = standard().fill(theirs.as_bytes()).unwrap().unwrap();
        let space = "xmlns=\"http://schemas.microsoft.com/SMI";
        let expected = format!(
            "<a:windowsSettings>\
             <dpiAware xmlns='http://schemas.microsoft.com/SMI/2005/WindowsSettings'>false</dpiAware>\
             <longPathAware {space}/2016/WindowsSettings\">true</longPathAware>\n\
             <activeCodePage {space}/2019/WindowsSettings\">UTF-8</activeCodePage>\n</a:windowsSettings>"
        );
        assert!(filled.contains(&expected), "{filled}");
        assert!(
            filled.starts_with(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<!-- ours -->\r\n"
            )
        );
        let read = ApplicationManifest::read(filled.as_bytes()).unwrap();
        assert_eq!(read, ApplicationManifest { dpi_awareness: Some(DpiAwareness::Unaware), ..standard() });
        assert_eq!(standard().fill(filled.as_bytes()).unwrap(), None);
        // UTF-16, as the resource compiler stores what it was given.
        let wide: Vec<u8> =
            [0xfeff].into_iter().chain(theirs.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(standard().fill(&wide).unwrap(), Some(filled));
    }

    #[test]
    fn what_is_no_manifest_is_said() {
        let error = |bytes: &[u8]| standard().fill(bytes).unwrap_err().to_string();
        assert_eq!(error(b"\xff"), "read the application manifest: it is neither UTF-8 nor UTF-16");
        assert_eq!(
            error(b"<html/>"),
            "read the application manifest: its root is <html>, and has to be <assembly>"
        );
        assert_eq!(
            error(b"<assembly>"),
            "read the application manifest: the root node was opened but never closed"
        );
    }
}
