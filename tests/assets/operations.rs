//! What is done with assets: fetching, locking, verifying, vendoring, and the fetch step of a plan.

use super::sample::{Tar, Zip, compressed};
use super::{Directory, Events, at_bench};
use crate::support::http::{Act, Server, head, ok};
use camino::Utf8PathBuf;
use cargo_deploy::asset::lock::{self, Wanted};
use cargo_deploy::asset::{Context, FetchError, FetchedAsset, Obtained, Place, fetch_step, obtain};
use cargo_deploy::bench::environment::Environment;
use cargo_deploy::bench::files;
use cargo_deploy::cause::chain;
use cargo_deploy::cli::command::assets::{self, Report};
use cargo_deploy::cli::command::vendor;
use deploy_formats::compression::Compression;
use deploy_model::event::EventSink;
use deploy_model::{Event, FailureClass, Sha256};
use deploy_plan::project::{Asset, Origin, Unpack};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::{Arc, Mutex, mpsc};

/// A project and a cache.
struct Project {
    directory: Directory,
    environment: Environment,
    offline: bool,
}

impl Project {
    fn new() -> Self {
        let directory = Directory::new();
        files::create_directory(&directory.join("project")).expect("create");
        Project { directory, environment: Environment::default(), offline: false }
    }

    fn context<'a>(&'a self, paths: &'a [Utf8PathBuf; 2]) -> Context<'a> {
        Context { root: &paths[0], cache: &paths[1], environment: &self.environment, offline: self.offline }
    }

    fn paths(&self) -> [Utf8PathBuf; 2] {
        [self.directory.join("project"), self.directory.join("cache")]
    }

    fn with<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        let paths = self.paths();
        work(&self.context(&paths))
    }

    fn obtain(&self, asset: &Asset, events: &dyn EventSink) -> Result<Obtained, String> {
        let scratch = self.directory.join("scratch");
        self.with(|context| at_bench(&scratch, events, |bench| obtain(asset, context, bench)))
            .map_err(|error| self.shown(&chain(&error)))
    }

    /// Obtains until the store remembers that the object is whole, which it does not within a moment of its making.
    fn obtain_until_remembered(&self, asset: &Asset, content: &[u8]) {
        let stamp = self.object(content).with_extension("stamp");
        while !stamp.exists() {
            self.obtain(asset, &Events::default()).expect("it is there");
            std::thread::yield_now();
        }
    }

    fn step(&self, asset: &Asset, events: &dyn EventSink) -> Result<FetchedAsset, FetchError> {
        let scratch = self.directory.join("scratch");
        files::remove_directory(&scratch).expect("clean");
        self.with(|context| at_bench(&scratch, events, |bench| fetch_step(asset, context, bench)))
    }

    /// A text without the paths of this test.
    fn shown(&self, text: &str) -> String {
        text.replace(self.directory.0.as_str(), "TEST")
    }

    fn object(&self, content: &[u8]) -> Utf8PathBuf {
        let sha256 = Sha256::of(content);
        let (shard, rest) = sha256.as_str().split_at(2);
        self.directory.join("cache/assets/objects").join(shard).join(rest)
    }

    fn report(&self, report: Report) -> (String, Vec<(FailureClass, String)>) {
        let failures =
            report.failures.iter().map(|failure| (failure.class, self.shown(&failure.message))).collect();
        (self.shown(&report.text), failures)
    }
}

fn asset(path: &str, url: &str, content: &[u8]) -> Asset {
    Asset {
        path: path.parse().expect("a path"),
        origin: Origin::Url(url.to_owned()),
        sha256: Sha256::of(content),
        size: None,
        max_size: 1 << 30,
        unpack: Unpack::None,
        member: None,
        strip: 0,
        executable: false,
        targets: Vec::new(),
        license: None,
    }
}

fn wanted(path: &str, url: &str) -> Wanted {
    Wanted {
        path: path.parse().expect("a path"),
        origin: Origin::Url(url.to_owned()),
        sha256: None,
        size: None,
        max_size: 1 << 30,
        license: None,
    }
}

#[test]
fn what_was_fetched_once_is_not_asked_for_again() {
    let project = Project::new();
    let server = Server::of(b"content");
    let asset = asset("a", &server.url("/a"), b"content");
    let events = Events::default();
    let places: Vec<_> =
        (0..3).map(|_| project.obtain(&asset, &events).expect("it is there").place).collect();
    assert_eq!(places, [Place::Network, Place::Cache, Place::Cache]);
    assert_eq!(server.requests().len(), 1);
    let obtained = project.obtain(&asset, &events).expect("it is there");
    assert_eq!(obtained.path, project.object(b"content"));
    assert_eq!(files::read(&obtained.path).expect("read"), b"content");
    assert_eq!(events.lines(), Vec::<String>::new());
}

#[test]
fn a_damaged_object_is_dropped_with_a_word_and_fetched_again() {
    let project = Project::new();
    let content = vec![b'c'; 10_000];
    let server = Server::of(&content);
    let asset = asset("a", &server.url("/a"), &content);
    let object = project.object(&content);
    type Damage = fn(&camino::Utf8Path);
    let damages: [Damage; 3] = [
        |object| {
            let mut bytes = files::read(object).expect("read");
            bytes[5000] ^= 1;
            // In place, with the old time: only the inode tells.
            let time = object.metadata().expect("there").modified().expect("a time");
            let mut file = std::fs::File::options().write(true).open(object).expect("open");
            std::io::Write::write_all(&mut file, &bytes).expect("write");
            file.set_modified(time).expect("set the time");
        },
        |object| files::replace(object, b"").expect("write"),
        |object| files::remove_file(object).expect("remove"),
    ];
    for (round, damage) in damages.into_iter().enumerate() {
        let events = Events::default();
        project.obtain(&asset, &events).expect("it is fetched");
        // Long enough ago that it is remembered to be whole.
        let file = std::fs::File::options().write(true).open(&object).expect("open");
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000))
            .expect("set");
        drop(file);
        project.obtain(&asset, &events).expect("it is there");
        damage(&object);
        let obtained = project.obtain(&asset, &events).expect("it is fetched again");
        assert_eq!(obtained.place, Place::Network);
        assert_eq!(files::read(&object).expect("read"), content);
        let told = events.lines();
        assert_eq!(told.len(), usize::from(round < 2), "{told:?}");
        for line in &told {
            assert!(project.shown(line).starts_with("warning: TEST/cache/assets/objects/"), "{line}");
            assert!(line.contains(" was damaged and is dropped: its digest is "), "{line}");
        }
    }
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn an_object_that_is_known_to_be_whole_is_not_read_again() {
    let project = Project::new();
    let server = Server::of(b"content");
    let asset = asset("a", &server.url("/a"), b"content");
    let events = Events::default();
    project.obtain(&asset, &events).expect("it is fetched");
    let stamp = project.object(b"content").with_extension("stamp");
    assert!(!stamp.exists(), "what changed this moment may change again unseen");
    project.obtain_until_remembered(&asset, b"content");
    // A stamp that matches is believed, whatever is in the file.
    let object = project.object(b"content");
    let mut file = std::fs::File::options().write(true).open(&object).expect("open");
    std::io::Write::write_all(&mut file, b"CONTENT").expect("write");
    drop(file);
    let metadata = object.metadata().expect("there");
    let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    let text = format!(
        r#"{{"size":7,"modified":{},"changed":{},"inode":{}}}"#,
        nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        metadata.ino()
    );
    files::replace(&stamp, text.as_bytes()).expect("write");
    assert_eq!(project.obtain(&asset, &events).expect("it is there").place, Place::Cache);
}

/// Tells when a line with a word is told.
struct Bell {
    word: &'static str,
    rings: Mutex<mpsc::Sender<()>>,
}

impl EventSink for Bell {
    fn event(&self, event: Event) {
        if let Event::StepOutput { line, .. } = event
            && line.contains(self.word)
        {
            let _ = self.rings.lock().expect("no panic").send(());
        }
    }
}

#[test]
fn two_runs_that_want_the_same_download_it_once() {
    let project = Project::new();
    let (rings, rung) = mpsc::channel();
    let rung = Arc::new(Mutex::new(rung));
    let bell = Bell { word: "which downloads the same", rings: Mutex::new(rings) };
    let server = Server::start(move |_, _| {
        // Whoever came second is waiting now.
        rung.lock().expect("no panic").recv().expect("somebody waits");
        ok(&[], b"content")
    });
    let asset = asset("a", &server.url("/a"), b"content");
    let mut places = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| project.obtain(&asset, &bell).expect("it is there").place))
            .collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).collect::<Vec<_>>()
    });
    places.sort();
    assert_eq!(places, [Place::Cache, Place::Network]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_vendored_asset_needs_neither_network_nor_cache() {
    let mut project = Project::new();
    project.offline = true;
    let asset = asset("a", "https://asset.example/a", b"content");
    let place = project.directory.join("project/vendor/.assets");
    files::create_directory(&place).expect("create");
    let file = place.join(Sha256::of(b"content").as_str());
    files::replace(&file, b"content").expect("write");
    let events = Events::default();
    let obtained = project.obtain(&asset, &events).expect("it is there");
    assert_eq!((obtained.path, obtained.place), (file.clone(), Place::Vendored));
    assert!(!project.directory.join("cache").exists(), "nothing was put into the cache");

    files::replace(&file, b"damaged").expect("write");
    assert_eq!(
        project.obtain(&asset, &events),
        Err(format!(
            "TEST/project/vendor/.assets/{sha256} is not what was pinned\n  expected sha256 {sha256}\n  \
             got      sha256 {}, 7 bytes",
            Sha256::of(b"damaged"),
            sha256 = Sha256::of(b"content")
        ))
    );
}

#[test]
fn offline_an_absent_asset_is_an_error_that_says_how_to_get_it() {
    let mut project = Project::new();
    project.offline = true;
    let server = Server::of(b"content");
    let asset = asset("models/a", &server.url("/a"), b"content");
    let error = project.step(&asset, &Events::default()).expect_err("nothing may be fetched");
    assert_eq!(error.class(), FailureClass::MissingInput);
    assert_eq!(
        project.shown(&chain(&error)),
        format!(
            "fetch the asset models/a: it is neither in the cache nor in TEST/project/vendor, and nothing may be \
             downloaded offline\n  sha256 {}\n  from {}\n  with a network, run `cargo deploy assets fetch`; to keep \
             it with the project, `cargo deploy vendor`",
            Sha256::of(b"content"),
            server.url("/a")
        )
    );
    assert_eq!(server.requests(), []);
}

#[test]
fn files_of_the_project_are_checked_like_everything_else() {
    let project = Project::new();
    let root = project.directory.join("project");
    files::replace(&root.join("data.bin"), b"content").expect("write");
    let mut asset = asset("a", "", b"content");
    asset.origin = Origin::File("data.bin".parse().expect("a path"));
    asset.size = Some(7);
    let events = Events::default();
    let obtained = project.obtain(&asset, &events).expect("it is there");
    assert_eq!((obtained.path, obtained.size, obtained.place), (root.join("data.bin"), 7, Place::Project));

    asset.size = Some(8);
    let sum = Sha256::of(b"content");
    assert_eq!(
        project.obtain(&asset, &events),
        Err(format!(
            "TEST/project/data.bin is not what was pinned\n  expected sha256 {sum}, 8 bytes\n  \
             got      sha256 {sum}, 7 bytes"
        ))
    );
    (asset.size, asset.max_size) = (None, 6);
    assert_eq!(
        project.obtain(&asset, &events),
        Err("TEST/project/data.bin has 7 bytes, and the largest size allowed is 6".to_owned())
    );
    files::remove_file(&root.join("data.bin")).expect("remove");
    let error = project.step(&asset, &events).expect_err("it is gone");
    assert_eq!(error.class(), FailureClass::MissingInput);
    assert!(chain(&error).starts_with("fetch the asset a: open "), "{}", chain(&error));
}

#[test]
fn a_download_that_fails_leaves_the_good_cache_alone() {
    let project = Project::new();
    let good = Server::of(b"content");
    let events = Events::default();
    project.obtain(&asset("a", &good.url("/a"), b"content"), &events).expect("it is fetched");
    let bad = Server::of(b"other content");
    let wrong = asset("b", &bad.url("/b"), b"what was pinned");
    let message = project.obtain(&wrong, &events).expect_err("other bytes");
    assert!(message.contains("its content is not what was pinned"), "{message}");
    let objects: Vec<_> =
        project.directory.listing().into_iter().filter(|path| path.contains("objects")).collect();
    assert_eq!(objects.len(), 1);
    assert!(!project.directory.listing().iter().any(|path| path.contains("partial")), "no litter");
}

/// The fetched files as text: mode, name, content.
fn text(fetched: &FetchedAsset) -> Vec<String> {
    let line = |file: &cargo_deploy::asset::FetchedFile| {
        let mode = file.path.metadata().expect("there").permissions().mode() & 0o7777;
        assert_eq!(mode, if file.executable { 0o755 } else { 0o644 });
        let content = files::read(&file.path).expect("read");
        format!("{mode:04o} {} {}", file.name, String::from_utf8_lossy(&content))
    };
    fetched.files.iter().map(line).collect()
}

#[test]
fn a_fetch_step_gives_the_files_that_the_asset_stands_for() {
    let tar = Tar::default()
        .directory("tool/")
        .file_with_mode("tool/bin/run", 0o755, b"run me")
        .link("tool/run", "bin/run")
        .file("tool/read", b"read me");
    let zip = Zip::default().file("one", b"1").entry("two", 0o100_755, b"2").bytes();
    let table: Vec<(Asset, Vec<u8>, Vec<&str>)> = vec![
        (asset("d/plain.bin", "", b""), b"plain".to_vec(), vec!["0644 plain.bin plain"]),
        (Asset { executable: true, ..asset("d/tool", "", b"") }, b"plain".to_vec(), vec!["0755 tool plain"]),
        (
            Asset { unpack: Unpack::Zst, ..asset("model.bin", "", b"") },
            compressed(Compression::Zstd, b"weights"),
            vec!["0644 model.bin weights"],
        ),
        (
            Asset { unpack: Unpack::TarGz, strip: 1, ..asset("tools", "", b"") },
            tar.gz(),
            vec!["0755 bin/run run me", "0644 read read me", "0755 run run me"],
        ),
        (
            Asset {
                unpack: Unpack::Zip,
                member: Some("two".parse().expect("a path")),
                ..asset("bin/2", "", b"")
            },
            zip.clone(),
            vec!["0755 2 2"],
        ),
        (Asset { unpack: Unpack::Zip, ..asset("both", "", b"") }, zip, vec!["0644 one 1", "0755 two 2"]),
    ];
    for (asset, content, files) in table {
        let project = Project::new();
        let server = Server::of(&content);
        let asset = Asset { origin: Origin::Url(server.url("/a")), sha256: Sha256::of(&content), ..asset };
        let fetched = project.step(&asset, &Events::default()).expect("it is fetched");
        assert_eq!(text(&fetched), files, "{}", asset.path);
        let scratch = project.directory.join("scratch");
        assert!(fetched.files.iter().all(|file| file.path.starts_with(&scratch)));
        // The caller may move the files away: the cache keeps its own.
        files::remove_directory(&scratch).expect("remove");
        assert_eq!(files::read(&project.object(&content)).expect("read"), content);
        assert_eq!(text(&project.step(&asset, &Events::default()).expect("from the cache")), files);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_fetch_step_warns_of_dangerous_bits_and_refuses_hostile_archives() {
    let project = Project::new();
    let server = Server::start(|request, _| match request.path.as_str() {
        "/bits" => {
            ok(&[], &Tar::default().file_with_mode("su", 0o4755, b"").file_with_mode("sg", 0o2755, b"").gz())
        }
        _ => ok(&[], &Tar::default().file("../x", b"").gz()),
    });
    let bits = Tar::default().file_with_mode("su", 0o4755, b"").file_with_mode("sg", 0o2755, b"").gz();
    let asset_of = |path: &str, content: &[u8]| Asset {
        unpack: Unpack::TarGz,
        ..asset("tools", &server.url(path), content)
    };
    let events = Events::default();
    let fetched = project.step(&asset_of("/bits", &bits), &events).expect("it is fetched");
    assert_eq!(text(&fetched), ["0755 sg ", "0755 su "]);
    assert_eq!(
        events.lines(),
        ["warning: set-uid, set-gid or sticky bits of the asset tools were taken off: sg and 1 more"]
    );
    let hostile = asset_of("/hostile", &Tar::default().file("../x", b"").gz());
    let error = project.step(&hostile, &events).expect_err("it is hostile");
    assert_eq!(error.class(), FailureClass::Verification);
    let message = project.shown(&chain(&error));
    assert!(message.starts_with("fetch the asset tools: unpack TEST/cache/assets/objects/"), "{message}");
    assert!(
        message.ends_with(": entry 1, \"../x\", leaves the directory that it is unpacked into"),
        "{message}"
    );
    assert_eq!(files::names(&project.directory.join("scratch")).expect("list"), Vec::<String>::new());
}

#[test]
fn classes_of_failure_tell_who_can_mend_it() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/wrong" => ok(&[], b"wrong"),
        "/gone" => vec![head("404 Not Found", &["Content-Length: 0"])],
        "/private" => vec![head("403 Forbidden", &["Content-Length: 0"])],
        "/odd" => vec![head("418 I'm a teapot", &["Content-Length: 0"])],
        "/away" => vec![head("302 Found", &["Location: http://example.com/", "Content-Length: 0"])],
        _ => vec![Act::Reset],
    });
    let project = Project::new();
    for (path, class) in [
        ("/wrong", FailureClass::Verification),
        ("/gone", FailureClass::MissingInput),
        ("/private", FailureClass::Credentials),
        ("/odd", FailureClass::Remote),
        ("/away", FailureClass::Configuration),
    ] {
        let error = project.step(&asset("a", &server.url(path), b"content"), &Events::default());
        assert_eq!(error.expect_err("it fails").class(), class, "{path}");
    }
}

#[test]
fn fetching_tells_what_came_from_where_and_every_failure() {
    let project = Project::new();
    let server = Server::start(|request, _| match request.path.as_str() {
        "/gone" => vec![head("404 Not Found", &["Content-Length: 0"])],
        path => ok(&[], path.as_bytes()),
    });
    files::replace(&project.directory.join("project/own"), b"own").expect("write");
    let mut own = asset("own", "", b"own");
    own.origin = Origin::File("own".parse().expect("a path"));
    let all = [
        asset("a", &server.url("/a"), b"/a"),
        asset("b", &server.url("/gone"), b"b"),
        own,
        asset("c", &server.url("/c"), b"/c"),
    ];
    let events = Events::default();
    let fetch = || project.with(|context| project.report(assets::fetch(&all, context, &events)));
    let gone = (
        FailureClass::MissingInput,
        format!("fetch the asset b: download {}: it answers 404 Not Found", server.url("/gone")),
    );
    assert_eq!(
        fetch(),
        (
            "a  2 bytes, from the network\nown  3 bytes, from the project\nc  2 bytes, from the network\n\
             2 fetched, 1 here already, 1 failed\n"
                .to_owned(),
            vec![gone.clone()]
        )
    );
    assert_eq!(
        fetch(),
        (
            "a  2 bytes, from the cache\nown  3 bytes, from the project\nc  2 bytes, from the cache\n\
             0 fetched, 3 here already, 1 failed\n"
                .to_owned(),
            vec![gone]
        )
    );
    let failed = |event: &Event| match event {
        Event::StepFailed { step, .. } => Some(step.to_string()),
        _ => None,
    };
    let failed: Vec<_> = events.0.lock().expect("no panic").iter().filter_map(failed).collect();
    assert_eq!(failed, ["fetch:b", "fetch:b"]);
}

#[test]
fn locking_writes_what_each_asset_is_and_the_same_bytes_again() {
    let project = Project::new();
    let server = Server::start(|request, _| ok(&[], request.path.as_bytes()));
    files::replace(&project.directory.join("project/own"), b"own").expect("write");
    let mut own = wanted("z/own", "");
    own.origin = Origin::File("own".parse().expect("a path"));
    let mut licensed = wanted("b", &server.url("/b"));
    licensed.license = Some("Apache-2.0".to_owned());
    let all = [own, licensed, wanted("a", &server.url("/a"))];
    let file = project.directory.join("project/Deploy.lock");
    let events = Events::default();
    let lock = || project.with(|context| project.report(assets::lock(&all, &file, false, context, &events)));
    let [a, b, own] = [b"/a".as_slice(), b"/b", b"own"].map(Sha256::of);
    assert_eq!(
        lock(),
        (
            format!(
                "a  added, sha256 {a}, 2 bytes\nb  added, sha256 {b}, 2 bytes\nz/own  added, sha256 {own}, 3 bytes\n\
                 3 assets locked in Deploy.lock\n"
            ),
            vec![]
        )
    );
    let text = files::read(&file).expect("written");
    let expected = format!(
        "# Written by `cargo deploy assets lock`: what each asset was when it was last looked at. Commit this file.\n\
         version = 1\n\n\
         [[asset]]\npath = \"a\"\norigin = \"{0}/a\"\nsha256 = \"{a}\"\nsize = 2\n\n\
         [[asset]]\npath = \"b\"\norigin = \"{0}/b\"\nsha256 = \"{b}\"\nsize = 2\nlicense = \"Apache-2.0\"\n\n\
         [[asset]]\npath = \"z/own\"\norigin = \"own\"\nsha256 = \"{own}\"\nsize = 3\n",
        server.url("")
    );
    assert_eq!(String::from_utf8(text.clone()).expect("text"), expected);
    assert_eq!(lock(), ("3 assets locked in Deploy.lock\n".to_owned(), vec![]));
    assert_eq!(files::read(&file).expect("there"), text);
    let read = lock::read(&file).expect("it is read back");
    assert_eq!(read.assets.len(), 3);
}

#[test]
fn what_changed_since_it_was_locked_is_an_error_until_it_is_said_to_be_meant() {
    let project = Project::new();
    let content = Arc::new(Mutex::new("first".to_owned()));
    let server = {
        let content = Arc::clone(&content);
        Server::start(move |_, _| ok(&[], content.lock().expect("no panic").as_bytes()))
    };
    let file = project.directory.join("project/Deploy.lock");
    let all = [wanted("a", &server.url("/a"))];
    let events = Events::default();
    let lock = |all: &[Wanted], update| {
        project.with(|context| project.report(assets::lock(all, &file, update, context, &events)))
    };
    lock(&all, false);
    let before = files::read(&file).expect("written");
    "second!".clone_into(&mut content.lock().expect("no panic"));
    let [first, second] = [b"first".as_slice(), b"second!"].map(Sha256::of);
    let url = server.url("/a");
    assert_eq!(
        lock(&all, false),
        (
            String::new(),
            vec![(
                FailureClass::Verification,
                format!(
                    "lock the asset a: {url} has changed\n  locked sha256 {first}, 5 bytes\n  now    sha256 {second}, \
                     7 bytes\n  if that is meant to be so, run `cargo deploy assets lock --update`"
                )
            )]
        )
    );
    assert_eq!(files::read(&file).expect("there"), before, "the lock stays as it was");

    let pinned = [Wanted { sha256: Some(second.clone()), ..all[0].clone() }];
    assert_eq!(
        lock(&pinned, false).1,
        [(
            FailureClass::Configuration,
            format!(
                "lock the asset a: the manifest and Deploy.lock disagree on {url}\n  manifest sha256 {second}\n  \
                 locked   sha256 {first}\n  if the manifest is right, run `cargo deploy assets lock --update`"
            )
        )]
    );
    assert_eq!(
        lock(&all, true),
        (format!("a  changed from sha256 {first} to {second}\n1 asset locked in Deploy.lock\n"), vec![])
    );
    assert_eq!(lock(&pinned, false), ("1 asset locked in Deploy.lock\n".to_owned(), vec![]));
    assert_eq!(lock(&[], false), ("a  removed\n0 assets locked in Deploy.lock\n".to_owned(), vec![]));
}

#[test]
fn an_asset_that_the_manifest_pins_must_be_what_it_says() {
    let project = Project::new();
    let server = Server::of(b"other");
    let pinned = [Wanted { sha256: Some(Sha256::of(b"content")), ..wanted("a", &server.url("/a")) }];
    let file = project.directory.join("project/Deploy.lock");
    let events = Events::default();
    let (_, failures) =
        project.with(|context| project.report(assets::lock(&pinned, &file, true, context, &events)));
    assert_eq!(
        failures,
        [(
            FailureClass::Verification,
            format!(
                "lock the asset a: download {}: its content is not what was pinned\n  expected sha256 {}\n  \
                 got      sha256 {}, 5 bytes\n  it begins with \"other\"",
                server.url("/a"),
                Sha256::of(b"content"),
                Sha256::of(b"other")
            )
        )]
    );
    assert!(!file.exists(), "no lock is written");
}

#[test]
fn a_web_page_is_not_locked_by_accident() {
    let project = Project::new();
    let server = Server::of(b"<!doctype html><title>Sign in</title>");
    let file = project.directory.join("project/Deploy.lock");
    let events = Events::default();
    let lock = |path: &str, at: &str| {
        let all = [wanted(path, &server.url(at))];
        project.with(|context| project.report(assets::lock(&all, &file, true, context, &events))).1
    };
    assert_eq!(
        lock("model.bin", "/model.bin"),
        [(
            FailureClass::Verification,
            format!(
                "lock the asset model.bin: {} holds a web page, perhaps to log in: open the address in a browser, or \
                 give the sha256 in the manifest",
                server.url("/model.bin")
            )
        )]
    );
    assert_eq!(lock("help.html", "/help"), []);
    assert_eq!(lock("help", "/help.html?v=1"), []);
}

#[test]
fn offline_only_what_is_pinned_can_be_locked() {
    let mut project = Project::new();
    let server = Server::of(b"content");
    let events = Events::default();
    project.obtain(&asset("a", &server.url("/a"), b"content"), &events).expect("it is fetched");
    project.offline = true;
    let file = project.directory.join("project/Deploy.lock");
    let pinned = Wanted { sha256: Some(Sha256::of(b"content")), ..wanted("a", &server.url("/a")) };
    let all = [pinned, wanted("b", &server.url("/b"))];
    let lock = |all: &[Wanted]| {
        project.with(|context| project.report(assets::lock(all, &file, false, context, &events))).1
    };
    assert_eq!(
        lock(&all),
        [(
            FailureClass::MissingInput,
            format!("lock the asset b: what {} holds now cannot be found out offline", server.url("/b"))
        )]
    );
    assert_eq!(lock(&all[..1]), []);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_lock_that_cannot_be_understood_is_named_with_its_place() {
    let directory = Directory::new();
    let file = directory.join("Deploy.lock");
    files::replace(&file, b"version = 1\n\n[[asset]]\npath = 7\n").expect("write");
    let message = chain(&lock::read(&file).expect_err("not a lock"));
    assert!(message.starts_with(&format!("read {file}: TOML parse error at line 4, column 8")), "{message}");
    files::replace(&file, b"version = 2\n").expect("write");
    assert_eq!(
        chain(&lock::read(&file).expect_err("of another version")),
        format!("read {file}: its version is 2, and this cargo-deploy knows version 1")
    );
    files::replace(&file, b"version = \xff\n").expect("write");
    assert_eq!(chain(&lock::read(&file).expect_err("not text")), format!("read {file}: it is not UTF-8"));
    assert_eq!(lock::read(&directory.join("absent")).expect("an empty lock").assets, []);
}

#[test]
fn verifying_reads_every_byte_in_every_place() {
    let project = Project::new();
    let server = Server::start(|request, _| ok(&[], request.path.as_bytes()));
    let all = [
        asset("good", &server.url("/good"), b"/good"),
        asset("damaged", &server.url("/damaged"), b"/damaged"),
        asset("absent", &server.url("/absent"), b"/absent"),
    ];
    let events = Events::default();
    project.with(|context| {
        assets::fetch(&all[..2], context, &events);
        let report = vendor::vendor(&all[..2], &project.directory.join("project/vendor"), context, &events);
        assert!(report.failures.is_empty());
    });
    let sum = Sha256::of(b"/damaged");
    let vendored = project.directory.join("project/vendor/.assets").join(sum.as_str());
    files::replace(&vendored, b"/dAmaged").expect("write");
    let (text, failures) = project.with(|context| project.report(assets::verify(&all, context)));
    assert_eq!(
        text,
        "good  as pinned, in the cache\ngood  as pinned, in the vendored directory\n\
         damaged  as pinned, in the cache\ndamaged  changed, in the vendored directory\n\
         absent  not here\n1 of 3 assets as pinned\n"
    );
    assert_eq!(
        failures,
        [
            (
                FailureClass::Verification,
                format!(
                    "verify the asset damaged: TEST/project/vendor/.assets/{sum}\n  expected sha256 {sum}\n  \
                     got      sha256 {}",
                    Sha256::of(b"/dAmaged")
                )
            ),
            (
                FailureClass::MissingInput,
                "verify the asset absent: it is not here; `cargo deploy assets fetch` gets it".to_owned()
            ),
        ]
    );
    assert_eq!(server.requests().len(), 2, "nothing is fetched to verify");
}

#[test]
fn vendoring_makes_the_same_directory_and_offline_needs_nothing_else() {
    let mut project = Project::new();
    let server = Server::start(|request, _| ok(&[], request.path.as_bytes()));
    let one = asset("one", &server.url("/one"), b"/one");
    let mut two = asset("two", &server.url("/two"), b"/two");
    two.license = Some("MIT".to_owned());
    let directory = project.directory.join("project/vendor");
    let events = Events::default();
    let vendor = |assets: &[Asset]| {
        project.with(|context| project.report(vendor::vendor(assets, &directory, context, &events)))
    };
    let [first, second] = [b"/one".as_slice(), b"/two"].map(Sha256::of);
    assert_eq!(
        vendor(&[two.clone(), one.clone()]),
        (
            format!(
                "one  4 bytes, sha256 {first}\ntwo  4 bytes, sha256 {second}\n2 assets in TEST/project/vendor\n"
            ),
            vec![]
        )
    );
    let index = files::read(&directory.join(".assets/index.toml")).expect("written");
    assert_eq!(
        String::from_utf8(index).expect("text"),
        format!(
            "# Written by `cargo deploy vendor`: the assets in this directory, each in a file named by its digest.\n\
             version = 1\n\n\
             [[asset]]\npath = \"one\"\norigin = \"{0}/one\"\nsha256 = \"{first}\"\nsize = 4\n\n\
             [[asset]]\npath = \"two\"\norigin = \"{0}/two\"\nsha256 = \"{second}\"\nsize = 4\nlicense = \"MIT\"\n",
            server.url("")
        )
    );
    let mut names = vec![first.to_string(), second.to_string(), "index.toml".to_owned()];
    names.sort();
    assert_eq!(files::names(&directory.join(".assets")).expect("list"), names);

    assert_eq!(
        vendor(std::slice::from_ref(&one)).0,
        format!("one  4 bytes, sha256 {first}\n1 asset in TEST/project/vendor, 1 of earlier times removed\n")
    );
    assert_eq!(files::names(&directory.join(".assets")).expect("list").len(), 2);

    files::remove_directory(&project.directory.join("cache")).expect("remove");
    project.offline = true;
    let asked = server.requests().len();
    let obtained = project.obtain(&one, &events).expect("it is vendored");
    assert_eq!(obtained.place, Place::Vendored);
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn vendoring_that_fails_leaves_the_index_as_it_was() {
    let project = Project::new();
    let server = Server::start(|request, _| match request.path.as_str() {
        "/gone" => vec![head("404 Not Found", &["Content-Length: 0"])],
        path => ok(&[], path.as_bytes()),
    });
    let directory = project.directory.join("project/vendor");
    let events = Events::default();
    let vendor = |assets: &[Asset]| {
        project.with(|context| project.report(vendor::vendor(assets, &directory, context, &events)))
    };
    let one = asset("one", &server.url("/one"), b"/one");
    vendor(std::slice::from_ref(&one));
    let index = files::read(&directory.join(".assets/index.toml")).expect("written");
    let (text, failures) =
        vendor(&[asset("two", &server.url("/two"), b"/two"), asset("b", &server.url("/gone"), b"b")]);
    assert_eq!(text, "");
    assert_eq!(
        failures,
        [(
            FailureClass::MissingInput,
            format!("fetch the asset b: download {}: it answers 404 Not Found", server.url("/gone"))
        )]
    );
    assert_eq!(files::read(&directory.join(".assets/index.toml")).expect("there"), index);
    assert!(directory.join(".assets").join(Sha256::of(b"/one").as_str()).exists());
}
