//! Answers of programs that are slow to ask, remembered for as long as the files they depend on look the same.
//!
//! Asking rustc for its version through rustup's proxy takes longer than all the rest of a run that has nothing to
//! do. So the answer is kept in the cache, together with the size and the modification time of every file that it
//! depends on; when one of them looks different, the program is asked again. Nothing that goes into an artifact is
//! decided by such an answer alone: the compilers' own bytes say at the end what they made.

use crate::bench::files;
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::Sha256;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::UNIX_EPOCH;

/// The place of one remembered answer.
#[derive(Debug, Clone)]
pub struct Remembered {
    path: Utf8PathBuf,
    question: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Record<T> {
    question: Vec<String>,
    depends: Vec<(Utf8PathBuf, Option<Stamp>)>,
    answer: T,
}

/// What a file looks like from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    modified: u128,
}

impl Stamp {
    /// Of the file that `path` leads to, through links; `None` when there is none.
    fn of(path: &Utf8Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Stamp { size: metadata.len(), modified: modified.as_nanos() })
    }
}

impl Remembered {
    /// The place in `cache` for the answer to `question`, whose first word says what kind of question it is.
    pub fn of(cache: &Utf8Path, question: Vec<String>) -> Self {
        let digest = Sha256::of(question.join("\0").as_bytes());
        let kind = question.first().map_or("answer", String::as_str);
        Remembered { path: cache.join("answers").join(format!("{kind}-{}.json", digest.short())), question }
    }

    /// The answer, when there is one and everything it depends on looks as it did.
    pub fn recall<T: DeserializeOwned>(&self) -> Option<T> {
        let bytes = files::read_if_exists(&self.path).ok()??;
        let record: Record<T> = serde_json::from_slice(&bytes).ok()?;
        let same = record.question == self.question
            && record.depends.iter().all(|(path, stamp)| Stamp::of(path) == *stamp);
        same.then_some(record.answer)
    }

    /// Keeps an answer that holds while `depends` look as they do now; a file that is absent must stay absent. A
    /// cache that cannot be written costs time, nothing else, and is no reason to fail.
    pub fn keep<T: Serialize>(&self, answer: T, depends: impl IntoIterator<Item = Utf8PathBuf>) {
        let depends = depends
            .into_iter()
            .map(|path| {
                let stamp = Stamp::of(&path);
                (path, stamp)
            })
            .collect();
        let record = Record { question: self.question.clone(), depends, answer };
        let _ = serde_json::to_vec(&record).ok().and_then(|bytes| {
            files::create_directory(self.path.parent()?).ok()?;
            files::replace(&self.path, &bytes).ok()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::machine::testing::directory as test_directory;

    #[test]
    fn an_answer_holds_until_a_file_it_depends_on_changes_appears_or_goes() {
        let cache = test_directory("answer");
        let (there, absent) = (cache.join("there"), cache.join("absent"));
        files::replace(&there, b"1").expect("write");
        let place = Remembered::of(&cache, vec!["version".to_owned(), "of".to_owned()]);
        assert_eq!(place.recall::<String>(), None);
        place.keep("1.0", [there.clone(), absent.clone()]);
        assert_eq!(place.recall::<String>().as_deref(), Some("1.0"));
        let other = Remembered::of(&cache, vec!["version".to_owned(), "other".to_owned()]);
        assert_eq!(other.recall::<String>(), None);
        files::replace(&there, b"22").expect("write");
        assert_eq!(place.recall::<String>(), None);
        place.keep("1.1", [there.clone(), absent.clone()]);
        files::replace(&absent, b"").expect("write");
        assert_eq!(place.recall::<String>(), None);
        place.keep("1.2", [there.clone(), absent]);
        assert_eq!(place.recall::<String>().as_deref(), Some("1.2"));
        files::remove_file(&there).expect("remove");
        assert_eq!(place.recall::<String>(), None);
        files::remove_directory(&cache).expect("clean");
    }
}
