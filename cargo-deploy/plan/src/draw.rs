//! Draws the plan of a project, from the facts of this machine and the catalog of plug-ins. Pure.

use crate::catalog::{Catalog, Layout};
use crate::facts::{Availability, Facts};
use crate::finding::Finding;
use crate::plan::{
    Action, Builder, Compile, Examine, Finish, Handle, Index, IndexedPackage, Join, Package, PayloadPlan,
    Plan, PlannedEntry, Provision, ProvisionMethod, Publish, SCHEMA, Sign, SignCode, Source, Tool,
};
use crate::project::{Asset, Project, ProjectTarget, Role, Skipped};
use crate::target_table::Target;
use deploy_model::artifact::SignatureForm;
use deploy_model::release::DeclaredTarget;
use deploy_model::{FailureClass, Format, Os, RelPath, StepId, Triple};
use std::collections::{BTreeMap, BTreeSet};

/// The file with the checksums of all others.
pub const SUMS_FILE: &str = "SHA256SUMS";

/// How far a plan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// Fetch what the manifest names, no more.
    Fetched,
    /// Compile and examine the binaries.
    Compiled,
    /// Everything: package, describe, verify, publish to the release directory.
    Published,
}

/// The plan that makes `project` on the machine that `facts` describe, or everything that is in its way.
pub fn draw(project: &Project, facts: &Facts, catalog: &Catalog, until: Until) -> Result<Plan, Vec<Finding>> {
    let mut drawing = Drawing {
        project,
        facts,
        catalog,
        builder: Builder::default(),
        findings: Vec::new(),
        compiled: BTreeMap::new(),
        batches: Vec::new(),
        lacking: Vec::new(),
        tools: BTreeMap::new(),
        files: BTreeMap::new(),
        skipped: Vec::new(),
    };
    let mut declared = Vec::new();
    let fetched: Vec<(&Asset, Handle)> =
        project.assets.iter().map(|asset| (asset, drawing.fetch(asset))).collect();
    let mut packages = Vec::new();
    if until >= Until::Compiled {
        for target in &project.targets {
            let Some((compiled, toolchain)) = drawing.binaries(target) else { continue };
            let formats = drawing.formats(target);
            let declaration = declaration(project, target, toolchain, formats.clone());
            let finished = drawing.finish(target, compiled);
            let examined = drawing.examine(target, finished, declaration.clone());
            declared.push(declaration);
            if until == Until::Published {
                let signed = drawing.sign_code(target, &formats, finished, examined, &fetched);
                let programs = Programs { binaries: finished, examined, signed, fetched: &fetched };
                for format in &formats {
                    packages.extend(drawing.package(target, format, &programs));
                }
            }
        }
    }
    if until == Until::Published {
        drawing.close(packages);
    }
    drawing.report_lacking();
    if !drawing.findings.is_empty() {
        return Err(drawing.findings);
    }
    Ok(Plan {
        schema: SCHEMA,
        name: project.app.name.clone(),
        version: project.app.version.clone(),
        source_date_epoch: facts.epoch,
        app: project.app.clone(),
        desktop: project.desktop.clone(),
        metainfo: project.metainfo.clone(),
        windows: has_windows(project).then(|| project.windows.clone()),
        signers: facts.signers.clone(),
        code_signers: facts.code_signers.clone(),
        require: project.require.clone(),
        cargo: project.cargo.clone(),
        binaries: project.binaries.clone(),
        targets: declared,
        max_size: project.max_size.clone(),
        steps: drawing.builder.finish(),
        skipped: project
            .skipped
            .iter()
            .cloned()
            .chain(drawing.skipped.into_iter().filter(|_| until == Until::Published))
            .collect(),
    })
}

/// A package in the plan: the step that gives its final bytes.
struct Made {
    handle: Handle,
    format: Format,
    file: String,
}

/// What goes into the packages of a target beside the files of the project.
struct Programs<'a> {
    /// What gives the binaries.
    binaries: Handle,
    /// What has read them back.
    examined: Handle,
    /// What signed them, where something does.
    signed: Option<Handle>,
    /// What is fetched.
    fetched: &'a [(&'a Asset, Handle)],
}

fn has_windows(project: &Project) -> bool {
    project.targets.iter().any(|target| target.target.os == Os::Windows)
}

struct Drawing<'a> {
    project: &'a Project,
    facts: &'a Facts,
    catalog: &'a Catalog,
    builder: Builder,
    findings: Vec<Finding>,
    /// What compiles a triple, so that a universal target and its parts share the work.
    compiled: BTreeMap<String, (Handle, String)>,
    /// What makes compile steps fit for one call of cargo.
    batches: Vec<(String, Vec<String>, bool)>,
    /// What is missing, with the targets that lack it and the place of the first of them.
    lacking: Vec<(Lack, Vec<String>, Option<String>)>,
    /// What compiles a program of ours for a triple.
    tools: BTreeMap<(String, Triple), Handle>,
    /// The file names that are taken, with the target that has them.
    files: BTreeMap<String, String>,
    skipped: Vec<Skipped>,
}

/// Why no toolchain can be used, and what mends it.
#[derive(Debug, PartialEq, Eq)]
struct Lack {
    reasons: String,
    mend: String,
}

impl Drawing<'_> {
    fn fetch(&mut self, asset: &Asset) -> Handle {
        // Assets for different targets may have one path.
        let shared = self.project.assets.iter().filter(|other| other.path == asset.path).count() > 1;
        let targets = asset.targets.join("+");
        let id = match shared {
            true => StepId::of(&["fetch", asset.path.as_str(), &targets]),
            false => StepId::of(&["fetch", asset.path.as_str()]),
        };
        let title = format!("Fetching {}", asset.path);
        self.builder.add(id, title, &[], Action::Fetch(Box::new(asset.clone())))
    }

    /// The step that gives a target's binaries, and the toolchain that compiles them.
    fn binaries(&mut self, target: &ProjectTarget) -> Option<(Handle, String)> {
        let row = &target.target;
        if row.parts.is_empty() {
            return self.compile(target, &row.triple.clone());
        }
        let mut parts = Vec::new();
        for part in &row.parts {
            parts.push(self.compile(target, part)?);
        }
        let toolchain = parts[0].1.clone();
        let handles: Vec<Handle> = parts.iter().map(|(handle, _)| *handle).collect();
        let join = Join { parts: handles.iter().map(|handle| self.builder.id(*handle)).collect() };
        let id = StepId::of(&["join", &row.name]);
        let title = format!("Joining {}", row.name);
        Some((self.builder.add(id, title, &handles, Action::Join(join)), toolchain))
    }

    fn compile(&mut self, target: &ProjectTarget, triple: &Triple) -> Option<(Handle, String)> {
        let floor = target.glibc.map_or_else(String::new, |version| format!(".{version}"));
        let triple_with_floor = format!("{triple}{floor}");
        if let Some(known) = self.compiled.get(&triple_with_floor) {
            return Some(known.clone());
        }
        let toolchain = self.toolchain(target, triple)?;
        let mut needs = Vec::new();
        let mut own_sysroot = false;
        // The cross-rs containers bring their own standard libraries.
        if toolchain != "cross" && !self.facts.standard_libraries.contains(triple) {
            let (handle, by) = self.provision(target, triple)?;
            own_sysroot = by == ProvisionMethod::BuildStd;
            needs.push(handle);
        }
        let rustflags = self.rustflags(triple);
        let key = (toolchain.clone(), rustflags.clone(), own_sysroot);
        let batch = self.batches.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.batches.push(key);
            self.batches.len() - 1
        });
        let row = self.catalog.targets.find(triple.as_str()).unwrap_or(&target.target);
        let action = Compile {
            triple: triple.clone(),
            triple_with_floor: triple_with_floor.clone(),
            settings: self.project.toolchains.get(&toolchain).cloned().unwrap_or_default(),
            // The parts of a universal target start at their own lowest macOS, unless another was asked for.
            macos: if target.macos == target.target.minimum_macos {
                row.minimum_macos.clone()
            } else {
                target.macos.clone()
            },
            exe_suffix: row.exe_suffix.clone(),
            rustflags,
            cflags: self.remaps().map(|(from, to)| format!("-ffile-prefix-map={from}={to}")).collect(),
            batch,
            own_sysroot,
            toolchain: toolchain.clone(),
        };
        let name = if target.target.parts.is_empty() { row.name.as_str() } else { triple.as_str() };
        let id = StepId::of(&["compile", triple.as_str()]);
        let title = format!("Compiling for {name}");
        let handle = self.builder.add(id, title, &needs, Action::Compile(action));
        self.compiled.insert(triple_with_floor, (handle, toolchain.clone()));
        Some((handle, toolchain))
    }

    /// The toolchain for a triple: the one asked for, else the first that can be used here. A glibc floor rules
    /// `native` out, which links against whatever this machine has.
    fn toolchain(&mut self, target: &ProjectTarget, triple: &Triple) -> Option<String> {
        let row = &target.target;
        let native = (*triple == self.facts.host && target.glibc.is_none()).then(|| "native".to_owned());
        let candidates: Vec<String> = match &target.toolchain {
            Some(asked) => vec![asked.clone()],
            None => native.into_iter().chain(row.toolchains.iter().cloned()).collect(),
        };
        let mut missing = Vec::new();
        for candidate in &candidates {
            match self.facts.toolchains.get(candidate) {
                Some(Availability::Ready { .. }) => return Some(candidate.clone()),
                Some(Availability::Missing { what, mend }) => {
                    missing.push((candidate.as_str(), what.as_str(), mend.as_str()));
                }
                None => {}
            }
        }
        let reasons: Vec<String> = missing.iter().map(|(name, what, _)| format!("{name}: {what}")).collect();
        let mends: Vec<String> =
            missing.iter().map(|(name, _, mend)| format!("{mend} (for {name})")).collect();
        let lack = Lack { reasons: reasons.join("; "), mend: mends.join(", or ") };
        let names = match self.lacking.iter_mut().find(|(known, ..)| *known == lack) {
            Some((_, names, _)) => names,
            None => {
                self.lacking.push((lack, Vec::new(), target.path.clone()));
                &mut self.lacking.last_mut()?.1
            }
        };
        if !names.contains(&row.name) {
            names.push(row.name.clone());
        }
        None
    }

    /// Targets that lack the same tools are told of together.
    fn report_lacking(&mut self) {
        for (lack, names, path) in std::mem::take(&mut self.lacking) {
            let message = format!("nothing here can compile for {}: {}", names.join(", "), lack.reasons);
            let finding = Finding::configuration("plan::no-toolchain", message, lack.mend)
                .class(FailureClass::MissingTool);
            self.findings.push(match path {
                Some(path) => finding.at(path),
                None => finding,
            });
        }
    }

    fn provision(&mut self, target: &ProjectTarget, triple: &Triple) -> Option<(Handle, ProvisionMethod)> {
        let by = if self.facts.rustup && !self.facts.offline {
            ProvisionMethod::Rustup
        } else if self.facts.rust_src {
            ProvisionMethod::BuildStd
        } else {
            let finding = Finding::configuration(
                "plan::no-standard-library",
                format!(
                    "the standard library for {triple} is not installed, and there is neither rustup to fetch it nor rust-src to build it from"
                ),
                format!("run `rustup target add {triple}`, or install the rust-src of {}", self.facts.rustc),
            );
            self.report(finding.class(FailureClass::MissingTool), target);
            return None;
        };
        let id = StepId::of(&["provision", triple.as_str()]);
        let title = format!("Getting the standard library for {triple}");
        let action = Action::Provision(Provision { triple: triple.clone(), by });
        Some((self.builder.add(id, title, &[], action), by))
    }

    /// A finding about a target, said once even when several targets share the cause.
    fn report(&mut self, finding: Finding, target: &ProjectTarget) {
        let finding = match &target.path {
            Some(path) => finding.at(path.clone()),
            None => finding,
        };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// The user's own flags, then ours: cargo's sources of flags exclude each other, so whoever sets one has to
    /// carry the others along.
    fn rustflags(&self, triple: &Triple) -> Vec<String> {
        let mut flags = self.facts.rustflags.get(triple).cloned().unwrap_or_default();
        if self.project.windows.static_crt && triple.as_str().ends_with("-windows-msvc") {
            flags.push("-Ctarget-feature=+crt-static".to_owned());
        }
        flags.extend(self.remaps().map(|(from, to)| format!("--remap-path-prefix={from}={to}")));
        flags
    }

    /// The directories of this machine that must not be seen in a binary, and what stands for them there. rustc
    /// lets the last match win, so the outermost comes first.
    fn remaps(&self) -> impl Iterator<Item = (String, String)> {
        let facts = self.facts;
        // Where rust-src is installed, rustc names its files; elsewhere it names the commit. The same for both.
        let sources = facts
            .rustc_commit
            .as_ref()
            .map(|commit| (format!("{}/lib/rustlib/src/rust", facts.sysroot), format!("/rustc/{commit}")));
        let directories = [
            (facts.sysroot.to_string(), "/rust".to_owned()),
            (facts.cargo_home.to_string(), "/cargo".to_owned()),
            (self.project.root.to_string(), "/project".to_owned()),
            (self.project.target_directory.to_string(), "/target".to_owned()),
        ];
        directories.into_iter().chain(sources)
    }

    /// What gives the finished binaries: on Windows they say who made them and what they are.
    fn finish(&mut self, target: &ProjectTarget, compiled: Handle) -> Handle {
        if target.target.os != Os::Windows {
            return compiled;
        }
        let id = StepId::of(&["finish", &target.target.name]);
        let title = format!("Finishing the programs for {}", target.target.name);
        let action = Action::Finish(Finish { binaries: self.builder.id(compiled) });
        self.builder.add(id, title, &[compiled], action)
    }

    /// The step that signs every program of a target inside its own bytes, where there is somebody to sign.
    fn sign_code(
        &mut self,
        target: &ProjectTarget,
        formats: &[Format],
        binaries: Handle,
        examined: Handle,
        fetched: &[(&Asset, Handle)],
    ) -> Option<Handle> {
        let system = target.target.os;
        let signers = &self.facts.code_signers;
        let signer = signers.iter().find(|(_, one)| one.systems.contains(&system))?.0.clone();
        let mut needs = vec![examined, binaries];
        let mut entries = self.entries(target, binaries, fetched, false, &mut needs)?;
        entries.retain(|entry| matches!(entry.role, Role::Program | Role::Resource));
        for format in formats {
            let Some(own) = self.own_program(target, format, &mut needs) else { continue };
            if !entries.contains(&own) {
                entries.push(own);
            }
        }
        entries.sort();
        let id = StepId::of(&["sign-code", &signer, &target.target.name]);
        let title = format!("Signing the programs for {} with {signer}", target.target.name);
        let action = Action::SignCode(SignCode { signer, entries });
        Some(self.builder.add(id, title, &needs, action))
    }

    fn examine(&mut self, target: &ProjectTarget, compiled: Handle, declared: DeclaredTarget) -> Handle {
        let id = StepId::of(&["examine", &target.target.name]);
        let title = format!("Examining the binaries for {}", target.target.name);
        let action = Action::Examine(Examine { binaries: self.builder.id(compiled), declared });
        self.builder.add(id, title, &[compiled], action)
    }

    /// The formats that a target makes. A format whose file names have no triple in them can be made for one target
    /// of a processor only; the first one that was asked for has it.
    fn formats(&mut self, target: &ProjectTarget) -> Vec<Format> {
        let row = &target.target;
        let mut made = Vec::new();
        for format in &target.formats {
            let Some(file) = self.file_name(target, format) else { continue };
            if target.formats_by_default
                && let Some(why) = self.lacks_program(target, format)
            {
                self.skipped.push(Skipped { what: format!("the {format} for {}", row.name), why });
                continue;
            }
            match self.files.get(&file) {
                Some(other) => self.skipped.push(Skipped {
                    what: format!("the {format} for {}", row.name),
                    why: format!("it would have the file name of the one for {other}, {file}"),
                }),
                None => {
                    self.files.insert(file, row.name.clone());
                    made.push(format.clone());
                }
            }
        }
        made
    }

    fn file_name(&self, target: &ProjectTarget, format: &Format) -> Option<String> {
        // The formats of a resolved project are all in the catalog.
        let packager = self.catalog.packagers.get(format)?;
        let app = &self.project.app;
        let settings = self.settings(format);
        Some(packager.shape.file_name(&app.name, &app.version, &target.target, &settings))
    }

    fn settings(&self, format: &Format) -> serde_json::Value {
        self.project.packages.get(format).cloned().unwrap_or_else(|| serde_json::json!({}))
    }

    /// Why the program of ours that a format holds cannot be compiled here, if it cannot.
    fn lacks_program(&self, target: &ProjectTarget, format: &Format) -> Option<String> {
        let program = self.catalog.packagers.get(format)?.shape.program?;
        let Target { os, arch, .. } = &target.target;
        let Some(row) = self.catalog.targets.of_own_programs(*os, *arch) else {
            return Some(format!(
                "{program} stands alone, and {os} on {arch} has no target for such programs"
            ));
        };
        let facts = self.facts;
        let there = facts.standard_libraries.contains(&row.triple)
            || (facts.rustup && !facts.offline)
            || facts.rust_src;
        (!there).then(|| {
            format!(
                "the standard library for {0} is not installed; `rustup target add {0}` gets it",
                row.triple
            )
        })
    }

    /// The step that compiles a program of ours for a target, so that it runs alone on every system of its kind.
    fn tool(&mut self, target: &ProjectTarget, program: &str) -> Option<Handle> {
        let Target { os, arch, .. } = &target.target;
        let Some(row) = self.catalog.targets.of_own_programs(*os, *arch) else {
            let finding = Finding::configuration(
                "plan::no-static-target",
                format!("{program} stands alone, and {os} on {arch} has no target for such programs"),
                "leave the format out for this target",
            );
            self.report(finding, target);
            return None;
        };
        let triple = row.triple.clone();
        let key = (program.to_owned(), triple.clone());
        if let Some(known) = self.tools.get(&key) {
            return Some(*known);
        }
        let mut needs = Vec::new();
        if !self.facts.standard_libraries.contains(&triple) {
            let id = StepId::of(&["provision", triple.as_str()]);
            match self.builder.find(&id) {
                Some(handle) => needs.push(handle),
                None => needs.push(self.provision(target, &triple)?.0),
            }
        }
        let id = StepId::of(&["tool", program, triple.as_str()]);
        let title = format!("Compiling {program} for {}", target.target.arch);
        let action = Action::Tool(Tool { program: program.to_owned(), triple });
        let handle = self.builder.add(id, title, &needs, action);
        self.tools.insert(key, handle);
        Some(handle)
    }

    /// What goes into the packages of a target, sorted; `freedesktop` for those that know places for more things.
    fn entries(
        &self,
        target: &ProjectTarget,
        binaries: Handle,
        fetched: &[(&Asset, Handle)],
        freedesktop: bool,
        needs: &mut Vec<Handle>,
    ) -> Option<Vec<PlannedEntry>> {
        let row = &target.target;
        let mut entries: Vec<PlannedEntry> = Vec::new();
        for binary in &self.project.binaries {
            let name = format!("{}{}", binary.name, row.exe_suffix);
            let source = Source::Output { step: self.builder.id(binaries), name: name.clone() };
            let path = name.parse().ok()?;
            entries.push(PlannedEntry { path, source, executable: true, role: Role::Program });
        }
        for file in &self.project.files {
            if !freedesktop && !file.role.is_for_archives() {
                continue;
            }
            let source = Source::Project(file.from.clone());
            let (path, role) = (file.to.clone(), file.role.clone());
            entries.push(PlannedEntry { path, source, executable: file.executable, role });
        }
        for (asset, handle) in fetched {
            if !asset.targets.is_empty() && !asset.targets.contains(&row.name) {
                continue;
            }
            needs.push(*handle);
            let step = self.builder.id(*handle);
            let source = if asset.unpack.gives_tree() && asset.member.is_none() {
                Source::Tree { step }
            } else {
                Source::Output { step, name: asset.path.file_name().to_owned() }
            };
            let (path, role) = (asset.path.clone(), Role::Resource);
            entries.push(PlannedEntry { path, source, executable: asset.executable, role });
        }
        entries.sort();
        Some(entries)
    }

    /// The program of ours that a format installs among the files.
    fn own_program(
        &mut self,
        target: &ProjectTarget,
        format: &Format,
        needs: &mut Vec<Handle>,
    ) -> Option<PlannedEntry> {
        let shape = &self.catalog.packagers.get(format)?.shape;
        let (program, path) = (shape.program?, shape.installs_program?);
        let handle = self.tool(target, program)?;
        needs.push(handle);
        let source = Source::Output { step: self.builder.id(handle), name: program.to_owned() };
        Some(PlannedEntry { path: path.parse().ok()?, source, executable: true, role: Role::Program })
    }

    fn package(&mut self, target: &ProjectTarget, format: &Format, programs: &Programs<'_>) -> Option<Made> {
        let shape = self.catalog.packagers.get(format)?.shape.clone();
        let app = &self.project.app;
        let row = &target.target;
        let mut needs = vec![programs.examined, programs.binaries];
        needs.extend(programs.signed);
        let freedesktop = shape.layout == Layout::Freedesktop;
        let mut entries =
            self.entries(target, programs.binaries, programs.fetched, freedesktop, &mut needs)?;
        entries.extend(self.own_program(target, format, &mut needs));
        entries.sort();
        let file = self.file_name(target, format)?;
        let root: Option<RelPath> = (shape.layout == Layout::Rooted)
            .then(|| format!("{}-{}-{}", app.name, app.version, row.triple).parse().ok())
            .flatten();
        let program = match shape.program {
            Some(program) => {
                let handle = self.tool(target, program)?;
                needs.push(handle);
                Some(Source::Output { step: self.builder.id(handle), name: program.to_owned() })
            }
            None => None,
        };
        let action = Package {
            format: format.clone(),
            target: row.name.clone(),
            triple: row.triple.clone(),
            file: file.clone(),
            settings: self.settings(format),
            level: self.project.level,
            payload: PayloadPlan { root, entries },
            program,
            named_files: self.project.named_files.get(format).cloned().unwrap_or_default(),
            icons: if row.os == Os::Windows { self.icons() } else { BTreeSet::new() },
            signed: programs.signed.map(|signed| self.builder.id(signed)),
        };
        let id = StepId::of(&["package", format.as_str(), &row.name]);
        let mut handle =
            self.builder.add(id, format!("Packaging {file}"), &needs, Action::Package(Box::new(action)));
        let has_key = |signer: &&str| {
            self.facts.signers.contains_key(*signer) || self.facts.code_signers.contains_key(*signer)
        };
        if let Some(signer) = shape.embeds.filter(has_key) {
            handle = self.sign(signer, SignatureForm::Embedded, handle, &file, &file, Some(format.clone()));
        }
        Some(Made { handle, format: format.clone(), file })
    }

    /// The pictures that `[windows]` names.
    fn icons(&self) -> BTreeSet<RelPath> {
        let windows = &self.project.windows;
        let shortcuts = windows.shortcuts.iter().filter_map(|shortcut| shortcut.icon.clone());
        let associations = windows.associations.iter().filter_map(|association| association.icon.clone());
        windows.icon.iter().cloned().chain(shortcuts).chain(associations).collect()
    }

    fn sign(
        &mut self,
        signer: &str,
        form: SignatureForm,
        input: Handle,
        file: &str,
        output: &str,
        format: Option<Format>,
    ) -> Handle {
        let action = Sign {
            signer: signer.to_owned(),
            form,
            input: self.builder.id(input),
            file: file.to_owned(),
            output: output.to_owned(),
            format,
        };
        let inside = if form == SignatureForm::Embedded { "inside" } else { "of" };
        let id = StepId::of(&["sign", signer, inside, output]);
        self.builder.add(id, format!("Signing {file} with {signer}"), &[input], Action::Sign(action))
    }

    /// Detached signatures of a file, one for each signer.
    fn detached(&mut self, input: Handle, file: &str) -> Vec<Handle> {
        let facts = self.facts;
        let mut handles = Vec::new();
        for (signer, planned) in &facts.signers {
            let output = format!("{file}{}", planned.suffix);
            handles.push(self.sign(signer, SignatureForm::Detached, input, file, &output, None));
        }
        handles
    }

    /// The package repositories: their files, and the signatures that stand among them.
    fn repositories(&mut self, packages: &[Made]) -> Vec<Handle> {
        let (project, catalog) = (self.project, self.catalog);
        let mut handles = Vec::new();
        for (id, settings) in &project.repositories {
            let Some(entry) = catalog.repositories.get(id) else { continue };
            let offer = &entry.offer;
            let offered: Vec<&Made> =
                packages.iter().filter(|made| made.format.as_str() == offer.format).collect();
            if offered.is_empty() {
                self.skipped.push(Skipped {
                    what: format!("the {id} repository"),
                    why: format!("this run makes no {}", offer.format),
                });
                continue;
            }
            let signer = Some(offer.signer.to_owned())
                .filter(|signer| self.facts.signers.contains_key(signer))
                .filter(|_| settings.get("signed") != Some(&serde_json::Value::Bool(false)));
            let needs: Vec<Handle> = offered.iter().map(|made| made.handle).collect();
            let indexed =
                |made: &&Made| IndexedPackage { step: self.builder.id(made.handle), file: made.file.clone() };
            let action = Index {
                repository: id.clone(),
                settings: settings.clone(),
                directory: offer.directory.to_owned(),
                packages: offered.iter().map(indexed).collect(),
                signer: signer.clone(),
            };
            let title = format!("Indexing the {id} repository");
            let handle = self.builder.add(StepId::of(&["index", id]), title, &needs, Action::Index(action));
            handles.push(handle);
            for (file, form, output) in offer.signatures.iter().filter(|_| signer.is_some()) {
                let name = |pattern: &str| format!("{}/{}", offer.directory, offer.file(pattern, settings));
                handles.push(self.sign(offer.signer, *form, handle, &name(file), &name(output), None));
            }
        }
        handles
    }

    /// What stands at the end of every release: describe, verify, publish.
    fn close(&mut self, packages: Vec<Made>) {
        let app = &self.project.app;
        let release = format!("{}-{}", app.name, app.version);
        let mut needs: Vec<Handle> = Vec::new();
        for made in &packages {
            needs.push(made.handle);
            needs.extend(self.detached(made.handle, &made.file));
        }
        needs.extend(self.repositories(&packages));
        let described = self.builder.add(
            StepId::of(&["describe"]),
            format!("Describing {release}"),
            &needs,
            Action::Describe,
        );
        needs.push(described);
        // Whoever trusts the signature of the checksums trusts every file of the release.
        needs.extend(self.detached(described, SUMS_FILE));
        let verified = self.builder.add(
            StepId::of(&["verify"]),
            format!("Verifying {release} from its bytes"),
            &needs,
            Action::Verify,
        );
        needs.push(verified);
        let publish = Publish {
            publisher: "directory".to_owned(),
            settings: serde_json::json!({}),
            release: release.clone(),
        };
        self.builder.add(
            StepId::of(&["publish", "directory"]),
            format!("Publishing {release}"),
            &needs,
            Action::Publish(publish),
        );
    }
}

fn declaration(
    project: &Project,
    target: &ProjectTarget,
    toolchain: String,
    formats: Vec<Format>,
) -> DeclaredTarget {
    let row = &target.target;
    DeclaredTarget {
        name: row.name.clone(),
        triple: row.triple.clone(),
        container: row.container.clone(),
        machines: row.machines.clone(),
        linking: row.linking.clone(),
        glibc: target.glibc,
        minimum_macos: target.macos.clone(),
        toolchain,
        binaries: project.binaries.iter().map(|binary| binary.name.clone()).collect(),
        formats,
    }
}
