//! `cfg(...)` expressions as keys of `[target]` in cargo's configuration (The Rust Reference, "Conditional
//! compilation"), decided by what `rustc --print cfg` says of a triple.

use std::collections::BTreeSet;

/// What holds for a triple: lines such as `unix` and `target_os="linux"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CfgSet(BTreeSet<String>);

impl CfgSet {
    /// From the output of `rustc --print cfg`.
    pub fn parse(output: &str) -> Self {
        CfgSet(output.lines().map(|line| line.trim().to_owned()).collect())
    }

    /// Whether `expression`, with its `cfg(` and `)`, holds. `None` when it cannot be understood.
    pub fn holds(&self, expression: &str) -> Option<bool> {
        let mut reader = Reader { rest: expression.trim(), set: self };
        reader.take("cfg")?;
        let inner = reader.list(false)?;
        let [holds] = inner[..] else { return None };
        reader.rest.trim().is_empty().then_some(holds)
    }
}

struct Reader<'a> {
    rest: &'a str,
    set: &'a CfgSet,
}

impl Reader<'_> {
    fn take(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(token)?;
        Some(())
    }

    /// `( predicate, predicate, )`.
    fn list(&mut self, may_be_empty: bool) -> Option<Vec<bool>> {
        self.take("(")?;
        let mut values = Vec::new();
        while self.take(")").is_none() {
            values.push(self.predicate()?);
            if self.take(",").is_none() {
                self.take(")")?;
                break;
            }
        }
        (may_be_empty || !values.is_empty()).then_some(values)
    }

    fn predicate(&mut self) -> Option<bool> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return None;
        }
        self.rest = after;
        let opens = after.trim_start().starts_with('(');
        match name {
            "all" if opens => Some(self.list(true)?.into_iter().all(|holds| holds)),
            "any" if opens => Some(self.list(true)?.into_iter().any(|holds| holds)),
            "not" if opens => match self.list(false)?[..] {
                [holds] => Some(!holds),
                _ => None,
            },
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                if self.take("=").is_none() {
                    return Some(self.set.0.contains(name));
                }
                self.take("\"")?;
                let (value, after) = self.rest.split_once('"')?;
                self.rest = after;
                Some(self.set.0.contains(&format!("{name}=\"{value}\"")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_hold_as_the_reference_says() {
        let set =
            CfgSet::parse("unix\ntarget_os=\"linux\"\ntarget_family=\"unix\"\ntarget_feature=\"sse2\"\n");
        let table = [
            ("cfg(unix)", Some(true)),
            ("cfg(windows)", Some(false)),
            ("cfg(not(windows))", Some(true)),
            ("cfg( all( unix , target_os = \"linux\" , ) )", Some(true)),
            ("cfg(all())", Some(true)),
            ("cfg(any())", Some(false)),
            ("cfg(any(windows, not(target_os=\"macos\")))", Some(true)),
            ("cfg(true)", Some(true)),
            ("cfg(false)", Some(false)),
            ("cfg(target_feature=\"avx2\")", Some(false)),
            ("cfg()", None),
            ("cfg(unix, windows)", None),
            ("cfg(unix) more", None),
            ("cfg(target_os=linux)", None),
            ("cfg(all(unix)", None),
            ("cfg(not(unix, windows))", None),
            ("unix", None),
        ];
        for (expression, expected) in table {
            assert_eq!(set.holds(expression), expected, "{expression}");
        }
    }
}
