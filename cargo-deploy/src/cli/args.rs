//! The command line, spelled as cargo spells it.

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Make a whole release of a cargo project from this machine, and read it back from its bytes.
#[derive(Debug, Parser)]
#[command(name = "cargo-deploy", bin_name = "cargo deploy", version, max_term_width = 100)]
#[command(propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// Options of every verb.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options of every verb.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Say more: what is reused, and what the programs say that are run
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN")]
    pub color: Option<Color>,
    /// How events and results are told
    #[arg(long, global = true, value_name = "FORMAT")]
    pub message_format: Option<MessageFormat>,
    /// Short for `--message-format json`
    #[arg(long, global = true, conflicts_with = "message_format")]
    pub json: bool,
}

impl Global {
    /// How events and results are told.
    pub fn message_format(&self) -> MessageFormat {
        if self.json { MessageFormat::Json } else { self.message_format.unwrap_or_default() }
    }
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Where the output is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How events and results are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MessageFormat {
    /// For people: bars on a terminal, lines elsewhere
    #[default]
    Human,
    /// For people: one line a problem
    Short,
    /// For programs: one JSON object a line on standard output
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Look at the workspace and write a commented Deploy.toml
    Init(Init),
    /// Say for every target whether it can be built here, and what is missing
    Targets(Selection),
    /// Say what this project needs of this machine, and how to get what is missing
    Doctor(Selection),
    /// Show the whole plan without doing anything
    Plan(PlanArguments),
    /// Compile, and read the binaries back
    Build(Run),
    /// Procure what the manifest names
    Assets(Assets),
    /// Make the release: compile, package, describe, verify, put in place
    Bundle(Run),
    /// Read a release back from its bytes and compare it with what it declares
    Verify(VerifyArguments),
    /// Show what is inside an artifact, as stable text
    Inspect(Inspect),
    /// Put every fetched input into a directory, so that `--offline` needs nothing else
    Vendor(Vendor),
    /// Show or check the manifest
    Config(Config),
    /// Print the JSON Schema of a document
    Schema(Schema),
    /// Print a shell's completion script
    Completions(Completions),
    /// Write the manual pages into a directory
    Man(Man),
}

/// Which packages, targets and settings: as of `cargo build`.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Package to release (repeatable)
    #[arg(short, long, value_name = "SPEC", help_heading = "Package Selection")]
    pub package: Vec<String>,
    /// Release the binaries of all packages of the workspace
    #[arg(long, conflicts_with = "package", help_heading = "Package Selection")]
    pub workspace: bool,
    /// Release only this binary (repeatable)
    #[arg(long, value_name = "NAME", help_heading = "Package Selection")]
    pub bin: Vec<String>,
    /// Target, by name or triple, with a glibc version behind it where one is wanted (repeatable)
    #[arg(long, value_name = "TARGET", help_heading = "Compilation Options")]
    pub target: Vec<String>,
    /// Package format to make (repeatable)
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    pub format: Vec<String>,
    /// Features to turn on, separated by commas or spaces
    #[arg(short = 'F', long, value_name = "FEATURES", help_heading = "Feature Selection")]
    pub features: Vec<String>,
    /// Turn on all features
    #[arg(long, help_heading = "Feature Selection")]
    pub all_features: bool,
    /// Leave the default features out
    #[arg(long, help_heading = "Feature Selection")]
    pub no_default_features: bool,
    /// Build with the release profile, which is the default
    #[arg(short, long, conflicts_with = "profile", help_heading = "Compilation Options")]
    pub release: bool,
    /// Build with this profile
    #[arg(long, value_name = "PROFILE", help_heading = "Compilation Options")]
    pub profile: Option<String>,
    /// How much may run at once
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Compilation Options")]
    pub jobs: Option<u32>,
    /// Directory for everything that is made
    #[arg(long, value_name = "DIRECTORY", help_heading = "Compilation Options")]
    pub target_dir: Option<Utf8PathBuf>,
    /// Path of Cargo.toml
    #[arg(long, value_name = "PATH", help_heading = "Manifest Options")]
    pub manifest_path: Option<Utf8PathBuf>,
    /// Set a key of the manifest, for this run
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Manifest Options")]
    pub config: Vec<String>,
    /// Set a key of cargo's configuration, for this run
    #[arg(long, value_name = "KEY=VALUE|PATH", help_heading = "Manifest Options")]
    pub cargo_config: Vec<String>,
    /// Require that Cargo.lock is up to date; the default where `CI` is set
    #[arg(long, help_heading = "Manifest Options")]
    pub locked: bool,
    /// Open no connection
    #[arg(long, help_heading = "Manifest Options")]
    pub offline: bool,
    /// Sign nothing, whatever the manifest says
    #[arg(long)]
    pub no_sign: bool,
    /// Ask each key for programs for at most this many signatures
    #[arg(long, value_name = "N")]
    pub max_signatures: Option<u32>,
    /// `--locked` and `--offline`
    #[arg(long, help_heading = "Manifest Options")]
    pub frozen: bool,
}

/// Arguments of the verbs that run a plan.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// What to release.
    #[command(flatten)]
    pub selection: Selection,
    /// Show what would be done, and do nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Write a chart of the run to target/deploy/timings.html
    #[arg(long)]
    pub timings: bool,
    /// Arguments handed on to `cargo build`
    #[arg(last = true, value_name = "CARGO ARGUMENTS")]
    pub cargo_arguments: Vec<String>,
}

/// Arguments of `plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanArguments {
    /// What to release.
    #[command(flatten)]
    pub selection: Selection,
    /// Say for each step whether it would be reused, or because of which input it would run
    #[arg(long)]
    pub why: bool,
    /// How the plan is drawn
    #[arg(long, value_name = "STYLE", default_value = "tree")]
    pub style: PlanStyle,
    /// Arguments handed on to `cargo build`
    #[arg(last = true, value_name = "CARGO ARGUMENTS")]
    pub cargo_arguments: Vec<String>,
}

/// How a plan is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanStyle {
    /// A tree, what is made first at the top
    Tree,
    /// A flow chart in the language of mermaid
    Mermaid,
}

/// Arguments of `init`.
#[derive(Debug, Clone, Args)]
pub struct Init {
    /// What to release.
    #[command(flatten)]
    pub selection: Selection,
    /// Replace a Deploy.toml that is there
    #[arg(long)]
    pub force: bool,
    /// Ask nothing, even on a terminal
    #[arg(short, long)]
    pub yes: bool,
    /// Print the manifest and write nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Arguments of `assets`.
#[derive(Debug, Clone, Args)]
pub struct Assets {
    /// What to do.
    #[command(subcommand)]
    pub verb: AssetsVerb,
}

/// What to do with assets.
#[derive(Debug, Clone, Subcommand)]
pub enum AssetsVerb {
    /// Get every asset, so that a later run needs no network
    Fetch(Selection),
    /// Compare every asset that is here with what was pinned
    Verify(Selection),
    /// Look at every asset and write what it is into Deploy.lock
    Lock(LockArguments),
}

/// Arguments of `assets lock`.
#[derive(Debug, Clone, Args)]
pub struct LockArguments {
    /// Which project.
    #[command(flatten)]
    pub selection: Selection,
    /// Accept that what an address gives has changed
    #[arg(long)]
    pub update: bool,
}

/// Arguments of `verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArguments {
    /// A release directory or one artifact
    #[arg(value_name = "DIRECTORY|FILE")]
    pub path: Utf8PathBuf,
}

/// Arguments of `inspect`.
#[derive(Debug, Clone, Args)]
pub struct Inspect {
    /// The artifact, or a bare binary
    #[arg(value_name = "FILE")]
    pub path: Utf8PathBuf,
}

/// Arguments of `vendor`.
#[derive(Debug, Clone, Args)]
pub struct Vendor {
    /// The directory; default: `vendor` beside the workspace's Cargo.toml, where it is looked for
    #[arg(value_name = "DIRECTORY")]
    pub directory: Option<Utf8PathBuf>,
    /// Which project.
    #[command(flatten)]
    pub selection: Selection,
}

/// Arguments of `config`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// What to do.
    #[command(subcommand)]
    pub verb: ConfigVerb,
}

/// What to do with the manifest.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigVerb {
    /// Show the manifest of all layers
    Show(ConfigShow),
    /// Check the manifest and everything that it names
    Check(Selection),
}

/// Arguments of `config show`.
#[derive(Debug, Clone, Args)]
pub struct ConfigShow {
    /// Which project.
    #[command(flatten)]
    pub selection: Selection,
    /// Show the project as it is resolved, with what comes from Cargo.toml
    #[arg(long)]
    pub resolved: bool,
    /// Say where each setting comes from
    #[arg(long, conflicts_with = "resolved")]
    pub origin: bool,
}

/// Arguments of `schema`.
#[derive(Debug, Clone, Args)]
pub struct Schema {
    /// The document
    pub document: Document,
}

/// A document with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// Deploy.toml
    Manifest,
    /// `cargo deploy plan --message-format json`
    Plan,
    /// A line of `--message-format json`
    Event,
    /// release.json
    Release,
}

/// Arguments of `completions`.
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Clone, Args)]
pub struct Man {
    /// The directory that the pages are written to
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Utf8PathBuf,
}
