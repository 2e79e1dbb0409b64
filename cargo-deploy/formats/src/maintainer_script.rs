//! Scripts that dpkg and rpm run when a package is installed, upgraded or removed: what units, users and directories need
//! of them, and how that joins the project's own scripts.
//!
//! For Debian the meaning is that of debhelper's dh_installsystemd, dh_installsystemduser, dh_installsysusers and
//! dh_installtmpfiles at compatibility level 13, done by deb-systemd-helper(1) and deb-systemd-invoke(1), so that what an
//! administrator has disabled or masked stays so. For rpm it is that of `%systemd_post`, `%systemd_preun` and
//! `%systemd_postun_with_restart` (daemon(7), macros.systemd): presets decide whether a unit is enabled, and nothing is
//! started on installation. Where systemd brings its systemd-update-helper (since 250) that does the work, together with
//! the file triggers of systemd's own package; elsewhere systemctl is called.

use thiserror::Error;

use crate::freedesktop::systemd_unit::{Scope, UnitName};
use crate::located::{Located, utf8};

/// Where the generated part goes in a project's own script. It is debhelper's word, which packagers know.
pub const TOKEN: &str = "#DEBHELPER#";

/// What a Debian package that brings users or directories depends on, besides what it needs itself.
pub const SYSUSERS_DEPENDS: &str = "systemd | systemd-standalone-sysusers | systemd-sysusers";

/// A unit that a package brings, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitHandling {
    /// Its name. Templates are installed and nothing more.
    pub name: UnitName,
    /// Whose unit it is.
    pub scope: Scope,
    /// Whether its file has an `[Install]` section that wants it: only such units can be enabled.
    pub installable: bool,
    /// Whether it is enabled on first installation. rpm asks the presets, too.
    pub enable: bool,
    /// Whether it is started on installation. Debian only: rpm packages do not start units.
    pub start: bool,
    /// Whether a running unit goes on until the new version is in place and is then restarted, instead of being
    /// stopped before the upgrade and started behind it.
    pub restart_after_upgrade: bool,
    /// Whether an upgrade stops the unit. If neither this nor `restart_after_upgrade` is set, an upgrade leaves the old program running.
    pub stop_on_upgrade: bool,
}

/// All that scripts are generated for. Names of files are those in `usr/lib/sysusers.d` and `usr/lib/tmpfiles.d`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activation {
    /// The units, in any order.
    pub units: Vec<UnitHandling>,
    /// `example.conf`.
    pub sysusers: Vec<String>,
    /// `example.conf`.
    pub tmpfiles: Vec<String>,
}

/// The generated part of the scripts of a Debian package. Empty where there is nothing to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebScripts {
    /// Behind the unpacking.
    pub postinst: String,
    /// Before the removal of files.
    pub prerm: String,
    /// Behind the removal of files, and on purge.
    pub postrm: String,
}

/// The generated scriptlets of an rpm package. Empty where there is nothing to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RpmScripts {
    /// `%post`.
    pub post: String,
    /// `%preun`.
    pub preun: String,
    /// `%postun`.
    pub postun: String,
}

/// What is wrong with a project's own script.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScriptProblem {
    /// Nothing in it.
    #[error("the script is empty")]
    Empty,
    /// Bytes that are no text.
    #[error("the script is not UTF-8")]
    NotUtf8,
    /// A byte that no interpreter takes.
    #[error("the script contains a zero byte")]
    Zero,
    /// Windows line ends.
    #[error("the line ends in CR LF, which Linux takes for part of the command; save the script with LF")]
    CarriageReturn,
    /// A mark of Unicode editors before the `#!`.
    #[error(
        "the script begins with a byte order mark, so the system does not see its #! line; save it without one"
    )]
    ByteOrderMark,
    /// No interpreter.
    #[error("the script does not begin with a #! line such as #!/bin/sh, so the system cannot run it")]
    NoInterpreter,
    /// An interpreter that is no absolute path.
    #[error("the interpreter `{interpreter}` is not an absolute path")]
    RelativeInterpreter {
        /// As written.
        interpreter: String,
    },
    /// The place of the generated part is missing.
    #[error(
        "the script has no line #DEBHELPER#, which is where the commands for units, users and directories would go"
    )]
    NoToken,
    /// The generated part is shell and the script is not.
    #[error("commands for units are shell, and the script is run by `{interpreter}`")]
    NotShell {
        /// As written.
        interpreter: String,
    },
}

/// Checks a project's own script. All problems, in the order of the lines; of CR LF only the first.
pub fn check(bytes: &[u8]) -> Vec<Located<ScriptProblem>> {
    let text = match utf8(bytes) {
        Ok(text) => text,
        Err(line) => return vec![Located::at(line, ScriptProblem::NotUtf8)],
    };
    if text.trim().is_empty() {
        return vec![Located::whole(ScriptProblem::Empty)];
    }
    let mut problems = Vec::new();
    if text.starts_with('\u{feff}') {
        problems.push(Located::at(1, ScriptProblem::ByteOrderMark));
    }
    match interpreter(text) {
        None => problems.push(Located::at(1, ScriptProblem::NoInterpreter)),
        Some(interpreter) if !interpreter.starts_with('/') => {
            let interpreter = interpreter.to_owned();
            problems.push(Located::at(1, ScriptProblem::RelativeInterpreter { interpreter }));
        }
        Some(_) => {}
    }
    if let Some(line) = text.split('\n').position(|line| line.ends_with('\r')) {
        problems.push(Located::at(line + 1, ScriptProblem::CarriageReturn));
    }
    if let Some(line) = text.split('\n').position(|line| line.contains('\0')) {
        problems.push(Located::at(line + 1, ScriptProblem::Zero));
    }
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// The first word behind `#!`.
fn interpreter(text: &str) -> Option<&str> {
    let first = text.trim_start_matches('\u{feff}').lines().next()?;
    first.strip_prefix("#!")?.split_whitespace().next()
}

fn is_shell(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let mut words = first.strip_prefix("#!").unwrap_or_default().split_whitespace();
    let mut program = words.next().unwrap_or_default();
    if matches!(program.rsplit('/').next(), Some("env" | "busybox")) {
        program = words.next().unwrap_or_default();
    }
    matches!(program.rsplit('/').next(), Some("sh" | "dash" | "bash" | "ksh" | "mksh" | "zsh" | "ash"))
}

/// Joins a project's own script and the generated part. `None` if there is neither.
///
/// The generated part replaces the line [`TOKEN`] of the project's script. A script that lacks the line is an error:
/// what is generated would be lost, or behind an `exit` at its end.
pub fn compose(own: Option<&[u8]>, generated: &str) -> Result<Option<String>, Vec<Located<ScriptProblem>>> {
    let Some(own) = own else {
        return Ok((!generated.is_empty()).then(|| format!("#!/bin/sh\nset -e\n\n{generated}")));
    };
    let mut problems = check(own);
    let text = String::from_utf8_lossy(own);
    let is_token = |line: &str| line.trim() == TOKEN;
    if problems.is_empty() && !generated.is_empty() {
        if !is_shell(&text) {
            let interpreter = interpreter(&text).unwrap_or_default().to_owned();
            problems.push(Located::at(1, ScriptProblem::NotShell { interpreter }));
        } else if !text.lines().any(is_token) {
            problems.push(Located::whole(ScriptProblem::NoToken));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut output = String::new();
    let mut pending = Some(generated);
    for line in text.lines() {
        if is_token(line) {
            output.push_str(pending.take().unwrap_or_default());
        } else {
            output.push_str(line);
            output.push('\n');
        }
    }
    Ok(Some(output))
}

/// The states in which dpkg calls `postinst` when the package is to be in order behind it (Debian policy 6.5).
const CONFIGURED: &str = "configure|abort-upgrade|abort-deconfigure|abort-remove";

impl Activation {
    /// Units that can be acted on by name, sorted, each once.
    fn chosen(&self, scope: Scope, keep: impl Fn(&UnitHandling) -> bool) -> Vec<&UnitHandling> {
        let mut chosen: Vec<&UnitHandling> = self
            .units
            .iter()
            .filter(|unit| unit.scope == scope && !unit.name.is_template() && keep(unit))
            .collect();
        chosen.sort_by(|a, b| a.name.cmp(&b.name));
        chosen.dedup_by(|a, b| a.name == b.name);
        chosen
    }

    /// The generated parts of the scripts of a Debian package.
    pub fn deb(&self) -> DebScripts {
        DebScripts { postinst: self.deb_postinst(), prerm: self.deb_prerm(), postrm: self.deb_postrm() }
    }

    fn deb_postinst(&self) -> String {
        let mut text = String::new();
        if !self.sysusers.is_empty() {
            text.push_str("\t# Users and groups first: what follows may belong to them.\n");
            text.push_str(&format!(
                "\tsystemd-sysusers ${{DPKG_ROOT:+--root=\"$DPKG_ROOT\"}} {}\n",
                quoted(sorted(&self.sysusers))
            ));
        }
        if !self.tmpfiles.is_empty() {
            text.push_str("\tif [ -x \"$(command -v systemd-tmpfiles)\" ]; then\n");
            text.push_str(&format!(
                "\t\tsystemd-tmpfiles ${{DPKG_ROOT:+--root=\"$DPKG_ROOT\"}} --create {} >/dev/null || true\n",
                quoted(sorted(&self.tmpfiles))
            ));
            text.push_str("\tfi\n");
        }
        for scope in [Scope::User, Scope::System] {
            for unit in self.chosen(scope, |unit| unit.installable) {
                text.push_str(&deb_enable(unit));
            }
        }
        text.push_str(&self.deb_start());
        if text.is_empty() {
            return text;
        }
        format!("case \"$1\" in\n{CONFIGURED})\n{text}\t;;\nesac\n")
    }

    fn deb_start(&self) -> String {
        let system =
            |keep: &dyn Fn(&UnitHandling) -> bool| names(&self.chosen(Scope::System, |unit| keep(unit)));
        let restart = system(&|unit| unit.start && unit.restart_after_upgrade);
        let restart_running = system(&|unit| !unit.start && unit.restart_after_upgrade);
        let start = system(&|unit| unit.start && !unit.restart_after_upgrade);
        if self.chosen(Scope::System, |_| true).is_empty() {
            return String::new();
        }
        let mut text = String::from(
            "\tif [ -d /run/systemd/system ]; then\n\t\tsystemctl --system daemon-reload >/dev/null || true\n",
        );
        let invoke = |action: &str, units: &str, indent: &str| {
            format!("{indent}deb-systemd-invoke {action} {units} >/dev/null || true\n")
        };
        if !restart.is_empty() || !restart_running.is_empty() {
            text.push_str("\t\t# The second argument is the version that was configured before, if any.\n");
            text.push_str("\t\tif [ -n \"$2\" ]; then\n");
            if !restart.is_empty() {
                text.push_str(&invoke("restart", &restart, "\t\t\t"));
            }
            if !restart_running.is_empty() {
                text.push_str(&invoke("try-restart", &restart_running, "\t\t\t"));
            }
            if !restart.is_empty() {
                text.push_str("\t\telse\n");
                text.push_str(&invoke("start", &restart, "\t\t\t"));
            }
            text.push_str("\t\tfi\n");
        }
        if !start.is_empty() {
            text.push_str(&invoke("start", &start, "\t\t"));
        }
        text.push_str("\tfi\n");
        text
    }

    fn deb_prerm(&self) -> String {
        let stays = |unit: &UnitHandling| unit.restart_after_upgrade || !unit.stop_on_upgrade;
        let on_removal = names(&self.chosen(Scope::System, stays));
        let always = names(&self.chosen(Scope::System, |unit| !stays(unit)));
        if on_removal.is_empty() && always.is_empty() {
            return String::new();
        }
        let mut text = String::from("if [ -z \"${DPKG_ROOT:-}\" ] && [ -d /run/systemd/system ]; then\n");
        if !always.is_empty() {
            text.push_str(&format!("\tdeb-systemd-invoke stop {always} >/dev/null || true\n"));
        }
        if !on_removal.is_empty() {
            text.push_str(&format!(
                "\tif [ \"$1\" = remove ]; then\n\t\tdeb-systemd-invoke stop {on_removal} >/dev/null || true\n\tfi\n"
            ));
        }
        text.push_str("fi\n");
        text
    }

    fn deb_postrm(&self) -> String {
        let mut text = String::new();
        if !self.chosen(Scope::System, |_| true).is_empty() {
            text.push_str(
                "if [ \"$1\" = remove ] && [ -d /run/systemd/system ]; then\n\tsystemctl --system daemon-reload >/dev/null || true\nfi\n",
            );
        }
        for scope in [Scope::System, Scope::User] {
            let units = names(&self.chosen(scope, |unit| unit.installable));
            if !units.is_empty() {
                let option = if scope == Scope::User { "--user " } else { "" };
                text.push_str(&format!(
                    "if [ \"$1\" = purge ] && [ -x /usr/bin/deb-systemd-helper ]; then\n\tdeb-systemd-helper {option}purge {units} >/dev/null || true\nfi\n"
                ));
            }
        }
        text
    }

    /// The scriptlets of an rpm package.
    pub fn rpm(&self) -> RpmScripts {
        let mut scripts = RpmScripts::default();
        for (program, files, directory) in [
            ("systemd-sysusers", &self.sysusers, "sysusers.d"),
            ("systemd-tmpfiles --create", &self.tmpfiles, "tmpfiles.d"),
        ] {
            if !files.is_empty() {
                let paths = sorted(files).into_iter().map(|file| format!("/usr/lib/{directory}/{file}"));
                scripts.post.push_str(&format!("{program} {} >/dev/null || :\n", quoted(paths)));
            }
        }
        for scope in [Scope::System, Scope::User] {
            let preset = names(&self.chosen(scope, |unit| unit.installable && unit.enable));
            if !preset.is_empty() {
                scripts.post.push_str(&rpm_branches(
                    "[ \"$1\" -eq 1 ]",
                    Some(format!("install-{}-units {preset}", word(scope))),
                    &[format!("systemctl {}preset {preset}", options(scope))],
                ));
            }
            let all = names(&self.chosen(scope, |_| true));
            if all.is_empty() {
                continue;
            }
            let now = if scope == Scope::System { " --now" } else { "" };
            scripts.preun.push_str(&rpm_branches(
                "[ \"$1\" -eq 0 ]",
                Some(format!("remove-{}-units {all}", word(scope))),
                &[format!("systemctl {}disable{now} {all}", options(scope))],
            ));
            let restart = names(&self.chosen(scope, |unit| unit.restart_after_upgrade));
            if scope == Scope::System {
                scripts.postun.push_str(&rpm_branches(
                    "[ \"$1\" -ge 0 ]",
                    None,
                    &["systemctl daemon-reload".to_owned()],
                ));
            }
            if !restart.is_empty() {
                // Nobody but the user's own manager can restart a user's unit, and only the helper reaches it.
                let plain: Vec<String> = (scope == Scope::System)
                    .then(|| format!("systemctl try-restart {restart}"))
                    .into_iter()
                    .collect();
                scripts.postun.push_str(&rpm_branches(
                    "[ \"$1\" -ge 1 ]",
                    Some(format!("mark-restart-{}-units {restart}", word(scope))),
                    &plain,
                ));
            }
        }
        scripts
    }
}

fn deb_enable(unit: &UnitHandling) -> String {
    let option = if unit.scope == Scope::User { "--user " } else { "" };
    let name = format!("'{}'", unit.name);
    let helper = format!("deb-systemd-helper {option}");
    if unit.enable {
        // `was-enabled` is true for a unit that was never seen, so a first installation enables it.
        format!(
            "\t{helper}unmask {name} >/dev/null || true\n\
             \tif deb-systemd-helper --quiet {option}was-enabled {name}; then\n\
             \t\t{helper}enable {name} >/dev/null || true\n\
             \telse\n\
             \t\t# Disabled by the administrator: links are only noted, to be removed on purge.\n\
             \t\t{helper}update-state {name} >/dev/null || true\n\
             \tfi\n"
        )
    } else {
        format!(
            "\tif {helper}debian-installed {name}; then\n\
             \t\t{helper}unmask {name} >/dev/null || true\n\
             \t\tif deb-systemd-helper --quiet {option}was-enabled {name}; then\n\
             \t\t\t{helper}enable {name} >/dev/null || true\n\
             \t\tfi\n\
             \tfi\n\
             \t{helper}update-state {name} >/dev/null || true\n"
        )
    }
}

/// A scriptlet for one occasion: by systemd's helper where there is one, else by plain commands.
fn rpm_branches(occasion: &str, helper: Option<String>, plain: &[String]) -> String {
    const HELPER: &str = "/usr/lib/systemd/systemd-update-helper";
    let mut text = format!("if {occasion}; then\n");
    // Without the helper the manager may be missing altogether, as in a container.
    let plain: Vec<String> = plain.iter().map(|line| format!("{line} >/dev/null 2>&1 || :")).collect();
    match (helper, plain.is_empty()) {
        (Some(helper), true) => {
            text.push_str(&format!("\tif [ -x {HELPER} ]; then\n\t\t{HELPER} {helper} || :\n\tfi\n"));
        }
        (Some(helper), false) => {
            text.push_str(&format!(
                "\tif [ -x {HELPER} ]; then\n\t\t{HELPER} {helper} || :\n\telse\n\t\t{}\n\tfi\n",
                plain.join("\n\t\t")
            ));
        }
        (None, _) => {
            text.push_str(&format!("\tif [ ! -x {HELPER} ]; then\n\t\t{}\n\tfi\n", plain.join("\n\t\t")));
        }
    }
    text.push_str("fi\n");
    // An occasion that always is needs no question.
    match text.strip_prefix("if [ \"$1\" -ge 0 ]; then\n").and_then(|text| text.strip_suffix("fi\n")) {
        Some(inner) => {
            inner.lines().map(|line| format!("{}\n", line.strip_prefix('\t').unwrap_or(line))).collect()
        }
        None => text,
    }
}

fn word(scope: Scope) -> &'static str {
    match scope {
        Scope::System => "system",
        Scope::User => "user",
    }
}

fn options(scope: Scope) -> &'static str {
    match scope {
        Scope::System => "--no-reload ",
        Scope::User => "--no-reload --global ",
    }
}

fn sorted(names: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

fn names(units: &[&UnitHandling]) -> String {
    quoted(units.iter().map(|unit| unit.name.as_str()))
}

/// Words for a shell, in single quotes.
fn quoted(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let quoted: Vec<String> =
        words.into_iter().map(|word| format!("'{}'", word.as_ref().replace('\'', "'\\''"))).collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Directory, ask};

    fn unit(name: &str, scope: Scope) -> UnitHandling {
        UnitHandling {
            name: name.parse().unwrap(),
            scope,
            installable: true,
            enable: true,
            start: true,
            restart_after_upgrade: true,
            stop_on_upgrade: true,
        }
    }

    fn example() -> Activation {
        Activation {
            units: vec![
                unit("b.timer", Scope::System),
                UnitHandling { installable: false, ..unit("b.service", Scope::System) },
                UnitHandling { enable: false, start: false, ..unit("a.socket", Scope::System) },
                UnitHandling { restart_after_upgrade: false, ..unit("c.service", Scope::System) },
                unit("many@.service", Scope::System),
                unit("agent.service", Scope::User),
            ],
            sysusers: vec!["x.conf".to_owned()],
            tmpfiles: vec!["y.conf".to_owned(), "x.conf".to_owned()],
        }
    }

    #[test]
    fn debian_scripts_enable_start_restart_stop_and_purge() {
        let scripts = example().deb();
        assert_eq!(
            scripts.postinst,
            r#"case "$1" in
configure|abort-upgrade|abort-deconfigure|abort-remove)
	# Users and groups first: what follows may belong to them.
	systemd-sysusers ${DPKG_ROOT:+--root="$DPKG_ROOT"} 'x.conf'
	if [ -x "$(command -v systemd-tmpfiles)" ]; then
		systemd-tmpfiles ${DPKG_ROOT:+--root="$DPKG_ROOT"} --create 'x.conf' 'y.conf' >/dev/null || true
	fi
	deb-systemd-helper --user unmask 'agent.service' >/dev/null || true
	if deb-systemd-helper --quiet --user was-enabled 'agent.service'; then
		deb-systemd-helper --user enable 'agent.service' >/dev/null || true
	else
		# Disabled by the administrator: links are only noted, to be removed on purge.
		deb-systemd-helper --user update-state 'agent.service' >/dev/null || true
	fi
	if deb-systemd-helper debian-installed 'a.socket'; then
		deb-systemd-helper unmask 'a.socket' >/dev/null || true
		if deb-systemd-helper --quiet was-enabled 'a.socket'; then
			deb-systemd-helper enable 'a.socket' >/dev/null || true
		fi
	fi
	deb-systemd-helper update-state 'a.socket' >/dev/null || true
	deb-systemd-helper unmask 'b.timer' >/dev/null || true
	if deb-systemd-helper --quiet was-enabled 'b.timer'; then
		deb-systemd-helper enable 'b.timer' >/dev/null || true
	else
		# Disabled by the administrator: links are only noted, to be removed on purge.
		deb-systemd-helper update-state 'b.timer' >/dev/null || true
	fi
	deb-systemd-helper unmask 'c.service' >/dev/null || true
	if deb-systemd-helper --quiet was-enabled 'c.service'; then
		deb-systemd-helper enable 'c.service' >/dev/null || true
	else
		# Disabled by the administrator: links are only noted, to be removed on purge.
		deb-systemd-helper update-state 'c.service' >/dev/null || true
	fi
	if [ -d /run/systemd/system ]; then
		systemctl --system daemon-reload >/dev/null || true
		# The second argument is the version that was configured before, if any.
		if [ -n "$2" ]; then
			deb-systemd-invoke restart 'b.service' 'b.timer' >/dev/null || true
			deb-systemd-invoke try-restart 'a.socket' >/dev/null || true
		else
			deb-systemd-invoke start 'b.service' 'b.timer' >/dev/null || true
		fi
		deb-systemd-invoke start 'c.service' >/dev/null || true
	fi
	;;
esac
"#
        );
        assert_eq!(
            scripts.prerm,
            r#"if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
	deb-systemd-invoke stop 'c.service' >/dev/null || true
	if [ "$1" = remove ]; then
		deb-systemd-invoke stop 'a.socket' 'b.service' 'b.timer' >/dev/null || true
	fi
fi
"#
        );
        assert_eq!(
            scripts.postrm,
            r#"if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	systemctl --system daemon-reload >/dev/null || true
fi
if [ "$1" = purge ] && [ -x /usr/bin/deb-systemd-helper ]; then
	deb-systemd-helper purge 'a.socket' 'b.timer' 'c.service' >/dev/null || true
fi
if [ "$1" = purge ] && [ -x /usr/bin/deb-systemd-helper ]; then
	deb-systemd-helper --user purge 'agent.service' >/dev/null || true
fi
"#
        );
    }

    #[test]
    fn rpm_scriptlets_preset_remove_and_restart() {
        let scripts = example().rpm();
        assert_eq!(
            scripts.post,
            r#"systemd-sysusers '/usr/lib/sysusers.d/x.conf' >/dev/null || :
systemd-tmpfiles --create '/usr/lib/tmpfiles.d/x.conf' '/usr/lib/tmpfiles.d/y.conf' >/dev/null || :
if [ "$1" -eq 1 ]; then
	if [ -x /usr/lib/systemd/systemd-update-helper ]; then
		/usr/lib/systemd/systemd-update-helper install-system-units 'b.timer' 'c.service' || :
	else
		systemctl --no-reload preset 'b.timer' 'c.service' >/dev/null 2>&1 || :
	fi
fi
if [ "$1" -eq 1 ]; then
	if [ -x /usr/lib/systemd/systemd-update-helper ]; then
		/usr/lib/systemd/systemd-update-helper install-user-units 'agent.service' || :
	else
		systemctl --no-reload --global preset 'agent.service' >/dev/null 2>&1 || :
	fi
fi
"#
        );
        assert_eq!(
            scripts.preun,
            r#"if [ "$1" -eq 0 ]; then
	if [ -x /usr/lib/systemd/systemd-update-helper ]; then
		/usr/lib/systemd/systemd-update-helper remove-system-units 'a.socket' 'b.service' 'b.timer' 'c.service' || :
	else
		systemctl --no-reload disable --now 'a.socket' 'b.service' 'b.timer' 'c.service' >/dev/null 2>&1 || :
	fi
fi
if [ "$1" -eq 0 ]; then
	if [ -x /usr/lib/systemd/systemd-update-helper ]; then
		/usr/lib/systemd/systemd-update-helper remove-user-units 'agent.service' || :
	else
		systemctl --no-reload --global disable 'agent.service' >/dev/null 2>&1 || :
	fi
fi
"#
        );
        assert_eq!(
            scripts.postun,
            r#"if [ ! -x /usr/lib/systemd/systemd-update-helper ]; then
	systemctl daemon-reload >/dev/null 2>&1 || :
fi
if [ "$1" -ge 1 ]; then
	if [ -x /usr/lib/systemd/systemd-update-helper ]; then
		/usr/lib/systemd/systemd-update-helper mark-restart-system-units 'a.socket' 'b.service' 'b.timer' || :
	else
		systemctl try-restart 'a.socket' 'b.service' 'b.timer' >/dev/null 2>&1 || :
	fi
fi
if [ "$1" -ge 1 ]; then
	if [ -x /usr/lib/systemd/systemd-update-helper ]; then
		/usr/lib/systemd/systemd-update-helper mark-restart-user-units 'agent.service' || :
	fi
fi
"#
        );
    }

    #[test]
    fn nothing_to_do_is_no_script() {
        let templates =
            Activation { units: vec![unit("x@.service", Scope::System)], ..Activation::default() };
        for activation in [Activation::default(), templates] {
            assert_eq!(activation.deb(), DebScripts::default());
            assert_eq!(activation.rpm(), RpmScripts::default());
        }
        assert_eq!(compose(None, "").unwrap(), None);
    }

    #[test]
    fn the_order_of_the_units_does_not_matter() {
        let mut turned = example();
        turned.units.reverse();
        turned.tmpfiles.reverse();
        assert_eq!(turned.deb(), example().deb());
        assert_eq!(turned.rpm(), example().rpm());
    }

    #[test]
    fn the_generated_part_stands_where_the_token_is() {
        let own = b"#!/bin/sh\nset -e\necho before\n  #DEBHELPER#\necho behind\n";
        assert_eq!(
            compose(Some(own), "middle\n").unwrap().unwrap(),
            "#!/bin/sh\nset -e\necho before\nmiddle\necho behind\n"
        );
        assert_eq!(compose(Some(own), "").unwrap().unwrap(), "#!/bin/sh\nset -e\necho before\necho behind\n");
        assert_eq!(compose(None, "all\n").unwrap().unwrap(), "#!/bin/sh\nset -e\n\nall\n");
    }

    #[test]
    fn a_script_that_would_lose_the_generated_part_is_refused() {
        let table: &[(&[u8], &str, &str)] = &[
            (
                b"#!/bin/sh\nexit 0\n",
                "x\n",
                "the script has no line #DEBHELPER#, which is where the commands for units, users and directories would go",
            ),
            (
                b"#!/usr/bin/python3\n#DEBHELPER#\n",
                "x\n",
                "line 1: commands for units are shell, and the script is run by `/usr/bin/python3`",
            ),
            (b"", "", "the script is empty"),
            (b"echo \xff\n", "", "line 1: the script is not UTF-8"),
            (
                b"echo hello\n",
                "",
                "line 1: the script does not begin with a #! line such as #!/bin/sh, so the system cannot run it",
            ),
            (b"#!sh\n", "", "line 1: the interpreter `sh` is not an absolute path"),
            (
                b"#!/bin/sh\necho 1\r\necho 2\r\n",
                "",
                "line 2: the line ends in CR LF, which Linux takes for part of the command; save the script with LF",
            ),
            (b"#!/bin/sh\n\0\n", "", "line 2: the script contains a zero byte"),
            (
                b"\xef\xbb\xbf#!/bin/sh\n",
                "",
                "line 1: the script begins with a byte order mark, so the system does not see its #! line; save it without one",
            ),
        ];
        for (own, generated, expected) in table {
            let problems = compose(Some(own), generated).unwrap_err();
            let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert_eq!(text, [*expected]);
        }
        assert!(compose(Some(b"#!/usr/bin/python3\npass\n"), "").is_ok());
        assert!(compose(Some(b"#!/usr/bin/env bash\n#DEBHELPER#\n"), "x\n").is_ok());
    }

    /// A directory that the scripts take for the running system, and programs that write down how they are called.
    fn calls(directory: &Directory, script: &str, arguments: &str) -> String {
        for program in
            ["deb-systemd-helper", "deb-systemd-invoke", "systemctl", "systemd-sysusers", "systemd-tmpfiles"]
        {
            let log = directory.0.join("log");
            let stub = format!("#!/bin/sh\necho {program} \"$@\" >> '{}'\n", log.display());
            let path = directory.file(&format!("bin/{program}"), stub.as_bytes());
            ask("chmod", &["+x", &path], b"");
        }
        let here = directory.0.to_str().unwrap();
        let script = script
            .replace("/run/systemd/system", here)
            .replace("/usr/bin/deb-systemd-helper", &format!("{here}/bin/deb-systemd-helper"));
        directory.file("log", b"");
        let text = format!("PATH='{here}/bin':\"$PATH\"\nset -- {arguments}\n{script}cat '{here}/log'\n");
        let output = ask("sh", &["-c", &text], b"").unwrap();
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        // Output of the helper is thrown away by the scripts; the log has what counts.
        lines
            .lines()
            .filter(|line| line.contains("invoke") || line.contains("purge"))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    #[test]
    fn debian_scripts_act_on_each_occasion() {
        let directory = Directory::new("occasions");
        let scripts = example().deb();
        let table = [
            (
                &scripts.postinst,
                "configure ''",
                "deb-systemd-invoke start b.service b.timer\ndeb-systemd-invoke start c.service\n",
            ),
            (
                &scripts.postinst,
                "configure 1.0-1",
                "deb-systemd-invoke restart b.service b.timer\ndeb-systemd-invoke try-restart a.socket\ndeb-systemd-invoke start c.service\n",
            ),
            (&scripts.postinst, "triggered x", ""),
            (&scripts.prerm, "upgrade 2.0-1", "deb-systemd-invoke stop c.service\n"),
            (
                &scripts.prerm,
                "remove",
                "deb-systemd-invoke stop c.service\ndeb-systemd-invoke stop a.socket b.service b.timer\n",
            ),
            (&scripts.postrm, "upgrade 2.0-1", ""),
            (&scripts.postrm, "remove", ""),
            (
                &scripts.postrm,
                "purge",
                "deb-systemd-helper purge a.socket b.timer c.service\ndeb-systemd-helper --user purge agent.service\n",
            ),
        ];
        for (script, arguments, expected) in table {
            assert_eq!(calls(&directory, script, arguments), *expected, "{arguments}");
        }
    }

    /// Debian's own helper, in a root of its own.
    #[test]
    fn what_an_administrator_disabled_stays_disabled() {
        // Elsewhere than on Debian there is no such program.
        if ask("deb-systemd-helper", &["--help"], b"").is_none() {
            return;
        }
        let directory = Directory::new("helper");
        let root = directory.0.join("root");
        for unit in ["a.socket", "b.timer", "c.service"] {
            directory.file(
                &format!("root/usr/lib/systemd/system/{unit}"),
                b"[Install]\nWantedBy=multi-user.target\n",
            );
        }
        directory.file("root/usr/lib/systemd/user/agent.service", b"[Install]\nWantedBy=default.target\n");
        let scripts = Activation { sysusers: Vec::new(), tmpfiles: Vec::new(), ..example() }.deb();
        let run = |script: &str, arguments: &str| {
            let script = script.replace("/run/systemd/system", "/nonexistent");
            let variables = format!(
                "export DPKG_ROOT='{}' DPKG_MAINTSCRIPT_PACKAGE=example DPKG_MAINTSCRIPT_NAME=postinst",
                root.display()
            );
            let links = "cd \"$DPKG_ROOT\"; find etc -type l | sort";
            let output =
                ask("sh", &["-ec", &format!("{variables}\nset -- {arguments}\n{script}{links}")], b"")
                    .unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let links = |timer: &str| {
            format!(
                "{timer}etc/systemd/system/multi-user.target.wants/c.service\netc/systemd/user/default.target.wants/agent.service\n"
            )
        };
        let timer = "etc/systemd/system/multi-user.target.wants/b.timer\n";
        assert_eq!(run(&scripts.postinst, "configure ''"), links(timer));
        let disable = format!("rm \"$DPKG_ROOT/{}\"\n", timer.trim_end());
        run(&disable, "");
        assert_eq!(run(&scripts.postinst, "configure 1.0-1"), links(""));
        run(&scripts.prerm, "remove");
        assert_eq!(run(&scripts.postrm, "remove"), links(""));
        assert_eq!(run(&scripts.postrm, "purge"), "");
    }

    #[test]
    fn shells_can_read_the_scripts() {
        let (deb, rpm) = (example().deb(), example().rpm());
        for part in [deb.postinst, deb.prerm, deb.postrm, rpm.post, rpm.preun, rpm.postun] {
            let script = compose(None, &part).unwrap().unwrap();
            for program in ["sh", "dash", "bash"] {
                let Some(output) = ask(program, &["-n"], script.as_bytes()) else { continue };
                assert!(output.status.success() && output.stderr.is_empty(), "{output:?}\n{script}");
            }
            let Some(output) = ask("shellcheck", &["--shell=sh", "-"], script.as_bytes()) else { continue };
            assert!(output.status.success(), "{output:?}\n{script}");
        }
    }
}
