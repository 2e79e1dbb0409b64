//! The tables of keystores in a manifest: checked in full, with places and suggestions, from the schema that is made of the
//! list.

use cargo_deploy::keystore::KeySettings;
use deploy_plan::manifest::{self, InputFile, Inputs, Sections};
use serde_json::json;

/// What is wrong with a manifest that has this table: messages, labels and help of each problem.
fn problems(table: &str) -> Vec<String> {
    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    #[serde(deny_unknown_fields)]
    struct Signer {
        key: Option<KeySettings>,
    }
    let mut sections = Sections::default();
    sections.signers.insert("windows".to_owned(), schemars::schema_for!(Signer).to_value());
    let schema = manifest::schema(&sections);
    let text = format!("schema = 1\n\n[sign.windows]\nkey = {table}\n");
    let read = manifest::read(&Inputs {
        config: &[],
        environment: &[],
        package_file: None,
        workspace_file: Some(InputFile { name: "Deploy.toml", bytes: text.as_bytes() }),
        package_cargo: None,
        workspace_cargo: None,
        schema: &schema,
        running: &"0.1.0".parse().expect("a version"),
    });
    let Err(report) = read else { return Vec::new() };
    let shown = |problem: &manifest::Problem| {
        let labels: Vec<&str> = problem.labels.iter().map(|label| label.text.as_str()).collect();
        format!("{}; {}", problem.message, labels.join(", "))
    };
    report.problems().iter().map(shown).collect()
}

#[test]
fn every_keystore_has_its_own_table() {
    for good in [
        "{ pfx = \"a.pfx\", password-env = \"A\" }",
        "{ pfx-env = \"WIN_CSC_LINK\" }",
        "{ pem = \"a.key\", certificate = \"a.crt\" }",
        "{ pkcs11 = \"m.so\", token = \"t\", slot = 3, label = \"l\", pin-env = \"P\" }",
        "{ azure-artifact-signing = \"https://weu.codesigning.azure.net\", account = \"a\", profile = \"p\" }",
        "{ azure-key-vault = \"https://a.vault.azure.net\", certificate = \"a\" }",
        "{ aws-kms = \"alias/a\", certificate = \"a.crt\", region = \"eu-central-1\" }",
        "{ google-kms = \"projects/a\", certificate = \"a.crt\" }",
        "{ command = [\"./sign\"], certificate = \"a.crt\" }",
    ] {
        assert_eq!(problems(good), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn what_is_wrong_is_said_of_the_keystore_that_was_meant() {
    for (table, expected) in [
        (
            "{ pfx = \"a.pfx\", pasword-env = \"A\" }",
            "unknown key `pasword-env` in `sign.windows.key`; did you mean `password-env`?",
        ),
        (
            "{ azure-key-vault = \"https://a\" }",
            "`sign.windows.key` lacks the key `certificate`; expected `certificate` in this table",
        ),
        (
            "{ azure-keyvault = \"https://a\", certificate = \"a\" }",
            "unknown key `azure-keyvault` in `sign.windows.key`; did you mean `azure-key-vault`?",
        ),
        (
            "{ pfx = \"a\", pkcs11 = \"b\" }",
            "`sign.windows.key` has `pfx` and `pkcs11`, and can have only one of them; , ",
        ),
        (
            "{ pfx = \"a\", pfx-env = \"b\" }",
            "`sign.windows.key` has `pfx` and `pfx-env`, and can have only one of them; , ",
        ),
        (
            "{ aws-kms = 3, certificate = \"a\" }",
            "`sign.windows.key.aws-kms` is the number 3; expected a string",
        ),
        (
            "{ command = [], certificate = \"a\" }",
            "`sign.windows.key.command` is an empty list; expected at least one item",
        ),
    ] {
        assert_eq!(problems(table), [expected], "{table}");
    }
    let nothing = "`sign.windows.key` has none of `pfx`, `pfx-env`, `pem`, `pem-env`, `pkcs11`, `azure-artifact-signing`, \
                   `azure-key-vault`, `aws-kms`, `google-kms` and `command`; expected one of them";
    for table in ["{}", "{ password-env = \"A\" }"] {
        assert_eq!(problems(table), [nothing], "{table}");
    }
    let misspelt = problems("{ azure-artifact-sign = \"https://a\", account = \"a\", profile = \"p\" }");
    let suggests = |problem: &String| problem.ends_with("did you mean `azure-artifact-signing`?");
    assert!(misspelt.iter().any(suggests), "{misspelt:?}");
}

#[test]
fn a_table_is_what_the_plan_holds_of_a_key() {
    let settings = KeySettings(json!({ "pfx": "a.pfx", "password-env": "A" }));
    assert_eq!(settings.describe(), "a.pfx");
    assert_eq!(
        serde_json::to_value(&settings).expect("JSON"),
        json!({ "pfx": "a.pfx", "password-env": "A" })
    );
    for (table, expected) in [
        (json!({ "pkcs11": "m.so", "label": "l", "token": "t" }), "key l of the token t, by m.so"),
        (json!({ "azure-key-vault": "https://a", "certificate": "c" }), "certificate c of https://a"),
        (json!({ "aws-kms": "alias/a", "certificate": "c" }), "key alias/a in the KMS of Amazon"),
        (json!({ "command": ["./sign", "now"], "certificate": "c" }), "the command `./sign now`"),
        (json!({}), "no keystore"),
    ] {
        assert_eq!(KeySettings(table).describe(), expected);
    }
}
