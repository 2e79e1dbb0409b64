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
    /// The paths of all files and directories have more than 256 MiB together.
    #[error("the paths of its files are longer than 256 MiB together")]
    Large,
}

/// How many bytes all paths may have together.
const MOST_MEMORY: usize = 256 << 20;

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

/// The files that a database installs, by their sequence, without the digests of their content.
///
/// # Errors
/// If the tables do not say where a file goes.
pub fn installed_files(database: &Database) -> Result<Vec<InstalledFile>, PathProblem> {
    installed(database)
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
        directories.spend(path.len())?;
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
    /// What is left of the memory.
    memory: usize,
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
        Ok(Directories { rows, paths: BTreeMap::new(), memory: MOST_MEMORY })
    }

    fn spend(&mut self, bytes: usize) -> Result<(), PathProblem> {
        self.memory = self.memory.checked_sub(bytes).ok_or(PathProblem::Large)?;
        Ok(())
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
            self.spend(path.len())?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msi::Column;

    /// Of directories `(key, parent, default)`, with a component and a file in each.
    fn database(directories: &[(&str, &str, &str)]) -> Database {
        let text = |name: &str| Column::text(name, 0).nullable();
        let optional = |text: &str| if text.is_empty() { Value::Null } else { Value::from(text) };
        let columns = |names: &[&str]| names.iter().map(|name| text(name)).collect::<Vec<Column>>();
        let mut directory =
            Table::new("Directory", columns(&["Directory", "Directory_Parent", "DefaultDir"]));
        let mut component = Table::new("Component", columns(&["Component", "Directory_"]));
        let mut file =
            Table::new("File", columns(&["File", "Component_", "FileName", "FileSize", "Sequence"]));
        for ((key, parent, default), sequence) in directories.iter().zip(1..) {
            directory.rows.push(vec![Value::from(*key), optional(parent), Value::from(*default)]);
            component.rows.push(vec![Value::from(*key), Value::from(*key)]);
            let name = Value::from("FILE~1.TXT|file.text");
            file.rows.push(vec![Value::from(*key), Value::from(*key), name, 0.into(), sequence.into()]);
        }
        Database { tables: vec![directory, component, file], ..Database::default() }
    }

    #[test]
    fn paths_begin_where_windows_knows_a_folder() {
        let database = database(&[
            ("TARGETDIR", "", "SourceDir"),
            ("ProgramFiles64Folder", "TARGETDIR", "PFiles"),
            ("App", "ProgramFiles64Folder", "APP~1|The App:source"),
            ("Same", "App", ".:docs"),
            ("Deep", "Same", "größe"),
            ("Loose", "TARGETDIR", "loose"),
            ("Root", "Root", "SourceDir"),
        ]);
        let paths: Vec<String> = installed(&database).unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(
            paths,
            [
                "file.text",
                "ProgramFiles64Folder/file.text",
                "ProgramFiles64Folder/The App/file.text",
                "ProgramFiles64Folder/The App/file.text",
                "ProgramFiles64Folder/The App/größe/file.text",
                "loose/file.text",
                "SourceDir/file.text",
            ]
        );
    }

    #[test]
    fn directories_that_lead_nowhere_are_errors() {
        let error =
            |directories: &[(&str, &str, &str)]| installed(&database(directories)).unwrap_err().to_string();
        assert_eq!(error(&[("A", "B", "a"), ("B", "A", "b")]), "the directory `A` lies in itself");
        assert_eq!(error(&[("A", "B", "a")]), "`A` refers to `B`, which is not in the table `Directory`");
        let mut headless = database(&[("A", "", "a")]);
        headless.tables.retain(|table| table.name != "Component");
        assert_eq!(
            installed(&headless).unwrap_err().to_string(),
            "`A` refers to `A`, which is not in the table `Component`"
        );
        // Every directory has the name of the one above in its path.
        let long = "x".repeat(1 << 20);
        let keys: Vec<String> = (0..40).map(|index| format!("D{index}")).collect();
        let mut deep = vec![(keys[0].as_str(), "", long.as_str())];
        deep.extend(keys.windows(2).map(|pair| (pair[1].as_str(), pair[0].as_str(), long.as_str())));
        assert_eq!(error(&deep), "the paths of its files are longer than 256 MiB together");
    }
}
