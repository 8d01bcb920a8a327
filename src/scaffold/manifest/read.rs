//! From TOML to manifests.

use regex::Regex;
use serde_json::Value;

use super::{
    Brackets, Content, FORMAT, FileRule, Fill, FragmentManifest, Merge, Need, Note, Part, Preset, RESERVED,
    Setting, Slot, SlotKind, TemplateManifest, Variable, VariableKind,
};
use crate::scaffold::problem::{Located, Problem, Problems};
use crate::scaffold::reader::{Document, Table};

/// Types a setting may have.
const SETTING_TYPES: [&str; 8] = ["string", "url", "port", "int", "number", "bool", "list", "enum"];

/// Reads `template.toml`; `file` is its name in problems.
pub fn read_template(file: &str, text: &str) -> Result<TemplateManifest, Problems> {
    let document = Document::new(file, text);
    let mut table = document.root();
    format(&mut table);
    let manifest = TemplateManifest {
        name: table.required("name"),
        version: table.required("version").value,
        summary: table.required("summary").value,
        transports: table.texts("transports"),
        clients: table.texts("clients"),
        features: table.texts("features"),
        always: table.texts("always"),
        default_transports: table.texts("default_transports"),
        default_preset: table.text("default_preset"),
        reserved: table.texts("reserved"),
        next: table.texts("next"),
        presets: table.named_tables("presets").into_iter().map(|(name, table)| preset(name, table)).collect(),
        data: table.free("data").value,
        slots: table.tables("slot").into_iter().map(slot).collect(),
        part: part(&mut table),
    };
    table.finish();
    document.finish().or(manifest)
}

/// The name in a `template.toml`, whatever else is wrong with it.
pub fn read_name(text: &str) -> String {
    Document::new("", text).root().required("name").value
}

/// Reads `fragment.toml`; `file` is its name in problems.
pub fn read_fragment(file: &str, text: &str) -> Result<FragmentManifest, Problems> {
    let document = Document::new(file, text);
    let mut table = document.root();
    format(&mut table);
    let name = table.required("name");
    let manifest = FragmentManifest {
        title: table.text("title").map_or_else(|| name.value.clone(), |title| title.value),
        name,
        summary: table.required("summary").value,
        aliases: table.texts("aliases"),
        provides: table.texts("provides"),
        reserved: table.texts("reserved"),
        schemes: table.texts("schemes"),
        queries: table.texts("queries"),
        transport: table.text("transport"),
        shares: table.texts("shares"),
        requires: table.condition("requires"),
        excludes: table.condition("excludes"),
        hint: table.text("hint").map(|hint| hint.value),
        facts: table.free("facts"),
        part: part(&mut table),
    };
    table.finish();
    document.finish().or(manifest)
}

fn format(table: &mut Table) {
    match table.int("format") {
        Some(format) if format.value == FORMAT => {}
        Some(format) => {
            table.note(
                &format.place,
                format!("format {} is not known; this eyas reads {FORMAT}", format.value),
            );
        }
        None if table.has("format") => {}
        None => table.note(&table.place, format!("missing key `format`; write `format = {FORMAT}`")),
    }
}

fn part(table: &mut Table) -> Part {
    Part {
        variables: table.tables("variable").into_iter().map(variable).collect(),
        settings: table.tables("setting").into_iter().map(setting).collect(),
        fills: table.tables("fill").into_iter().map(fill).collect(),
        files: table.tables("file").into_iter().map(file_rule).collect(),
        merges: table.tables("merge").into_iter().map(merge).collect(),
        notes: table.tables("note").into_iter().map(note).collect(),
    }
}

fn preset(name: Located<String>, mut table: Table) -> Preset {
    let preset = Preset {
        name,
        summary: table.required("summary").value,
        features: table.texts("features"),
        set: table.free("set"),
    };
    table.finish();
    preset
}

fn variable(mut table: Table) -> Variable {
    let key = table.required("key");
    if !is_name(&key, char::is_lowercase) {
        table.note(&key.place, format!("variable `{}` must be in snake_case", key.value));
    }
    if RESERVED.contains(&key.as_str()) || key.starts_with("name_") {
        table.note(&key.place, format!("`{}` is the engine's own word and cannot be a variable", key.value));
    }
    let kind = table.required("type");
    let one_of = table.texts("one_of");
    let matches = table.text("matches");
    let range = table.json("range");
    misplaced(&table, &kind, "choice", "one_of", one_of.first());
    misplaced(&table, &kind, "text", "matches", matches.as_ref());
    misplaced(&table, &kind, "int", "range", range.as_ref());
    let kind = match kind.as_str() {
        "text" => VariableKind::Text(matches.and_then(|pattern| whole(&table, &pattern))),
        "bool" => VariableKind::Bool,
        "int" => {
            let (low, high) = range.map_or((i64::MIN, i64::MAX), |range| bounds(&table, &range));
            VariableKind::Int(low, high)
        }
        "choice" => {
            if one_of.is_empty() {
                table.note(&table.place, "a choice needs `one_of`");
            }
            VariableKind::Choice(one_of)
        }
        other => {
            unknown_type(&table, &kind, other, &["text", "bool", "int", "choice"]);
            VariableKind::Text(None)
        }
    };
    let variable = Variable {
        key,
        kind,
        prompt: table.text("prompt").map(|prompt| prompt.value),
        doc: table.text("doc").map(|doc| doc.value),
        default: table.json("default"),
        when: table.condition("when"),
        requires: table.tables("requires").into_iter().map(need).collect(),
    };
    if variable.prompt.is_none() && variable.default.is_none() {
        table
            .note(&table.place, format!("variable `{}` needs a `prompt` or a `default`", variable.key.value));
    }
    if let Some(default) = &variable.default
        && let Err(wanted) = variable.accept(&default.value)
    {
        table.note(&default.place, format!("the default of `{}` must be {wanted}", variable.key.value));
    }
    table.finish();
    variable
}

impl Variable {
    /// Whether `value` may be held, else what it must be.
    pub fn accept(&self, value: &Value) -> Result<(), String> {
        match (&self.kind, value) {
            (VariableKind::Text(None), Value::String(_)) | (VariableKind::Bool, Value::Bool(_)) => Ok(()),
            (VariableKind::Text(Some(pattern)), Value::String(text)) if pattern.is_match(text) => Ok(()),
            (VariableKind::Int(low, high), Value::Number(number))
                if number.as_i64().is_some_and(|number| (*low..=*high).contains(&number)) =>
            {
                Ok(())
            }
            (VariableKind::Choice(choices), Value::String(text))
                if choices.iter().any(|one| one.value == *text) =>
            {
                Ok(())
            }
            (kind, _) => Err(match kind {
                VariableKind::Text(None) => "a text".to_owned(),
                VariableKind::Text(Some(pattern)) => format!("a text that matches {}", pattern.as_str()),
                VariableKind::Bool => "true or false".to_owned(),
                VariableKind::Int(i64::MIN, i64::MAX) => "a whole number".to_owned(),
                VariableKind::Int(low, high) => format!("a whole number between {low} and {high}"),
                VariableKind::Choice(choices) => {
                    let choices: Vec<&str> = choices.iter().map(|one| one.value.as_str()).collect();
                    format!("one of {}", choices.join(", "))
                }
            }),
        }
    }
}

fn need(mut table: Table) -> Need {
    let value = match table.json("value").map(|value| value.value) {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => {
            table.note(&table.place, "missing key `value`");
            String::new()
        }
    };
    let need = Need { value, needs: table.condition("needs") };
    table.finish();
    need
}

fn setting(mut table: Table) -> Setting {
    let setting = Setting {
        key: table.required("key"),
        kind: table.required("type"),
        default: table.json("default"),
        example: table.json("example"),
        secret: table.flag("secret"),
        optional: table.flag("optional"),
        one_of: table.texts("one_of"),
        min: table.int("min").map(|number| number.value),
        max: table.int("max").map(|number| number.value),
        doc: table.required("doc"),
        compose: table.json("compose"),
        group: table.text("group").map(|group| group.value),
        when: table.condition("when"),
    };
    // That of a client bears the client's name.
    let own = setting.key.value.replace("{{ client_upper }}", "CLIENT");
    if !is_name(&own, char::is_uppercase) {
        table
            .note(&setting.key.place, format!("setting `{}` must be in UPPER_SNAKE_CASE", setting.key.value));
    }
    if !SETTING_TYPES.contains(&setting.kind.as_str()) && !setting.kind.is_empty() {
        unknown_type(&table, &setting.kind, &setting.kind, &SETTING_TYPES);
    }
    misplaced(&table, &setting.kind, "enum", "one_of", setting.one_of.first());
    if setting.kind.as_str() == "enum" && setting.one_of.is_empty() {
        table.note(&setting.kind.place, "an enum needs `one_of`");
    }
    if setting.secret {
        if let Some(default) = &setting.default {
            let message =
                format!("secret `{}` cannot have a default; write it as `example`", setting.key.value);
            table.note(&default.place, message);
        }
        if let Some(compose) = setting.compose.as_ref().filter(|compose| holds_password(&compose.value)) {
            table.note(
                &compose.place,
                format!("the compose value of secret `{}` holds a password", setting.key.value),
            );
        }
    }
    table.finish();
    setting
}

/// Whether a value is a URL with a password that is not itself a `${VARIABLE}`.
fn holds_password(value: &Value) -> bool {
    let parsed = value.as_str().and_then(|text| url::Url::parse(text).ok());
    parsed.is_some_and(|url| url.password().is_some_and(|password| !password.starts_with('$')))
}

fn slot(mut table: Table) -> Slot {
    let name = table.required("name");
    if !is_name(&name, char::is_lowercase) {
        table.note(&name.place, format!("slot `{}` must be in snake_case", name.value));
    }
    let kind = table.required("kind");
    let sort = table.flag("sort");
    let brackets = table.text("brackets");
    let separator = table.text("separator");
    misplaced(&table, &kind, "list", "brackets", brackets.as_ref());
    misplaced(&table, &kind, "text", "separator", separator.as_ref());
    let kind = match kind.as_str() {
        "text" => {
            if let Some(separator) = separator.as_ref().filter(|text| !["", "blank"].contains(&text.as_str()))
            {
                table.note(&separator.place, "`separator` must be \"\" or \"blank\"");
            }
            SlotKind::Text { blank: separator.is_some_and(|separator| separator.value == "blank") }
        }
        "list" => {
            let parsed = brackets.as_ref().map_or(Some(Brackets::Square), |text| Brackets::parse(text));
            if let (None, Some(brackets)) = (parsed, &brackets) {
                table.note(&brackets.place, "`brackets` must be \"[]\", \"{}\", \"()\" or \"\"");
            }
            SlotKind::List { brackets: parsed.unwrap_or(Brackets::Square), sort }
        }
        "imports" => SlotKind::Imports,
        other => {
            unknown_type(&table, &kind, other, &["text", "list", "imports"]);
            SlotKind::Imports
        }
    };
    table.finish();
    Slot { name, kind }
}

fn fill(mut table: Table) -> Fill {
    let slot = table.required("slot");
    let when = table.condition("when");
    let has_items = table.has("items");
    let items = table.texts("items");
    let contents = [
        has_items.then_some(Content::Items(items)),
        table.text("text").map(Content::Text),
        table.text("file").map(Content::File),
    ];
    let mut contents = contents.into_iter().flatten();
    let content = contents.next();
    if content.is_none() || contents.next().is_some() {
        table.note(&table.place, "a fill holds exactly one of `items`, `text`, `file`");
    }
    let content = content.unwrap_or(Content::Items(Vec::new()));
    let place = table.place.clone();
    table.finish();
    Fill { slot, when, content, place }
}

fn file_rule(mut table: Table) -> FileRule {
    let rule = FileRule { path: table.required("path"), when: table.condition("when") };
    table.finish();
    rule
}

fn merge(mut table: Table) -> Merge {
    let merge =
        Merge { file: table.required("file"), when: table.condition("when"), json: table.free("json") };
    table.finish();
    merge
}

fn note(mut table: Table) -> Note {
    let note = Note { text: table.required("text"), when: table.condition("when") };
    table.finish();
    note
}

fn misplaced<T>(table: &Table, kind: &Located<String>, wanted: &str, key: &str, found: Option<&Located<T>>) {
    if let Some(found) = found
        && kind.as_str() != wanted
    {
        table.note(&found.place, format!("`{key}` belongs to type {wanted}, not {}", kind.value));
    }
}

fn unknown_type(table: &Table, kind: &Located<String>, found: &str, known: &[&str]) {
    if !found.is_empty() {
        let problem = Problem::at(&kind.place, format!("unknown type `{found}`"));
        table.tell(problem.nearest(found, known.iter().copied()));
    }
}

fn whole(table: &Table, pattern: &Located<String>) -> Option<Regex> {
    let regex = Regex::new(&format!("^(?:{})$", pattern.value)).ok();
    if regex.is_none() {
        table.note(&pattern.place, format!("`{}` is not a regular expression", pattern.value));
    }
    regex
}

fn bounds(table: &Table, range: &Located<Value>) -> (i64, i64) {
    let numbers: Option<Vec<i64>> =
        range.as_array().and_then(|pair| pair.iter().map(Value::as_i64).collect());
    match numbers.as_deref() {
        Some([low, high]) if low <= high => (*low, *high),
        _ => {
            table.note(&range.place, "`range` must be two whole numbers, the smaller first");
            (i64::MIN, i64::MAX)
        }
    }
}

/// Whether `text` is a name of letters of one case, digits and underscores, that starts with a letter.
fn is_name(text: &str, letter: impl Fn(char) -> bool) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii() && (letter(c) || c.is_ascii_digit() || c == '_'))
}
