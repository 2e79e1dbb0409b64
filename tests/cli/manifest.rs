//! `init` and `config`.

use crate::support::project::Project;
use crate::support::snapshot::{check, same};

#[test]
fn init_writes_what_it_showed_and_config_accepts_it() {
    let project = Project::new();
    let shown = project.run(&["init", "--dry-run"]).good();
    check("cli/init", &shown.text());
    assert!(!project.path("Deploy.toml").exists());

    check("cli/init-written", &project.run(&["init"]).text());
    same(&shown.stdout, &String::from_utf8_lossy(&project.read("Deploy.toml")));
    check("cli/config-check", &project.run(&["config", "check"]).text());
    check("cli/init-again", &project.run(&["init"]).text());
    project.run(&["init", "--force", "--target", "linux-x64"]).good();
    project.run(&["config", "check"]).good();
}

#[test]
fn the_manifest_of_all_layers_is_shown_with_its_origins() {
    let project = Project::new();
    project.write(
        "Deploy.toml",
        "schema = 1\n\n[targets]\nbuild = [\"linux-x64\"]\n\n[bundle]\nformats = [\"zip\"]\n",
    );
    let mut command = project.command(&["config", "show", "--origin", "--config", "bundle.level='fast'"]);
    command.env("CARGO_DEPLOY_APP_NAME", "Hello");
    check("cli/config-origin", &project.ran(command).text());
    check("cli/config-show", &project.run(&["config", "show"]).text());
}

#[test]
fn the_resolved_project_is_shown() {
    check("cli/config-resolved", &Project::new().run(&["config", "show", "--resolved"]).text());
}
