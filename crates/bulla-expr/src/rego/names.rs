//! Whether every function that a policy calls is there, none calls itself, and no
//! rule has two defaults.
//!
//! OPA finds all that when it compiles a policy. The engine here finds the first
//! when the call is made, where an error may turn into "undefined" (and `not
//! undefined` is true), the second when its stack is full, and the third never. So
//! the syntax tree is walked beforehand. It is walked as JSON: a node of a new kind cannot be missed.

use regorus::{Engine, unstable::BUILTINS};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

use super::{RegoError, functions};

/// Functions by their whole path, with those that they call.
type Calls = BTreeMap<String, BTreeSet<String>>;

/// Checks all modules of `engine` together.
///
/// # Errors
/// [`RegoError::UnknownFunction`], [`RegoError::Recursion`] or
/// [`RegoError::Defaults`].
pub(super) fn check(engine: &Engine) -> Result<(), RegoError> {
    let unreadable = |error: &dyn std::fmt::Display| RegoError::Evaluation(error.to_string());
    let tree = engine
        .get_ast_as_json()
        .map_err(|error| unreadable(&error))?;
    let tree: Value = serde_json::from_str(&tree).map_err(|error| unreadable(&error))?;
    let modules: Vec<Module<'_>> = tree
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Module::read)
        .collect();
    let mut defaults = BTreeSet::new();
    for module in &modules {
        let rules = module.rules.iter().filter_map(|rule| rule.get("Default"));
        for name in rules.filter_map(|rule| path(rule.get("refr")?)) {
            let name = module.own(&name);
            if !defaults.insert(name.clone()) {
                return Err(RegoError::Defaults(name));
            }
        }
    }
    let mut calls = Calls::new();
    for module in &modules {
        for rule in &module.rules {
            if let Some(name) = defined(rule) {
                calls.entry(module.own(&name)).or_default();
            }
        }
    }
    for module in &modules {
        for rule in &module.rules {
            let called = module.called(rule, &calls)?;
            if let Some(name) = defined(rule) {
                calls.entry(module.own(&name)).or_default().extend(called);
            }
        }
    }
    match recursive(&calls) {
        Some(name) => Err(RegoError::Recursion(name)),
        None => Ok(()),
    }
}

/// A module of the tree.
struct Module<'t> {
    file: String,
    /// `data.` and its package.
    package: String,
    /// Names that stand for others.
    imports: BTreeMap<String, String>,
    rules: Vec<&'t Value>,
}

impl<'t> Module<'t> {
    fn read(module: &'t Value) -> Option<Self> {
        let tree = module.get("ast")?;
        let source = module.pointer("/source/contents")?.as_str()?;
        let package = path(tree.pointer("/package/refr")?)?;
        let imports = tree.get("imports").and_then(Value::as_array);
        let imports = imports.into_iter().flatten().filter_map(|import| {
            let path = path(import.get("refr")?)?;
            let last = path.rsplit('.').next()?.to_owned();
            let name = import.get("as").and_then(|span| text(source, span));
            let name = name.unwrap_or(last);
            Some((name, path))
        });
        Some(Self {
            file: module
                .pointer("/source/file")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            package: format!("data.{package}"),
            imports: imports.collect(),
            rules: tree.get("rules")?.as_array()?.iter().collect(),
        })
    }

    fn own(&self, name: &str) -> String {
        format!("{}.{name}", self.package)
    }

    /// The policy's own functions that are called below `node`.
    fn called(&self, node: &Value, known: &Calls) -> Result<BTreeSet<String>, RegoError> {
        let mut found = BTreeSet::new();
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            match node {
                Value::Array(items) => open.extend(items),
                Value::Object(members) => {
                    if let Some(function) = members.get("Call").and_then(|call| call.get("fcn")) {
                        found.extend(self.resolve(function, known)?);
                    }
                    open.extend(members.values());
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// The policy's own function of that name; `None` for one that is built in.
    fn resolve(&self, function: &Value, known: &Calls) -> Result<Option<String>, RegoError> {
        let name = path(function).unwrap_or_else(|| "what is called".into());
        let (first, rest) = name.split_once('.').unwrap_or((&name, ""));
        let imported = self.imports.get(first).map(|path| match rest {
            "" => path.clone(),
            rest => format!("{path}.{rest}"),
        });
        let candidates = [Some(self.own(&name)), imported, Some(name.clone())];
        for candidate in candidates.into_iter().flatten() {
            if known.contains_key(&candidate) {
                return Ok(Some(candidate));
            }
        }
        let is_built_in = name == "print"
            || functions::NAMES.contains(&name.as_str())
            || BUILTINS.contains_key(name.as_str());
        if is_built_in {
            return Ok(None);
        }
        Err(RegoError::UnknownFunction {
            module: self.file.clone(),
            function: name,
        })
    }
}

/// The name of the function that a rule defines.
fn defined(rule: &Value) -> Option<String> {
    let function = rule.pointer("/Spec/head/Func/refr");
    let default = || {
        let rule = rule.get("Default")?;
        let args = rule.get("args")?.as_array()?;
        (!args.is_empty()).then(|| rule.get("refr"))?
    };
    path(function.or_else(default)?)
}

/// `a.b.c` of a variable or of a reference by constant names.
fn path(node: &Value) -> Option<String> {
    if let Some(variable) = node.get("Var") {
        return variable.get("value")?.as_str().map(str::to_owned);
    }
    if let Some(dot) = node.get("RefDot") {
        let field = dot.get("field")?.as_array()?.last()?.as_str()?;
        return Some(format!("{}.{field}", path(dot.get("refr")?)?));
    }
    let bracket = node.get("RefBrack")?;
    let index = bracket.pointer("/index/String/value")?.as_str()?;
    Some(format!("{}.{index}", path(bracket.get("refr")?)?))
}

/// The source text of a span.
fn text(source: &str, span: &Value) -> Option<String> {
    let at = |name: &str| usize::try_from(span.get(name)?.as_u64()?).ok();
    source.get(at("start")?..at("end")?).map(str::to_owned)
}

/// A function that reaches itself.
fn recursive(calls: &Calls) -> Option<String> {
    let reaches_itself = |start: &String| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&String> = calls.get(start).into_iter().flatten().collect();
        while let Some(next) = open.pop() {
            if next == start {
                return true;
            }
            if seen.insert(next) {
                open.extend(calls.get(next).into_iter().flatten());
            }
        }
        false
    };
    calls.keys().find(|name| reaches_itself(name)).cloned()
}
