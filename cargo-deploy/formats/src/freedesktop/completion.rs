//! Completions of shells: which shell and command a file is for, and where it is installed.

use thiserror::Error;

/// A shell that completes arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shell {
    /// GNU Bash with bash-completion.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// Elvish.
    Elvish,
    /// Nushell.
    Nushell,
    /// PowerShell.
    PowerShell,
}

/// Whose directories a package fills: they differ for zsh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Debian, Ubuntu and their kin: packages use zsh's `vendor-completions`.
    Debian,
    /// Everyone else: packages use zsh's `site-functions`.
    Other,
}

/// What a file completes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// For which shell.
    pub shell: Shell,
    /// The command.
    pub command: String,
}

/// Why a file is no completion.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{path}` is not a completion that is known: call it NAME.bash, _NAME, NAME.fish, NAME.elv, NAME.nu or _NAME.ps1"
)]
pub struct CompletionError {
    /// As given.
    path: String,
}

impl Completion {
    /// What a file completes, by its name as clap's generator and most projects have it, else by its text.
    pub fn identify(path: &str, content: &[u8]) -> Result<Completion, CompletionError> {
        let file = path.rsplit('/').next().unwrap_or(path);
        let directory = path.rsplit('/').nth(1).unwrap_or_default();
        let text = String::from_utf8_lossy(content.get(..content.len().min(1 << 20)).unwrap_or_default());
        let by_end = [
            (".bash-completion", Shell::Bash),
            (".bash", Shell::Bash),
            (".zsh", Shell::Zsh),
            (".fish", Shell::Fish),
            (".elv", Shell::Elvish),
            (".nu", Shell::Nushell),
            (".ps1", Shell::PowerShell),
        ];
        let named = by_end.iter().find_map(|(end, shell)| Some((*shell, file.strip_suffix(end)?)));
        let by_directory = || match directory {
            "bash" | "bash-completion" | "bash_completion.d" => Some(Shell::Bash),
            "zsh" | "site-functions" | "vendor-completions" => Some(Shell::Zsh),
            "fish" | "vendor_completions.d" => Some(Shell::Fish),
            _ => None,
        };
        let by_text = || {
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            if first.starts_with("#compdef") {
                Some(Shell::Zsh)
            } else if text.lines().any(|line| line.trim_start().starts_with("complete -c ")) {
                Some(Shell::Fish)
            } else if text.contains("COMPREPLY")
                && text.lines().any(|line| line.trim_start().starts_with("complete "))
            {
                Some(Shell::Bash)
            } else if text.contains("Register-ArgumentCompleter") {
                Some(Shell::PowerShell)
            } else {
                None
            }
        };
        let unnamed = || {
            let shell = by_directory().or_else(by_text)?;
            // `complete-example`, without any end, is taken as it is; an unknown end is not.
            (!file.contains('.')).then_some((shell, file))
        };
        let found = named.or_else(unnamed);
        let found = found.map(|(shell, stem)| {
            let command = match shell {
                Shell::Zsh | Shell::PowerShell => stem.strip_prefix('_').unwrap_or(stem),
                _ => stem,
            };
            Completion { shell, command: command.to_owned() }
        });
        found
            .filter(|completion| is_command(&completion.command))
            .ok_or_else(|| CompletionError { path: path.to_owned() })
    }

    /// Where it is installed, relative to the root.
    ///
    /// Bash, zsh, fish and Nushell read these directories by themselves. Elvish finds the file as module
    /// `use NAME` (its library directory in `XDG_DATA_DIRS`); PowerShell has no such directory, so the file lies
    /// where a profile can name it.
    pub fn path(&self, family: Family) -> String {
        let name = &self.command;
        match (self.shell, family) {
            (Shell::Bash, _) => format!("usr/share/bash-completion/completions/{name}"),
            (Shell::Zsh, Family::Debian) => format!("usr/share/zsh/vendor-completions/_{name}"),
            (Shell::Zsh, Family::Other) => format!("usr/share/zsh/site-functions/_{name}"),
            (Shell::Fish, _) => format!("usr/share/fish/vendor_completions.d/{name}.fish"),
            (Shell::Elvish, _) => format!("usr/share/elvish/lib/{name}.elv"),
            (Shell::Nushell, _) => format!("usr/share/nushell/vendor/autoload/{name}.nu"),
            (Shell::PowerShell, _) => format!("usr/share/powershell/completions/{name}.ps1"),
        }
    }
}

fn is_command(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['-', '.'])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_are_known_by_name_directory_or_text() {
        let table: &[(&str, &str, &str)] = &[
            ("completions/example.bash", "", "usr/share/bash-completion/completions/example"),
            ("example.bash-completion", "", "usr/share/bash-completion/completions/example"),
            ("completions/_example", "#compdef example\n", "usr/share/zsh/vendor-completions/_example"),
            ("completions/example.zsh", "#compdef example\n", "usr/share/zsh/vendor-completions/_example"),
            ("completions/zsh/_example", "", "usr/share/zsh/vendor-completions/_example"),
            ("example.fish", "", "usr/share/fish/vendor_completions.d/example.fish"),
            ("example-x.elv", "", "usr/share/elvish/lib/example-x.elv"),
            ("example.nu", "", "usr/share/nushell/vendor/autoload/example.nu"),
            ("_example.ps1", "", "usr/share/powershell/completions/example.ps1"),
            ("bash/example", "", "usr/share/bash-completion/completions/example"),
            (
                "completions/example",
                "_x() { COMPREPLY=(); }\ncomplete -F _x example\n",
                "usr/share/bash-completion/completions/example",
            ),
        ];
        for (path, text, expected) in table {
            let completion = Completion::identify(path, text.as_bytes()).unwrap();
            assert_eq!(completion.path(Family::Debian), *expected, "{path}");
        }
        let zsh = Completion { shell: Shell::Zsh, command: "example".to_owned() };
        assert_eq!(zsh.path(Family::Other), "usr/share/zsh/site-functions/_example");
    }

    #[test]
    fn what_is_none_is_said() {
        for path in ["completions/example.txt", "completions/example", ".bash", "a b.fish", "_.zsh"] {
            let error = Completion::identify(path, b"hello").unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "`{path}` is not a completion that is known: call it NAME.bash, _NAME, NAME.fish, NAME.elv, NAME.nu or _NAME.ps1"
                )
            );
        }
    }
}
