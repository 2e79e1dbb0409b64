//! Whole packages: databases with their cabinets into a compound file, and out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, Write};

use thiserror::Error;

use crate::member::digest;
use crate::msi::cabinet::{self, Cabinet, CabinetError, Open, Packing};
use crate::msi::compound::{self, Compound, CompoundError, Stream};
use crate::msi::installed::{InstalledFile, PathProblem, installed};
use crate::msi::pool::{Pool, PoolError};
use crate::msi::rows::{self, Decoder, RowsError};
use crate::msi::summary::{self, Summary, SummaryError};
use crate::msi::{Database, Value, names};

/// The streams that signing adds.
const SIGNATURES: [&str; 2] = ["\u{5}DigitalSignature", "\u{5}MsiDigitalSignatureEx"];

/// Why a package cannot be written or read.
#[derive(Debug, Error)]
pub enum MsiError {
    /// The file around all.
    #[error(transparent)]
    Compound(#[from] CompoundError),
    /// The tables.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The texts of the tables.
    #[error("the texts of its tables: {source}")]
    Pool {
        /// What is wrong with them.
        source: PoolError,
    },
    /// The summary information.
    #[error(transparent)]
    Summary(#[from] SummaryError),
    /// A cabinet.
    #[error("cabinet `{name}`")]
    Cabinet {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: CabinetError,
    },
    /// The tables of a package say nothing sensible of its files.
    #[error(transparent)]
    Path(#[from] PathProblem),
    /// A cabinet has a file that is not in the table `File`, or not in this cabinet, or of another size there.
    #[error("the file `{key}` in cabinet `{cabinet}` is not the one in the table `File`")]
    Unlisted {
        /// The name of the cabinet.
        cabinet: String,
        /// Of the file.
        key: String,
    },
    /// A file of the table `File` is in no cabinet.
    #[error("the file `{key}` of the table `File` is not in cabinet `{cabinet}`")]
    Missing {
        /// The name of the cabinet.
        cabinet: String,
        /// Of the file.
        key: String,
    },
    /// The compound file is that of another program.
    #[error("it is a compound file, but no package for Windows Installer")]
    NoPackage,
    /// A package that contains storages is written by none of ours.
    #[error("it contains the storage `{name}`")]
    Storage {
        /// Its name.
        name: String,
    },
}

enum Content<'a> {
    Bytes(Vec<u8>),
    Borrowed(&'a [u8]),
    Cabinet(&'a Cabinet),
}

/// Writes a package: the database, and the cabinets whose files `open` gives by their keys, one after the other.
///
/// All streams lie in the order of their names and in one piece. The same arguments give the same bytes, for any number of
/// threads.
///
/// # Errors
/// If the database is not one that can be written, a file is not as large as it was said to be, or anything cannot be read or written.
pub fn write<W: Write + Seek>(
    out: W,
    database: &Database,
    cabinets: &[Cabinet],
    open: &mut Open<'_>,
    packing: Packing,
) -> Result<W, MsiError> {
    let mut streams: Vec<(String, Content<'_>)> = Vec::new();
    for (name, bytes) in rows::encode(database)? {
        streams.push((name, Content::Bytes(bytes)));
    }
    streams.push((summary::STREAM.to_owned(), Content::Bytes(database.summary.encode())));
    for (name, bytes) in &database.streams {
        streams.push((encoded(name), Content::Borrowed(bytes)));
    }
    for cabinet in cabinets {
        streams.push((encoded(&cabinet.name), Content::Cabinet(cabinet)));
    }
    streams.sort_by(|left, right| compound::order(&left.0, &right.0));

    let mut compound = compound::Writer::new(out, compound::PACKAGE_CLASS)?;
    let mut cabinet_writer = cabinet::Writer::new(packing);
    for (name, content) in streams {
        match content {
            Content::Bytes(bytes) => compound.stream(&name, &bytes)?,
            Content::Borrowed(bytes) => compound.stream(&name, bytes)?,
            Content::Cabinet(cabinet) => {
                let mut stream = compound.begin(&name)?;
                let written = cabinet_writer.write(cabinet, open, &mut stream);
                written.map_err(|source| MsiError::Cabinet { name: cabinet.name.clone(), source })?;
                stream.finish()?;
            }
        }
    }
    Ok(compound.finish()?)
}

fn encoded(name: &str) -> String {
    // Names that begin so are those of property sets and signatures, which other programs look for.
    if name.starts_with('\u{5}') { name.to_owned() } else { names::encode(name, false) }
}

/// Takes the signature out of a package, if it has one. What comes out are the bytes that [`write()`] wrote before it was signed, whoever
/// signed it.
///
/// # Errors
/// If the package cannot be read, or is not one of ours, or what comes out cannot be written.
pub fn unsigned<W: Write + Seek>(package: impl Read + Seek, out: W) -> Result<W, MsiError> {
    let mut read = Compound::open(package)?;
    if let Some(name) = read.storages.first() {
        return Err(MsiError::Storage { name: names::decode(name).0 });
    }
    let mut streams: Vec<Stream> = read.streams.clone();
    streams.retain(|stream| !SIGNATURES.contains(&stream.name.as_str()));
    streams.sort_by(|left, right| compound::order(&left.name, &right.name));
    let mut compound = compound::Writer::new(out, read.class)?;
    for stream in &streams {
        let mut from = read.reader(stream)?;
        let mut to = compound.begin(&stream.name)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = from.read(&mut buffer).map_err(|source| CompoundError::Read { source })?;
            if length == 0 {
                break;
            }
            to.write_all(&buffer[..length]).map_err(|source| CompoundError::Write { source })?;
        }
        to.finish()?;
    }
    Ok(compound.finish()?)
}

/// A package that is read.
#[derive(Debug)]
pub struct Package<R> {
    compound: Compound<R>,
    database: Database,
    cabinets: BTreeMap<String, Stream>,
    signed: bool,
}

impl<R: Read + Seek> Package<R> {
    /// Reads the summary information, the tables and the streams, but not the cabinets.
    ///
    /// # Errors
    /// If any of them is damaged, or makes more than 256 MiB of tables.
    pub fn open(reader: R) -> Result<Self, MsiError> {
        let mut compound = Compound::open(reader)?;
        if compound.class != compound::PACKAGE_CLASS {
            return Err(MsiError::NoPackage);
        }
        let mut tables = BTreeMap::new();
        let mut others = BTreeMap::new();
        for stream in compound.streams.clone() {
            match names::decode(&stream.name) {
                (name, true) => {
                    let bytes = compound.read(&stream)?;
                    tables.insert(name, bytes);
                }
                (name, false) => {
                    others.insert(
                        if stream.name.starts_with('\u{5}') { stream.name.clone() } else { name },
                        stream,
                    );
                }
            }
        }
        let mut signed = false;
        for name in SIGNATURES {
            signed |= others.remove(name).is_some();
        }
        let summary = others.remove(summary::STREAM).ok_or(SummaryError::Missing)?;
        let summary = Summary::decode(&compound.read(&summary)?)?;

        let no_texts = || MsiError::Pool { source: PoolError::Lengths };
        let pool = tables.remove("_StringPool").ok_or_else(no_texts)?;
        let data = tables.remove("_StringData").ok_or_else(no_texts)?;
        let pool = Pool::read(&pool, &data).map_err(|source| MsiError::Pool { source })?;

        // Which streams are cabinets is known when the tables are read, and the values of the tables are streams: so the names first.
        let cabinet_names = cabinet_names(&pool, &tables)?;
        let mut cabinets = BTreeMap::new();
        let mut streams = BTreeMap::new();
        for (name, stream) in others {
            if cabinet_names.contains(&name) {
                cabinets.insert(name, stream);
            } else {
                let bytes = compound.read(&stream)?;
                streams.insert(name, bytes);
            }
        }
        let tables = Decoder { pool: &pool, tables: &tables, streams: &mut streams }.tables()?;
        let database = Database { tables, streams: streams.into_iter().collect(), summary };
        Ok(Package { compound, database, cabinets, signed })
    }

    /// What was read. Its tables are sorted by name, with `_Validation` where there is one.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Whether it has a signature. Nothing is said of whether that is a good one.
    pub fn signed(&self) -> bool {
        self.signed
    }

    /// Its cabinets, by the name of the stream, with their sizes.
    pub fn cabinets(&self) -> impl Iterator<Item = (&str, u64)> {
        self.cabinets.iter().map(|(name, stream)| (name.as_str(), stream.size))
    }

    /// Reads the content of every file in the cabinets, in the order of the data. What `act` does not read is skipped.
    ///
    /// # Errors
    /// If a cabinet is damaged, does not agree with the tables, or `act` gives an error.
    pub fn visit(
        &mut self,
        act: &mut dyn FnMut(&InstalledFile, &mut dyn Read) -> io::Result<()>,
    ) -> Result<(), MsiError> {
        let files = installed(&self.database)?;
        let mut expected: BTreeMap<&str, BTreeMap<&str, &InstalledFile>> = BTreeMap::new();
        for file in &files {
            if let Some(cabinet) = &file.cabinet {
                expected.entry(cabinet).or_default().insert(&file.key, file);
            }
        }
        let embedded: Vec<(String, Stream)> =
            self.cabinets.iter().map(|(name, stream)| (name.clone(), stream.clone())).collect();
        for (name, stream) in &embedded {
            let reader = self.compound.reader(stream)?;
            let mut unlisted = None;
            let mut files = expected.remove(name.as_str()).unwrap_or_default();
            let read = cabinet::visit(reader, &mut |entry, content| {
                let file = files.remove(entry.key.as_str());
                match file.filter(|file| file.size == entry.size) {
                    Some(file) => act(file, content),
                    None => {
                        unlisted = Some(entry.key.clone());
                        Err(io::ErrorKind::InvalidData.into())
                    }
                }
            });
            if let Some(key) = unlisted {
                return Err(MsiError::Unlisted { cabinet: name.clone(), key });
            }
            read.map_err(|source| MsiError::Cabinet { name: name.clone(), source })?;
            if let Some(key) = files.into_keys().next() {
                return Err(MsiError::Missing { cabinet: name.clone(), key: key.to_owned() });
            }
        }
        for (cabinet, files) in expected {
            if let Some(key) = files.into_keys().next() {
                return Err(MsiError::Missing { cabinet: cabinet.to_owned(), key: key.to_owned() });
            }
        }
        Ok(())
    }

    /// The files it installs, by their sequence, with the digests of those that are in its cabinets.
    ///
    /// # Errors
    /// As [`Package::visit`].
    pub fn installed_files(&mut self) -> Result<Vec<InstalledFile>, MsiError> {
        let mut files = installed(&self.database)?;
        let mut digests = BTreeMap::new();
        self.visit(&mut |file, content| {
            digests.insert(file.key.clone(), digest(content)?.1);
            Ok(())
        })?;
        for file in &mut files {
            file.sha256 = digests.remove(&file.key);
        }
        Ok(files)
    }

    /// The tables, streams and summary information as text: see [`listing`](crate::msi::listing).
    pub fn listing(&self) -> String {
        crate::msi::listing(&self.database)
    }
}

/// The names of the streams that the table `Media` has for cabinets.
fn cabinet_names(pool: &Pool<'_>, tables: &BTreeMap<String, Vec<u8>>) -> Result<BTreeSet<String>, MsiError> {
    let media = rows::media(pool, tables)?;
    let mut names = BTreeSet::new();
    for row in media.iter().flat_map(|media| &media.rows) {
        let cabinet = media.as_ref().and_then(|media| media.value(row, "Cabinet"));
        if let Some(name) = cabinet.and_then(Value::as_text).and_then(|name| name.strip_prefix('#')) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}
