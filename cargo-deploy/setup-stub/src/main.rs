//! The program at the front of a setup.exe: it installs the container behind it, or, without one, removes what the record
//! beside it names.
//!
//! It has no runtime and no library beside it, so that it is small and needs nothing to be linked. For what it does, and
//! why in this way, see `docs/design/setup-stub.md`.

#![no_std]
#![no_main]
#![windows_subsystem = "windows"]

extern crate alloc;

#[cfg_attr(not(test), expect(dead_code, reason = "shared with whoever writes containers"))]
mod container;
mod description;
mod failure;
mod install;
mod item;
mod options;
mod payload;
mod platform;
mod session;
mod switch;
mod texts;
mod uninstall;

use alloc::format;
use failure::Failure;
use options::Options;
use payload::Payload;
use session::Session;

/// Does what the command line asks for, and gives the exit code.
fn run() -> u32 {
    let (options, unknown) = Options::parse(&platform::command_line());
    if let Some(word) = unknown {
        return report(&Session::new(options, None), &Failure::Usage(word));
    }
    if options.help {
        platform::tell(None, "Setup", texts::HELP, false);
        return 0;
    }
    let payload = match Payload::open(&platform::own_path()) {
        Ok(payload) => payload,
        Err(failure) => return report(&Session::new(options, None), &failure),
    };
    let (mut session, outcome) = match payload {
        Some(payload) if !options.uninstall => {
            let mut session = Session::new(options, Some(&payload.description));
            let outcome = install::install(&mut session, &payload);
            (session, outcome)
        }
        payload => {
            let installed = uninstall::own_installation();
            let installed = installed.or_else(|| install::installed(&payload?.description));
            let Some((directory, record)) = installed else {
                let failure = Failure::Damaged("nothing is installed here".into());
                return report(&Session::new(options, None), &failure);
            };
            let mut session = Session::new(options, Some(&record.description));
            let outcome = uninstall::uninstall(&mut session, &directory, &record);
            (session, outcome)
        }
    };
    let code = match outcome {
        Ok(()) => 0,
        Err(failure) => {
            session.log(&format!("{failure}"));
            report(&session, &failure)
        }
    };
    session.log(&format!("exit code {code}"));
    session.write_log();
    code
}

/// Says why something was not done.
fn report(session: &Session, failure: &Failure) -> u32 {
    if !session.options.silent
        && let Some(text) = failure.text(session.texts)
    {
        platform::tell(session.progress.as_ref(), &session.title(), &text, true);
    }
    failure.code()
}
