//! Programs: started without a shell, output read line by line, failures told as one could paste them.
#![expect(clippy::disallowed_methods, reason = "the bench is the door to programs")]

use camino::{Utf8Path, Utf8PathBuf};
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};

/// Lines of a failed program's error output that are shown.
const TAIL: usize = 20;

/// A program to run.
#[derive(Debug, Clone)]
pub struct Program {
    path: OsString,
    arguments: Vec<OsString>,
    directory: Option<Utf8PathBuf>,
    set: BTreeMap<OsString, OsString>,
    removed: Vec<OsString>,
}

/// What a program that ended well wrote.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its error output.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Its standard output as text, broken bytes replaced, without the last line break.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }
}

/// A program that could not be started or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("start `{command}`")]
    Start {
        /// The command as one could paste it.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended with a failure.
    #[error("`{command}` ended with {status}{}", tail(.stderr))]
    Failed {
        /// The command as one could paste it.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its error output.
        stderr: Vec<String>,
    },
    /// What it should read could not be given to it.
    #[error("give `{command}` what it should read")]
    Input {
        /// The command as one could paste it.
        command: String,
        /// Of the reader, or of the pipe.
        source: io::Error,
    },
    /// Its output could not be read.
    #[error("read the output of `{command}`")]
    Read {
        /// The command as one could paste it.
        command: String,
        /// What the system said.
        source: io::Error,
    },
}

fn tail(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

impl Program {
    /// A program by path, or by a name to look up on PATH.
    pub fn new(path: impl Into<OsString>) -> Self {
        Program {
            path: path.into(),
            arguments: Vec::new(),
            directory: None,
            set: BTreeMap::new(),
            removed: Vec::new(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Runs it in a directory.
    #[must_use]
    pub fn directory(mut self, directory: &Utf8Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// Sets a variable, on top of the environment that the tool was started with.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.set.insert(name.into(), value.into());
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.removed.push(name.into());
        self
    }

    /// The command as one could paste it into a shell, with the variables that it sets.
    pub fn command_line(&self) -> String {
        let variables = self
            .set
            .iter()
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), quote(&value.to_string_lossy())));
        let words =
            std::iter::once(&self.path).chain(&self.arguments).map(|word| quote(&word.to_string_lossy()));
        variables.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// The program and its arguments only, for messages.
    fn words(&self) -> String {
        let words =
            std::iter::once(&self.path).chain(&self.arguments).map(|word| quote(&word.to_string_lossy()));
        words.collect::<Vec<_>>().join(" ")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).stdin(Stdio::null());
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        for name in &self.removed {
            command.env_remove(name);
        }
        command.envs(&self.set);
        command
    }

    /// Runs it and gives what it wrote; a failure is an error with the last lines of its error output.
    pub fn run(&self) -> Result<Output, ProcessError> {
        let output = self
            .command()
            .output()
            .map_err(|source| ProcessError::Start { command: self.words(), source })?;
        self.finished(output.status, output.stdout, output.stderr)
    }

    /// Runs it with `input` as its standard input, and gives what it wrote. What is given so is seen by no other
    /// process, unlike arguments and variables.
    pub fn feed(&self, input: &mut dyn Read) -> Result<Output, ProcessError> {
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| ProcessError::Start { command: self.words(), source })?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (fed, stdout, stderr) = std::thread::scope(|scope| {
            let stdout = scope.spawn(|| all(stdout));
            let stderr = scope.spawn(|| all(stderr));
            let fed = match stdin {
                Some(mut stdin) => io::copy(input, &mut stdin).map(drop),
                None => Ok(()),
            };
            let joined = |reader: std::thread::ScopedJoinHandle<'_, io::Result<Vec<u8>>>| {
                reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            (fed, joined(stdout), joined(stderr))
        });
        let status = child.wait().map_err(|source| ProcessError::Start { command: self.words(), source })?;
        let read = |source| ProcessError::Read { command: self.words(), source };
        let (stdout, stderr) = (stdout.map_err(read)?, stderr.map_err(read)?);
        match fed {
            // It did not want all; whether that was right is for its status to say.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(source) => return Err(ProcessError::Input { command: self.words(), source }),
            Ok(()) => {}
        }
        self.finished(status, stdout, stderr)
    }

    fn finished(&self, status: ExitStatus, stdout: Vec<u8>, stderr: Vec<u8>) -> Result<Output, ProcessError> {
        if !status.success() {
            let text = String::from_utf8_lossy(&stderr);
            let mut lines: Vec<String> = text.lines().rev().take(TAIL).map(str::to_owned).collect();
            lines.reverse();
            return Err(ProcessError::Failed { command: self.words(), status, stderr: lines });
        }
        Ok(Output { stdout, stderr })
    }

    /// Runs it and hands over each line of its standard output and of its error output as it comes. The two are
    /// read on two threads; lines of one stream keep their order.
    pub fn stream(
        &self,
        mut on_stdout: impl FnMut(&str) + Send,
        mut on_stderr: impl FnMut(&str) + Send,
    ) -> Result<(), ProcessError> {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| ProcessError::Start { command: self.words(), source })?;
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let mut last = VecDeque::with_capacity(TAIL);
        let read = std::thread::scope(|scope| {
            let reader = scope.spawn(|| match stderr {
                Some(stderr) => lines(stderr, |line| {
                    if last.len() == TAIL {
                        last.pop_front();
                    }
                    last.push_back(line.to_owned());
                    on_stderr(line);
                }),
                None => Ok(()),
            });
            let first = match stdout {
                Some(stdout) => lines(stdout, &mut on_stdout),
                None => Ok(()),
            };
            let second = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            first.and(second)
        });
        let status = child.wait().map_err(|source| ProcessError::Start { command: self.words(), source })?;
        read.map_err(|source| ProcessError::Read { command: self.words(), source })?;
        if !status.success() {
            return Err(ProcessError::Failed { command: self.words(), status, stderr: last.into() });
        }
        Ok(())
    }
}

fn all(stream: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn lines(stream: impl Read, mut each: impl FnMut(&str)) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        each(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
    Ok(())
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The file that a name stands for on `path` (the value of `PATH`), if it can be executed.
pub fn find(name: &str, path: Option<&std::ffi::OsStr>) -> Option<Utf8PathBuf> {
    std::env::split_paths(path?)
        .filter_map(|directory| Utf8PathBuf::from_path_buf(directory).ok())
        .map(|directory| directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Utf8Path) -> bool {
    let Ok(metadata) = path.metadata() else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    metadata.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_told_with_its_command_status_and_last_words() {
        let program = Program::new("sh").arg("-c").arg("echo 'it broke' >&2; exit 3");
        let error = program.run().expect_err("it exits with 3");
        assert_eq!(
            error.to_string(),
            "`sh -c 'echo '\\''it broke'\\'' >&2; exit 3'` ended with exit status: 3\n  it broke"
        );
    }

    #[test]
    fn lines_come_one_by_one_and_both_streams_are_drained() {
        let program = Program::new("sh").arg("-c").arg("seq 1 20000; seq 1 20000 >&2");
        let (mut out, mut err) = (0, 0);
        program.stream(|_| out += 1, |_| err += 1).expect("it ends well");
        assert_eq!((out, err), (20000, 20000));
    }

    #[test]
    fn a_program_reads_what_it_is_fed_while_its_output_is_drained() {
        let text = "a line of text\n".repeat(100_000);
        let output = Program::new("cat").feed(&mut text.as_bytes()).expect("it ends well");
        assert_eq!(output.stdout, text.as_bytes());
        let head = Program::new("sh").arg("-c").arg("read line; echo \"$line\"");
        assert_eq!(head.feed(&mut text.as_bytes()).expect("it may stop early").text(), "a line of text");
    }

    #[test]
    fn an_absent_program_is_named() {
        let error = Program::new("no-such-program-here").run().expect_err("absent");
        assert_eq!(error.to_string(), "start `no-such-program-here`");
    }
}
