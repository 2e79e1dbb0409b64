//! Installing: files, then everything beside them, then the record; or nothing of it.

use crate::description::{Description, RECORD, Record, Scope, Start};
use crate::failure::{Doing as _, Failure};
use crate::item::{self, Item};
use crate::options::{self, is_older, quoted};
use crate::payload::Payload;
use crate::platform::{self, Folder, Key, Lock};
use crate::session::Session;
use crate::switch::{Switch, remove_empty_directories};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

/// How much more space than the files need is asked for: folders, the record, what the file system adds.
const SPARE: u64 = 16 << 20;

/// How long is waited for another installation of the same application, in milliseconds.
const PATIENCE: u32 = 30_000;

/// What is there already.
struct Before {
    directory: String,
    record: Record,
}

/// Installs what a payload holds.
pub(crate) fn install(session: &mut Session, payload: &Payload) -> Result<(), Failure> {
    let description = &payload.description;
    check(description)?;
    let Some(lock) = Lock::take(&format!(r"Local\cargo-deploy-setup-{}", description.id), PATIENCE) else {
        return Err(Failure::Busy);
    };
    let machine = scope(session, description)?;
    if machine && !platform::is_elevated() {
        drop(lock);
        return install_elevated(session, description);
    }
    let before = before(description, machine);
    let directory = directory(session, description, machine, before.as_ref())?;
    // One that the list of installed programs has lost is replaced, too.
    let before = before.or_else(|| {
        let record = item::record(&directory)?;
        (record.description.id == description.id).then(|| Before { directory: directory.clone(), record })
    });
    if let Some(before) = &before
        && !session.options.allow_downgrade
        && is_older(&description.version, &before.record.description.version)
    {
        return Err(Failure::Newer(before.record.description.version.clone()));
    }
    session.log(&format!("{} {} into {directory}", description.name, description.version));
    session.open(session.texts.installing);
    let switch = Switch::begin(&directory)?;
    match replace(session, payload, &switch, &directory, machine, before.as_ref()) {
        Ok(()) => switch.commit(),
        Err(failure) => {
            session.log(&format!("failed: {failure}"));
            switch.abandon();
            return Err(failure);
        }
    }
    if let Some(before) = &before
        && !is_same_path(&before.directory, &directory)
    {
        let paths: Vec<&str> =
            before.record.description.files.iter().map(|file| file.path.as_str()).collect();
        remove_files(&before.directory, &paths);
    }
    keep_installer(session, description);
    session.log("done");
    session.progress = None;
    finish(session, description, &directory)
}

/// Whatever is wrong with a description that somebody wrote by hand.
fn check(description: &Description) -> Result<(), Failure> {
    let component = |text: &str| {
        !text.is_empty()
            && text != "."
            && text != ".."
            && !text.contains(['\\', '/', ':', '\0', '"', '<', '>', '|', '*', '?'])
    };
    for file in &description.files {
        if !file.path.split('/').all(component) {
            return Err(Failure::Damaged(file.path.clone()));
        }
    }
    if !component(&description.id) || !component(&description.directory) {
        return Err(Failure::Damaged("names".into()));
    }
    if description.cache.as_deref().is_some_and(|cache| !component(cache)) {
        return Err(Failure::Damaged("the cache's name".into()));
    }
    Ok(())
}

/// Whether it is for everybody.
fn scope(session: &Session, description: &Description) -> Result<bool, Failure> {
    let wanted = session.options.machine;
    match (description.scope, wanted) {
        (Scope::User, Some(true)) => Err(Failure::Usage("/ALLUSERS".into())),
        (Scope::Machine, Some(false)) => Err(Failure::Usage("/CURRENTUSER".into())),
        (Scope::User, _) => Ok(false),
        (Scope::Machine, _) => Ok(true),
        (Scope::Choose, Some(machine)) => Ok(machine),
        (Scope::Choose, None) => {
            // What is there already is replaced.
            for machine in [false, true] {
                if before(description, machine).is_some() {
                    return Ok(machine);
                }
            }
            if session.options.silent {
                return Ok(false);
            }
            let question = crate::texts::fill(session.texts.for_whom, &session.name);
            match platform::choose(&session.title(), &question, [session.texts.for_me, session.texts.for_all])
            {
                Some(choice) => Ok(choice == 1),
                None => Err(Failure::Cancelled),
            }
        }
    }
}

/// Lets this program run again with an administrator's rights, and waits for it.
fn install_elevated(session: &mut Session, description: &Description) -> Result<(), Failure> {
    session.log("asking for an administrator's rights");
    let line = platform::command_line();
    let arguments = format!("--elevated /ALLUSERS {}", options::arguments(&line));
    let started = platform::start_elevated(&platform::own_path(), &arguments).map_err(|error| {
        if error == platform::Error::CANCELLED { Failure::Cancelled } else { Failure::NoRights }
    })?;
    let code = platform::wait_for_end(&started);
    if code != 0 {
        // It has said itself what was wrong.
        return Err(Failure::Elevated(code));
    }
    let Some(before) = before(description, true) else { return Ok(()) };
    session.options.elevated = false;
    finish(session, description, &before.directory)
}

fn before(description: &Description, machine: bool) -> Option<Before> {
    let key = Key::open(item::hive(machine), &item::program_key(&description.id)).ok()?;
    let (directory, _) = key.text(Some("InstallLocation"))?;
    let directory = String::from(directory.trim_end_matches('\\'));
    let record = item::record(&directory)?;
    Some(Before { directory, record })
}

/// Where an application is installed, and its record.
pub(crate) fn installed(description: &Description) -> Option<(String, Record)> {
    [false, true]
        .into_iter()
        .find_map(|machine| before(description, machine))
        .map(|it| (it.directory, it.record))
}

fn directory(
    session: &Session,
    description: &Description,
    machine: bool,
    before: Option<&Before>,
) -> Result<String, Failure> {
    if let Some(directory) = &session.options.directory {
        let full = platform::full_path(directory).doing("understand", directory)?;
        // Never a drive, or a share, as a whole.
        if full.split('\\').filter(|part| !part.is_empty()).count() < 2 {
            return Err(Failure::Usage(format!("/D={directory}")));
        }
        return Ok(full);
    }
    if let Some(before) = before {
        return Ok(before.directory.clone());
    }
    let (folder, below) = if machine { (Folder::Programs, "") } else { (Folder::LocalData, r"\Programs") };
    let programs = platform::folder(folder).doing("find", "the folder of programs")?;
    Ok(format!(r"{programs}{below}\{}", description.directory))
}

fn is_same_path(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Everything that can fail, and is put back then.
fn replace(
    session: &mut Session,
    payload: &Payload,
    switch: &Switch,
    directory: &str,
    machine: bool,
    before: Option<&Before>,
) -> Result<(), Failure> {
    let description = &payload.description;
    unpack(session, payload, switch, directory)?;
    let record = Record { machine, description: without_blocks(description) };
    let text = serde_json::to_vec(&record).map_err(|error| Failure::Damaged(error.to_string()))?;
    platform::write_file::<Failure>(&switch.staged(RECORD)?, core::iter::once(Ok(text)))?;

    let old = match before {
        Some(before) => item::items(&before.record, &before.directory)?,
        None => Vec::new(),
    };
    let new = item::items(&record, directory)?;
    session.close_programs(directory, description.close_seconds)?;
    if let Some(before) = before
        && !is_same_path(&before.directory, directory)
    {
        session.close_programs(&before.directory, description.close_seconds)?;
    }
    session.say(session.texts.installing);
    let stopped = stop_services(session, &old, &new);
    let outcome = stopped.and_then(|()| {
        let here = before.filter(|before| is_same_path(&before.directory, directory));
        let old_files = here.map_or(&[][..], |before| &before.record.description.files);
        let mut old_paths: Vec<&str> = old_files.iter().map(|file| file.path.as_str()).collect();
        old_paths.extend(here.map(|_| RECORD));
        let mut new_paths: Vec<&str> = description.files.iter().map(|file| file.path.as_str()).collect();
        new_paths.push(RECORD);
        switch.switch(&new_paths, &old_paths)?;
        apply(session, &old, &new)
    });
    if let Err(failure) = outcome {
        // The caller puts the files back; what stands beside them comes first, as it may be in use.
        take_back(session, &old, &new);
        if switch.put_back().is_ok() {
            start_services(session, &old);
        }
        return Err(failure);
    }
    start_services(session, &new);
    Ok(())
}

fn unpack(session: &mut Session, payload: &Payload, switch: &Switch, directory: &str) -> Result<(), Failure> {
    let files = &payload.description.files;
    let total: u64 = files.iter().map(|file| file.size).sum();
    if platform::available_space(directory).is_some_and(|available| available < total.saturating_add(SPARE)) {
        return Err(Failure::NoSpace(total.saturating_add(SPARE)));
    }
    let mut done = 0;
    for file in files {
        let staged = switch.staged(&file.path)?;
        let blocks = payload.blocks(file).map(|block| {
            let block = block?;
            done += block.len() as u64;
            session.advance(done, total)?;
            Ok(block)
        });
        platform::write_file(&staged, blocks).map_err(|failure: Failure| match failure {
            Failure::System { error, .. } => Failure::System { what: format!("write {staged}"), error },
            failure => failure,
        })?;
    }
    Ok(())
}

fn without_blocks(description: &Description) -> Description {
    let mut description = description.clone();
    for file in &mut description.files {
        file.blocks = Vec::new();
    }
    description
}

fn service_names(items: &[Item]) -> impl Iterator<Item = (&String, Start)> {
    items.iter().filter_map(|item| match item {
        Item::Service { service, .. } => Some((&service.name, service.start)),
        _ => None,
    })
}

fn stop_services(session: &mut Session, old: &[Item], new: &[Item]) -> Result<(), Failure> {
    for (name, _) in service_names(old).chain(service_names(new)) {
        if platform::service_exists(name) {
            session.log(&format!("stopping {name}"));
            platform::stop_service(name).doing("stop the service", name)?;
        }
    }
    Ok(())
}

/// A service that does not start is said, and no reason to go back: it may need to be set up first.
fn start_services(session: &mut Session, items: &[Item]) {
    for (name, start) in service_names(items) {
        if start == Start::Automatic
            && let Err(error) = platform::start_service(name)
        {
            session.log(&format!("the service {name} does not start: {error}"));
        }
    }
}

/// Changes what stands beside the files from the old version to the new one.
fn apply(session: &mut Session, old: &[Item], new: &[Item]) -> Result<(), Failure> {
    for item in new {
        // A shortcut that somebody threw away stays away.
        let thrown_away = old.iter().any(|old| old.is_same(item)) && item.was_removed();
        if !thrown_away {
            session.log(&format!("applying {item:?}"));
            item.apply()?;
        }
    }
    for item in old.iter().filter(|item| !new.iter().any(|new| new.is_same(item))) {
        item.remove()?;
    }
    platform::associations_changed();
    Ok(())
}

/// As it was before [`apply`], as far as the system lets it.
fn take_back(session: &mut Session, old: &[Item], new: &[Item]) {
    let only_new = new.iter().filter(|item| !old.iter().any(|old| old.is_same(item)));
    for result in
        only_new.map(Item::remove).chain(old.iter().filter(|item| !item.was_removed()).map(Item::apply))
    {
        if let Err(failure) = result {
            session.log(&format!("putting back: {failure}"));
        }
    }
}

/// Deletes files of a folder, and the folders that are empty then.
pub(crate) fn remove_files(directory: &str, paths: &[&str]) {
    for path in paths.iter().copied().chain([RECORD]) {
        let _ = platform::delete_file(&format!(r"{directory}\{}", path.replace('/', "\\")));
    }
    remove_empty_directories(directory, paths);
    let _ = platform::remove_directory(directory);
}

/// Where a copy of the setup.exe is kept for the updater.
pub(crate) fn cache(description: &Description) -> Option<String> {
    let name = description.cache.as_ref()?;
    let data = platform::folder(Folder::LocalData).ok()?;
    Some(format!(r"{data}\{name}"))
}

/// Keeps a copy of this setup.exe. An updater without it fetches everything, so that failing is only said.
fn keep_installer(session: &mut Session, description: &Description) {
    let Some(cache) = cache(description) else { return };
    let own = platform::own_path();
    let kept = format!(r"{cache}\installer.exe");
    if is_same_path(&own, &kept) {
        return;
    }
    let draft = format!("{kept}.new");
    let copied = platform::create_directories(&cache)
        .and_then(|_| platform::copy_file(&own, &draft))
        .and_then(|()| platform::move_file(&draft, &kept));
    if let Err(error) = copied {
        session.log(&format!("keeping a copy as {kept}: {error}"));
    }
}

/// What comes after a good installation: the application, or a word.
fn finish(session: &mut Session, description: &Description, directory: &str) -> Result<(), Failure> {
    // Who asked for the rights starts it, without them.
    if session.options.elevated {
        return Ok(());
    }
    let wanted = session.options.force_run || (!session.options.silent && !session.options.updated);
    match &description.run {
        Some(run) if wanted => {
            let program = format!(r"{directory}\{}", run.program.replace('/', "\\"));
            let mut arguments = run.arguments.clone().unwrap_or_default();
            if session.options.updated {
                arguments = format!("{arguments} --updated");
            }
            session.log(&format!("starting {} {arguments}", quoted(&program)));
            platform::start(&program, arguments.trim(), directory).doing("start", &program).map(drop)
        }
        _ => {
            if !session.options.silent {
                let text = crate::texts::fill(session.texts.installed, &session.name);
                platform::tell(None, &session.title(), &text, false);
            }
            Ok(())
        }
    }
}
