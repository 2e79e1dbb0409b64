//! Which files a package installs, and where: the tables `File`, `Component`, `Directory` and `Media` put together.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::msi::{Database, Table, Value};

/// A file that a package installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledFile {
    /// The key in the table `File`.
    pub key: String,
    /// Where it goes, with forward slashes and long names: below a folder that Windows knows, whose property comes first
    /// (`ProgramFiles64Folder/App/app.exe`), or else below `TARGETDIR`, which is left out.
    pub path: String,
    /// The key of its component.
    pub component: String,
    /// Of the table `File`.
    pub version: Option<String>,
    /// Of the table `File`: where it stands among the files of all cabinets.
    pub sequence: i32,
    /// The stream of its cabinet. `None` if it is not in the package.
    pub cabinet: Option<String>,
    /// In bytes.
    pub size: u64,
    /// Of its content; `None` where that was not asked for, or is not in the package.
    pub sha256: Option<[u8; 32]>,
}

/// Why the tables do not say where a file goes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathProblem {
    /// A column that is needed.
    #[error("table `{table}` has a row without a sensible `{column}`")]
    Value {
        /// Of the row.
        table: &'static str,
        /// Its name.
        column: &'static str,
    },
    /// A key that refers to nothing.
    #[error("`{from}` refers to `{key}`, which is not in the table `{table}`")]
    Reference {
        /// The key of the row that refers.
        from: String,
        /// What it refers to.
        key: String,
        /// Where that should be.
        table: &'static str,
    },
    /// A directory that is its own parent, some steps up.
    #[error("the directory `{directory}` lies in itself")]
    Circle {
        /// Its key.
        directory: String,
    },
}

fn text<'row>(
    table: &'row Table,
    name: &'static str,
    row: &'row [Value],
    column: &'static str,
) -> Result<&'row str, PathProblem> {
    table.value(row, column).and_then(Value::as_text).ok_or(PathProblem::Value { table: name, column })
}

fn integer(
    table: &Table,
    name: &'static str,
    row: &[Value],
    column: &'static str,
) -> Result<i32, PathProblem> {
    table.value(row, column).and_then(Value::as_integer).ok_or(PathProblem::Value { table: name, column })
}

/// The files, by their sequence.
pub(crate) fn installed(database: &Database) -> Result<Vec<InstalledFile>, PathProblem> {
    let Some(files) = database.table("File") else { return Ok(Vec::new()) };
    let mut component_directories = BTreeMap::new();
    for (table, row) in
        database.table("Component").iter().flat_map(|table| table.rows.iter().map(move |row| (table, row)))
    {
        let key = text(table, "Component", row, "Component")?;
        component_directories.insert(key, text(table, "Component", row, "Directory_")?);
    }
    let mut media = Vec::new();
    for (table, row) in
        database.table("Media").iter().flat_map(|table| table.rows.iter().map(move |row| (table, row)))
    {
        let last = integer(table, "Media", row, "LastSequence")?;
        let cabinet =
            table.value(row, "Cabinet").and_then(Value::as_text).and_then(|name| name.strip_prefix('#'));
        media.push((last, cabinet));
    }
    media.sort_unstable();
    let mut directories = Directories::of(database)?;

    let mut installed = Vec::with_capacity(files.rows.len());
    for row in &files.rows {
        let key = text(files, "File", row, "File")?;
        let component = text(files, "File", row, "Component_")?;
        let directory = component_directories.get(component).ok_or_else(|| PathProblem::Reference {
            from: key.to_owned(),
            key: component.to_owned(),
            table: "Component",
        })?;
        let name = long_name(text(files, "File", row, "FileName")?);
        let below = directories.path(directory, key)?;
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let sequence = integer(files, "File", row, "Sequence")?;
        let cabinet =
            media.get(media.partition_point(|(last, _)| *last < sequence)).and_then(|(_, name)| *name);
        let size = integer(files, "File", row, "FileSize")?;
        let size =
            u64::try_from(size).map_err(|_| PathProblem::Value { table: "File", column: "FileSize" })?;
        installed.push(InstalledFile {
            key: key.to_owned(),
            path,
            component: component.to_owned(),
            version: files.value(row, "Version").and_then(Value::as_text).map(str::to_owned),
            sequence,
            cabinet: cabinet.map(str::to_owned),
            size,
            sha256: None,
        });
    }
    installed.sort_by(|left, right| (left.sequence, &left.key).cmp(&(right.sequence, &right.key)));
    Ok(installed)
}

/// `SHORT~1.TXT|A long name.txt`, or one name for both.
fn long_name(name: &str) -> &str {
    name.split_once('|').map_or(name, |(_, long)| long)
}

/// The table `Directory`, and the paths that are known already.
struct Directories<'a> {
    rows: BTreeMap<&'a str, (Option<&'a str>, &'a str)>,
    paths: BTreeMap<&'a str, String>,
}

impl<'a> Directories<'a> {
    fn of(database: &'a Database) -> Result<Self, PathProblem> {
        let mut rows = BTreeMap::new();
        for (table, row) in database
            .table("Directory")
            .iter()
            .flat_map(|table| table.rows.iter().map(move |row| (*table, row)))
        {
            let key = text(table, "Directory", row, "Directory")?;
            let parent = table.value(row, "Directory_Parent").and_then(Value::as_text);
            rows.insert(
                key,
                (parent.filter(|parent| *parent != key), text(table, "Directory", row, "DefaultDir")?),
            );
        }
        Ok(Directories { rows, paths: BTreeMap::new() })
    }

    /// How deep directories are looked for: more than any path of Windows has.
    const DEEPEST: usize = 1000;

    fn path(&mut self, directory: &'a str, from: &str) -> Result<&str, PathProblem> {
        let mut way = Vec::new();
        let mut key = directory;
        let mut path = loop {
            if let Some(known) = self.paths.get(key) {
                break known.clone();
            }
            let missing =
                || PathProblem::Reference { from: from.to_owned(), key: key.to_owned(), table: "Directory" };
            let &(parent, default) = self.rows.get(key).ok_or_else(missing)?;
            if way.len() > Self::DEEPEST {
                return Err(PathProblem::Circle { directory: directory.to_owned() });
            }
            way.push((key, default));
            match parent {
                Some(parent) if !is_known_folder(key) => key = parent,
                _ => break String::new(),
            }
        };
        for (key, default) in way.into_iter().rev() {
            // The target comes before the colon, the source behind it; a dot is the parent itself.
            let name = long_name(default.split(':').next().unwrap_or(default));
            let name = match key {
                "TARGETDIR" => ".",
                key if is_known_folder(key) => key,
                _ => name,
            };
            if name != "." {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(name);
            }
            self.paths.insert(key, path.clone());
        }
        self.paths
            .get(directory)
            .map(String::as_str)
            .ok_or_else(|| PathProblem::Circle { directory: directory.to_owned() })
    }
}

/// Properties that Windows Installer sets to folders of the system ("System Folder Properties" of the SDK).
fn is_known_folder(key: &str) -> bool {
    const KNOWN: [&str; 25] = [
        "AdminToolsFolder",
        "AppDataFolder",
        "CommonAppDataFolder",
        "CommonFiles64Folder",
        "CommonFilesFolder",
        "DesktopFolder",
        "FavoritesFolder",
        "FontsFolder",
        "LocalAppDataFolder",
        "MyPicturesFolder",
        "NetHoodFolder",
        "PersonalFolder",
        "PrintHoodFolder",
        "ProgramFiles64Folder",
        "ProgramFilesFolder",
        "ProgramMenuFolder",
        "RecentFolder",
        "SendToFolder",
        "StartMenuFolder",
        "StartupFolder",
        "System64Folder",
        "SystemFolder",
        "TempFolder",
        "TemplateFolder",
        "WindowsFolder",
    ];
    KNOWN.binary_search(&key).is_ok()
}
