//! Which packages of Debian a program needs: from the libraries and symbol versions of its ELF files to a line of `Depends`.
//!
//! It is what dpkg-shlibdeps does, with two sources. One is a table of common libraries, `libraries.symbols` beside this file, which is part of the
//! program. The other is what dpkg knows on the machine, given as text: the files `*.symbols` (deb-symbols(5)) and `*.shlibs` (deb-shlibs(5)) under
//! `/var/lib/dpkg/info`. What is known locally wins; the packages' other names are still taken from the table.
//!
//! # The table
//!
//! It has the format of deb-symbols(5) with two extensions: a dependency may have alternatives, and `*@VERSION` stands for every symbol of a version
//! that is not listed itself (`*@Base` for those without a version). It was made from the libraries of Debian 11, 12 and 13. Where a package
//! was renamed for 64-bit times, both names are alternatives, the newer one first. The oldest minimum of the three releases holds. Symbols
//! that Debian 11 has already are not listed (those of libraries with versions fall under their version, the others need no certain version of the
//! package), so that the table stays small; no supported release is older.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use thiserror::Error;

use super::relation::Operator;
use super::{Relations, Version};
use crate::linkage::ElfNeeds;

/// An ELF file of the package.
#[derive(Debug, Clone, Copy)]
pub struct Binary<'a> {
    /// Where it stands in the package, for messages; what is behind the last slash counts as the name of a library.
    pub path: &'a str,
    /// What it needs.
    pub needs: &'a ElfNeeds,
}

/// What is known of libraries.
#[derive(Debug, Clone, Default)]
pub struct Database {
    /// By soname, from `*.symbols`.
    symbols: BTreeMap<String, Library>,
    /// The dependency, by soname in the two forms that shared libraries of a name and a version have; from `*.shlibs`.
    shlibs: BTreeMap<String, String>,
}

/// A library or version of one that cannot be traced to a package. The text names the ways to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnknownLibrary {
    /// The library is nowhere.
    #[error(
        "tell which Debian package has the library `{library}`, which `{binary}` needs; put the library into the package, install its Debian \
         package on this machine so that dpkg knows it, or name what is needed in `depends` in place of `$auto`"
    )]
    Library {
        /// Its soname.
        library: String,
        /// The path of the file that needs it.
        binary: String,
    },
    /// The library is known, and what is needed of it is newer, or from elsewhere.
    #[error(
        "tell which version of `{package}` has the symbol version `{version}` of the library `{library}`, which `{binary}` needs; link with the \
         library of a Debian release, install its Debian package on this machine so that dpkg knows it, or name what is needed in `depends` in \
         place of `$auto`"
    )]
    Version {
        /// The soname of the library.
        library: String,
        /// As the library's own source calls it, such as `OPENSSL_3.0.0`.
        version: String,
        /// The packages that have the library.
        package: String,
        /// The path of the file that needs it.
        binary: String,
    },
}

/// A text of dpkg that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("read what dpkg knows of libraries: line {line}: {problem}")]
pub struct DatabaseError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// One library of a symbols file.
#[derive(Debug, Clone, Default)]
struct Library {
    /// Dependencies with [`MINIMUM`] in them: the usual one, and others that few symbols use.
    templates: Vec<String>,
    versions: BTreeMap<String, SymbolVersion>,
    /// Of the first template.
    smallest: Option<Minimum>,
}

/// A version that a library defines, or `Base`.
#[derive(Debug, Clone, Default)]
struct SymbolVersion {
    others: Option<Minimum>,
    symbols: BTreeMap<String, Minimum>,
}

/// What a symbol needs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Minimum {
    /// The place of the template.
    template: usize,
    /// None where every version will do. It comes before all others.
    version: Option<Version>,
}

/// What a template has where the version is to stand.
const MINIMUM: &str = "#MINVER#";

/// The version of symbols that have none.
const BASE: &str = "Base";

static TABLE: LazyLock<BTreeMap<String, Library>> =
    LazyLock::new(|| read_symbols(include_str!("libraries.symbols")).unwrap_or_default());

impl Database {
    /// The table alone.
    pub fn new() -> Self {
        Database::default()
    }

    /// Adds a `*.symbols` file of dpkg's. It must be one of the architecture that the binaries are for. Of two files that know the same library, the
    /// first one holds.
    pub fn add_symbols(&mut self, text: &str) -> Result<(), DatabaseError> {
        for (soname, library) in read_symbols(text)? {
            self.symbols.entry(soname).or_insert(library);
        }
        Ok(())
    }

    /// Adds a `*.shlibs` file of dpkg's, or one that somebody wrote by hand. It is asked only for libraries that no symbols file knows.
    pub fn add_shlibs(&mut self, text: &str) -> Result<(), DatabaseError> {
        for (index, line) in text.lines().enumerate() {
            let line_is = |problem: String| DatabaseError { line: index + 1, problem };
            let mut fields = line.split_whitespace();
            let Some(first) = fields.next().filter(|first| !first.starts_with('#')) else { continue };
            let name = match first.strip_suffix(':') {
                None => Some(first),
                Some("deb") => fields.next(),
                // For the installer's packages.
                Some(_) => continue,
            };
            let (Some(name), Some(version)) = (name, fields.next()) else {
                return Err(line_is("a library, its version and a dependency should stand there".to_owned()));
            };
            let dependency = fields.collect::<Vec<_>>().join(" ");
            check_template(&dependency).map_err(line_is)?;
            for soname in [format!("{name}.so.{version}"), format!("{name}-{version}.so")] {
                self.shlibs.entry(soname).or_insert_with(|| dependency.clone());
            }
        }
        Ok(())
    }

    /// The packages that some binaries need, sorted by their names; each only once, with the highest version of it that is needed.
    ///
    /// Libraries that are among the binaries themselves need no package. Symbol versions that are needed weakly do not count: the program starts without
    /// them. All that is unknown is told at once.
    pub fn dependencies(&self, binaries: &[Binary<'_>]) -> Result<Relations, Vec<UnknownLibrary>> {
        let file_names = binaries.iter().map(|binary| binary.path.rsplit('/').next().unwrap_or_default());
        let own_names = binaries.iter().filter_map(|binary| binary.needs.own_name.as_deref());
        let own: BTreeSet<&str> = file_names.chain(own_names).collect();
        let mut needed: BTreeMap<String, Option<Version>> = BTreeMap::new();
        let mut unknown = Vec::new();
        for binary in binaries {
            for soname in binary.needs.needed.iter().filter(|soname| !own.contains(soname.as_str())) {
                let found = match self.library(soname) {
                    Some(found) => found,
                    None => {
                        let (library, binary) = (soname.clone(), binary.path.to_owned());
                        let problem = UnknownLibrary::Library { library, binary };
                        if !unknown.contains(&problem) {
                            unknown.push(problem);
                        }
                        continue;
                    }
                };
                let (minima, missing) = found.minima(binary.needs, soname);
                for Minimum { template, version } in minima {
                    let highest = needed.entry(found.template(template)).or_default();
                    *highest = version.max(highest.take());
                }
                for version in missing {
                    let package = packages(&found.template(0)).join("` or `");
                    let (library, binary) = (soname.clone(), binary.path.to_owned());
                    unknown.push(UnknownLibrary::Version { library, version, package, binary });
                }
            }
        }
        if unknown.is_empty() { Ok(relations(&needed)) } else { Err(unknown) }
    }

    fn library(&self, soname: &str) -> Option<Found<'_>> {
        let table = TABLE.get(soname);
        let local = self.symbols.get(soname);
        let shlibs = self.shlibs.get(soname);
        let main = match (local, shlibs, table) {
            (Some(local), _, _) => local.templates.first()?,
            (None, Some(dependency), _) => dependency,
            (None, None, Some(table)) => table.templates.first()?,
            (None, None, None) => return None,
        };
        let main = with_other_names(main, table);
        Some(Found { main, local, shlibs: shlibs.is_some() && local.is_none(), table })
    }
}

/// A library, from wherever it is known.
struct Found<'a> {
    /// The usual dependency.
    main: String,
    local: Option<&'a Library>,
    /// The dependency is that of a shlibs file, which has no symbols.
    shlibs: bool,
    table: Option<&'a Library>,
}

impl Found<'_> {
    fn template(&self, place: usize) -> String {
        let other = self.local.or(self.table).filter(|_| place > 0);
        other.and_then(|library| library.templates.get(place)).unwrap_or(&self.main).clone()
    }

    /// All that a binary needs of the library, and the symbol versions that nothing is known of.
    fn minima(&self, needs: &ElfNeeds, soname: &str) -> (Vec<Minimum>, Vec<String>) {
        let whole = vec![Minimum { template: 0, version: None }];
        let primary =
            self.local.or(self.table).filter(|library| !self.shlibs && !library.versions.is_empty());
        let Some(primary) = primary else { return (whole, Vec::new()) };
        let secondary = self.local.and(self.table);
        let mut minima: Vec<Minimum> = primary.smallest.clone().into_iter().collect();
        let mut missing = Vec::new();
        for (place, need) in needs.versions.iter().enumerate() {
            if need.library != soname || need.weak {
                continue;
            }
            let symbols = needs.symbols.iter().filter(|symbol| symbol.version == Some(place));
            let names: Vec<&str> = symbols.map(|symbol| symbol.name.as_str()).collect();
            let from_table = || {
                let mut minima = secondary?.of_version(&need.version, &names)?;
                minima.iter_mut().for_each(|minimum| minimum.template = 0);
                Some(minima)
            };
            let by_name = || Some(vec![primary.by_name(&need.version)?]);
            match primary.of_version(&need.version, &names).or_else(from_table).or_else(by_name) {
                Some(found) => minima.extend(found),
                None => missing.push(need.version.clone()),
            }
        }
        if let Some(base) = primary.versions.get(BASE) {
            let symbols = needs.symbols.iter().filter(|symbol| symbol.version.is_none());
            minima.extend(symbols.filter_map(|symbol| base.symbols.get(&symbol.name)).cloned());
        }
        (minima, missing)
    }
}

impl Library {
    /// What some symbols of a version need; with no symbols, what the version itself needs.
    fn of_version(&self, name: &str, symbols: &[&str]) -> Option<Vec<Minimum>> {
        let version = self.versions.get(name)?;
        // Linkers make a symbol of the name of each version.
        let itself = version.symbols.get(name).or(version.others.as_ref());
        let highest = || version.symbols.values().max_by(|left, right| left.version.cmp(&right.version));
        let otherwise = itself.or_else(highest)?;
        if symbols.is_empty() {
            return Some(vec![otherwise.clone()]);
        }
        Some(symbols.iter().map(|name| version.symbols.get(*name).unwrap_or(otherwise).clone()).collect())
    }

    /// For a version that is not known: the number in its name, if that is how the other versions of the library go, as `GLIBC_2.34` is in 2.34.
    fn by_name(&self, name: &str) -> Option<Minimum> {
        let (prefix, number) = numbered(name)?;
        let minimum = Minimum { template: 0, version: Some(number) };
        let alike = self.versions.iter().any(|(other, known)| {
            let itself = known.others.as_ref().or_else(|| known.symbols.get(other));
            let same_prefix = numbered(other).filter(|(other, _)| *other == prefix);
            same_prefix.is_some_and(|(_, number)| itself.is_some_and(|it| it.version == Some(number)))
        });
        alike.then_some(minimum)
    }
}

/// A version's name, divided before its number.
fn numbered(name: &str) -> Option<(&str, Version)> {
    let (prefix, number) = name.rsplit_once('_')?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    Some((prefix, number.parse().ok().filter(|_| plain)?))
}

fn read_symbols(text: &str) -> Result<BTreeMap<String, Library>, DatabaseError> {
    let mut libraries: BTreeMap<String, Library> = BTreeMap::new();
    let mut current: Option<(String, Library)> = None;
    for (index, line) in text.lines().enumerate() {
        let line_is = |problem: &str| DatabaseError { line: index + 1, problem: problem.to_owned() };
        let outside = || line_is("it belongs to a library, and there is none before it");
        match line.bytes().next() {
            None | Some(b'#' | b'*') => {}
            Some(b'|') => {
                let (_, library) = current.as_mut().ok_or_else(outside)?;
                let template = line[1..].trim();
                check_template(template).map_err(|problem| line_is(&problem))?;
                library.templates.push(template.to_owned());
            }
            Some(b' ') => {
                let (_, library) = current.as_mut().ok_or_else(outside)?;
                library.add(line).map_err(|problem| line_is(&problem))?;
            }
            Some(_) => {
                let (soname, template) = line.split_once(char::is_whitespace).ok_or_else(|| {
                    line_is("a library and a dependency should stand there, with a space between them")
                })?;
                check_template(template.trim()).map_err(|problem| line_is(&problem))?;
                if let Some((soname, library)) = current.take() {
                    libraries.entry(soname).or_insert(library);
                }
                let templates = vec![template.trim().to_owned()];
                current = Some((soname.to_owned(), Library { templates, ..Library::default() }));
            }
        }
    }
    if let Some((soname, library)) = current.take() {
        libraries.entry(soname).or_insert(library);
    }
    Ok(libraries)
}

impl Library {
    /// ` symbol@version minimum [template]`
    fn add(&mut self, line: &str) -> Result<(), String> {
        let mut fields = line.split_whitespace();
        let (Some(symbol), Some(minimum)) = (fields.next(), fields.next()) else {
            return Err("a symbol and a version should stand there".to_owned());
        };
        let template = fields.next().map_or(Ok(0), str::parse).map_err(|_| "the template has no number")?;
        if template >= self.templates.len() {
            return Err(format!("there is no template {template}"));
        }
        let (name, version) =
            symbol.rsplit_once('@').ok_or("the symbol has no version, nor `@Base`".to_owned())?;
        let minimum = match minimum {
            "0" => None,
            minimum => Some(minimum.parse::<Version>().map_err(|error| error.to_string())?),
        };
        let minimum = Minimum { template, version: minimum };
        if template == 0 && self.smallest.as_ref().is_none_or(|other| minimum.version < other.version) {
            self.smallest = Some(minimum.clone());
        }
        let version = self.versions.entry(version.to_owned()).or_default();
        match name {
            "*" => version.others = Some(minimum),
            name => _ = version.symbols.insert(name.to_owned(), minimum),
        }
        Ok(())
    }
}

fn check_template(template: &str) -> Result<(), String> {
    template.replace(MINIMUM, "").parse::<Relations>().map(|_| ()).map_err(|error| error.to_string())
}

/// The names of the packages in a template.
fn packages(template: &str) -> Vec<&str> {
    let words = template.split([',', '|']).filter_map(|relation| relation.split_whitespace().next());
    words.collect()
}

/// A local dependency on one package, with the alternatives of the table if that is among them.
fn with_other_names(template: &str, table: Option<&Library>) -> String {
    let known = table.and_then(|library| library.templates.first()).map(|known| packages(known));
    let here = packages(template);
    match known {
        Some(known) if here.len() == 1 && known.len() > 1 && known.contains(&here[0]) => {
            let rest = template[here[0].len()..].trim();
            let relation = |name: &&str| format!("{name} {rest}").trim_end().to_owned();
            known.iter().map(relation).collect::<Vec<_>>().join(" | ")
        }
        _ => template.to_owned(),
    }
}

/// One line from templates and the versions they need.
fn relations(needed: &BTreeMap<String, Option<Version>>) -> Relations {
    let mut groups: BTreeMap<String, Vec<super::relation::Relation>> = BTreeMap::new();
    for (template, version) in needed {
        let version = version.as_ref().map(|version| format!("(>= {version})")).unwrap_or_default();
        // Templates have been checked without a version.
        let Ok(relations) = template.replace(MINIMUM, &version).parse::<Relations>() else { continue };
        for group in relations.0 {
            let simple = group.iter().all(|relation| {
                relation.version.as_ref().is_none_or(|(operator, _)| *operator == Operator::LaterOrEqual)
            });
            let names: Vec<&str> = group.iter().map(|relation| relation.package.as_str()).collect();
            let key = if simple { names.join(" | ") } else { Relations(vec![group.clone()]).to_string() };
            let versions = |group: &[super::relation::Relation]| -> Vec<Option<Version>> {
                group.iter().map(|relation| relation.version.clone().map(|(_, version)| version)).collect()
            };
            match groups.get(&key) {
                Some(other) if versions(other) >= versions(&group) => {}
                _ => _ = groups.insert(key, group),
            }
        }
    }
    Relations(groups.into_values().collect())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::linkage::{Machine, SymbolNeed, VersionNeed, elf_needs};

    fn needs(
        libraries: &[&str],
        versions: &[(&str, &str, bool)],
        symbols: &[(&str, Option<usize>)],
    ) -> ElfNeeds {
        ElfNeeds {
            machine: Machine::X86_64,
            wide: true,
            own_name: None,
            needed: libraries.iter().map(|name| (*name).to_owned()).collect(),
            versions: versions
                .iter()
                .map(|(library, version, weak)| VersionNeed {
                    library: (*library).to_owned(),
                    version: (*version).to_owned(),
                    weak: *weak,
                })
                .collect(),
            symbols: symbols
                .iter()
                .map(|(name, version)| SymbolNeed {
                    name: (*name).to_owned(),
                    version: *version,
                    weak: false,
                })
                .collect(),
            definitions: Vec::new(),
            position_independent: true,
            gnu_hash: true,
            system_v_hash: false,
            debugger_slot: true,
        }
    }

    fn line(database: &Database, needs: &ElfNeeds) -> String {
        let found = database.dependencies(&[Binary { path: "usr/bin/app", needs }]);
        found.map_or_else(|problems| problems[0].to_string(), |relations| relations.to_string())
    }

    #[test]
    fn the_table_is_read_and_knows_the_common_libraries() {
        let table = read_symbols(include_str!("libraries.symbols")).unwrap();
        for (soname, dependency) in [
            ("libc.so.6", "libc6 #MINVER#"),
            ("libm.so.6", "libc6 #MINVER#"),
            ("libpthread.so.0", "libc6 #MINVER#"),
            ("ld-linux-aarch64.so.1", "libc6 #MINVER#"),
            ("libgcc_s.so.1", "libgcc-s1 #MINVER#"),
            ("libstdc++.so.6", "libstdc++6 #MINVER#"),
            ("libz.so.1", "zlib1g #MINVER#"),
            ("libssl.so.3", "libssl3t64 #MINVER# | libssl3 #MINVER#"),
            ("libcrypto.so.3", "libssl3t64 #MINVER# | libssl3 #MINVER#"),
            ("libssl.so.1.1", "libssl1.1 #MINVER#"),
            ("libdbus-1.so.3", "libdbus-1-3 #MINVER#"),
            ("libudev.so.1", "libudev1 #MINVER#"),
            ("libsystemd.so.0", "libsystemd0 #MINVER#"),
            ("libasound.so.2", "libasound2t64 #MINVER# | libasound2 #MINVER#"),
            ("libgtk-3.so.0", "libgtk-3-0t64 #MINVER# | libgtk-3-0 #MINVER#"),
            ("libwebkit2gtk-4.1.so.0", "libwebkit2gtk-4.1-0 #MINVER#"),
            ("libgio-2.0.so.0", "libglib2.0-0t64 #MINVER# | libglib2.0-0 #MINVER#"),
            ("libX11.so.6", "libx11-6 #MINVER#"),
            ("libxcb.so.1", "libxcb1 #MINVER#"),
            ("libwayland-client.so.0", "libwayland-client0 #MINVER#"),
            ("libfontconfig.so.1", "libfontconfig1 #MINVER#"),
            ("libfreetype.so.6", "libfreetype6 #MINVER#"),
            ("libsqlite3.so.0", "libsqlite3-0 #MINVER#"),
            ("libpq.so.5", "libpq5 #MINVER#"),
            ("libcurl.so.4", "libcurl4t64 #MINVER# | libcurl4 #MINVER#"),
            ("liblzma.so.5", "liblzma5 #MINVER#"),
            ("libzstd.so.1", "libzstd1 (>= 1.4.0)"),
            ("libbz2.so.1.0", "libbz2-1.0"),
            ("libGL.so.1", "libgl1 #MINVER#"),
            ("libvulkan.so.1", "libvulkan1 #MINVER#"),
            ("libusb-1.0.so.0", "libusb-1.0-0 #MINVER#"),
            ("libpcap.so.0.8", "libpcap0.8t64 #MINVER# | libpcap0.8 #MINVER#"),
        ] {
            assert_eq!(
                table.get(soname).map(|library| library.templates[0].as_str()),
                Some(dependency),
                "{soname}"
            );
        }
    }

    #[test]
    fn the_highest_version_of_each_package_is_asked_for() {
        let program = needs(
            &["libssl.so.3", "libgcc_s.so.1", "libm.so.6", "libc.so.6", "libbz2.so.1.0"],
            &[
                ("libc.so.6", "GLIBC_2.2.5", false),
                ("libc.so.6", "GLIBC_2.17", false),
                ("libc.so.6", "GLIBC_2.38", true),
                ("libm.so.6", "GLIBC_2.29", false),
                ("libgcc_s.so.1", "GCC_3.0", false),
                ("libgcc_s.so.1", "GCC_4.2.0", false),
                ("libssl.so.3", "OPENSSL_3.0.0", false),
            ],
            &[("puts", Some(0)), ("clock_gettime", Some(1)), ("strlcpy", Some(2)), ("pow", Some(3))],
        );
        assert_eq!(
            line(&Database::new(), &program),
            "libbz2-1.0, libc6 (>= 2.29), libgcc-s1 (>= 4.2), libssl3t64 (>= 3.0.0) | libssl3 (>= 3.0.0)"
        );
    }

    #[test]
    fn symbols_without_a_version_count_where_they_came_later_than_debian_11() {
        let old = needs(&["libglib-2.0.so.0"], &[], &[("g_free", None)]);
        assert_eq!(line(&Database::new(), &old), "libglib2.0-0t64 | libglib2.0-0");
        let new = needs(&["libglib-2.0.so.0"], &[], &[("g_free", None), ("g_string_free_and_steal", None)]);
        assert_eq!(line(&Database::new(), &new), "libglib2.0-0t64 (>= 2.76.0) | libglib2.0-0 (>= 2.76.0)");
        // The same name in a library that is not needed says nothing.
        let other = needs(&["libz.so.1"], &[], &[("g_string_free_and_steal", None)]);
        assert_eq!(line(&Database::new(), &other), "zlib1g");
    }

    #[test]
    fn a_glibc_newer_than_the_table_has_its_version_in_its_name() {
        let program = needs(&["libc.so.6"], &[("libc.so.6", "GLIBC_2.99", false)], &[]);
        assert_eq!(line(&Database::new(), &program), "libc6 (>= 2.99)");
        let private = needs(&["libc.so.6"], &[("libc.so.6", "GLIBC_PRIVATE", false)], &[]);
        assert_eq!(
            line(&Database::new(), &private),
            "tell which version of `libc6` has the symbol version `GLIBC_PRIVATE` of the library `libc.so.6`, which `usr/bin/app` needs; link \
             with the library of a Debian release, install its Debian package on this machine so that dpkg knows it, or name what is needed \
             in `depends` in place of `$auto`"
        );
    }

    #[test]
    fn unknown_libraries_are_told_all_at_once() {
        let program = needs(&["libfrob.so.7", "libc.so.6", "libother.so.1"], &[], &[]);
        let problems = Database::new().dependencies(&[Binary { path: "usr/bin/app", needs: &program }]);
        let texts: Vec<String> = problems.unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts[0],
            "tell which Debian package has the library `libfrob.so.7`, which `usr/bin/app` needs; put the library into the package, install its \
             Debian package on this machine so that dpkg knows it, or name what is needed in `depends` in place of `$auto`"
        );
        assert_eq!(texts.len(), 2);
    }

    #[test]
    fn libraries_of_the_package_itself_need_no_other() {
        let program = needs(&["libfrob.so.7", "libplain.so"], &[], &[]);
        let library =
            ElfNeeds { own_name: Some("libfrob.so.7".to_owned()), ..needs(&["libc.so.6"], &[], &[]) };
        let plain = needs(&[], &[], &[]);
        let all = [
            Binary { path: "usr/bin/app", needs: &program },
            Binary { path: "usr/lib/app/libfrob.so.7.1", needs: &library },
            Binary { path: "usr/lib/app/libplain.so", needs: &plain },
        ];
        assert_eq!(Database::new().dependencies(&all).unwrap().to_string(), "libc6 (>= 2.2.5)");
    }

    #[test]
    fn what_dpkg_knows_wins_and_the_other_names_stay() {
        let mut database = Database::new();
        database
            .add_symbols(
                "libssl.so.3 libssl3 #MINVER#\n* Build-Depends-Package: libssl-dev\n OPENSSL_3.0.0@OPENSSL_3.0.0 3.0.0\n \
                 SSL_new@OPENSSL_3.0.0 3.0.7\nlibfrob.so.7 libfrob7 #MINVER#\n| libfrob7 (>> 7.1), libfrob7 (<< 7.2)\n frob@Base \
                 7.0\n _frob@Base 0 1\n",
            )
            .unwrap();
        database
            .add_shlibs("# by hand\nlibcrypto 3 libssl3 (>= 3.0.1)\nudeb: libbar 2 bar-udeb\nlibbar 2 bar2\n")
            .unwrap();
        let program = needs(
            &["libssl.so.3", "libcrypto.so.3", "libfrob.so.7", "libbar.so.2"],
            &[("libssl.so.3", "OPENSSL_3.0.0", false)],
            &[("SSL_new", Some(0)), ("frob", None)],
        );
        assert_eq!(
            line(&database, &program),
            "bar2, libfrob7 (>= 7.0), libssl3t64 (>= 3.0.7) | libssl3 (>= 3.0.7)"
        );
        let private = needs(&["libfrob.so.7"], &[], &[("_frob", None)]);
        assert_eq!(line(&database, &private), "libfrob7 (>= 7.0), libfrob7 (<< 7.2), libfrob7 (>> 7.1)");
    }

    #[test]
    fn texts_that_are_not_dpkgs_are_refused() {
        for (text, expected) in [
            (" symbol@Base 1\n", "line 1: it belongs to a library, and there is none before it"),
            (
                "libx.so.1\n",
                "line 1: a library and a dependency should stand there, with a space between them",
            ),
            ("libx.so.1 libx1 #MINVER#\n symbol\n", "line 2: a symbol and a version should stand there"),
            ("libx.so.1 libx1 #MINVER#\n symbol 1\n", "line 2: the symbol has no version, nor `@Base`"),
            ("libx.so.1 libx1 #MINVER#\n symbol@Base 1 1\n", "line 2: there is no template 1"),
            ("libx.so.1 libx1 (>= \n", "line 1: `libx1 (>=`: the `(` is not closed"),
        ] {
            let error = Database::new().add_symbols(text).unwrap_err().to_string();
            assert_eq!(error, format!("read what dpkg knows of libraries: {expected}"), "{text:?}");
        }
        let error = Database::new().add_shlibs("libx\n").unwrap_err().to_string();
        assert_eq!(
            error,
            "read what dpkg knows of libraries: line 1: a library, its version and a dependency should stand there"
        );
    }

    /// The dependencies of `Depends` and of dpkg-shlibdeps, each a set of alternatives.
    fn groups(line: &str) -> Vec<Vec<String>> {
        let mut groups: Vec<Vec<String>> =
            line.split(", ").map(|group| group.split(" | ").map(str::to_owned).collect()).collect();
        groups.sort();
        groups
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "compared with dpkg-shlibdeps on programs of this machine")]
    fn dpkg_shlibdeps_finds_the_same() {
        let directory = std::env::temp_dir().join(format!("deploy-formats-shlibs-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("debian")).unwrap();
        std::fs::write(directory.join("debian/control"), "Source: x\n\nPackage: x\nArchitecture: any\n")
            .unwrap();
        let mut database = Database::new();
        let mut files: Vec<_> =
            std::fs::read_dir("/var/lib/dpkg/info").unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".symbols") && !name.contains(":i386") {
                database
                    .add_symbols(&std::fs::read_to_string(&file).unwrap())
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
            } else if name.ends_with(".shlibs") && !name.contains(":i386") {
                database.add_shlibs(&std::fs::read_to_string(&file).unwrap()).unwrap();
            }
        }
        let mut compared = 0;
        for program in [
            "/usr/bin/dpkg",
            "/usr/bin/gpg",
            "/usr/bin/openssl",
            env!("CARGO"),
            "/usr/bin/bash",
            "/usr/bin/perl",
        ] {
            let output = Command::new("dpkg-shlibdeps")
                .args(["-O", "-e", program])
                .current_dir(&directory)
                .env("LC_ALL", "C")
                .output()
                .unwrap();
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
            let expected = String::from_utf8(output.stdout).unwrap();
            let expected = groups(expected.trim().strip_prefix("shlibs:Depends=").unwrap());
            let needs = elf_needs(&std::fs::read(program).unwrap()).unwrap();
            let local = line(&database, &needs);
            let found = groups(&local);
            assert_eq!(found.len(), expected.len(), "{program}: {local}");
            for (found, expected) in found.iter().zip(&expected) {
                let [expected] = &expected[..] else { continue };
                assert!(found.contains(expected), "{program}: {expected} is not in {local}");
            }
            // The table alone asks for the same packages, in a version that is not later.
            let table: Relations = line(&Database::new(), &needs).parse().unwrap();
            let local: Relations = local.parse().unwrap();
            let names = |relations: &Relations| -> BTreeSet<String> {
                relations.0.iter().map(|group| group[0].package.to_string()).collect()
            };
            assert_eq!(names(&table), names(&local), "{program}");
            for (table, local) in table.0.iter().zip(&local.0) {
                let (table, local) = (table[0].version.clone(), local[0].version.clone());
                assert!(
                    table.as_ref().map(|it| &it.1) <= local.as_ref().map(|it| &it.1),
                    "{program}: {table:?} {local:?}"
                );
            }
            compared += 1;
        }
        assert_eq!(compared, 6);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
