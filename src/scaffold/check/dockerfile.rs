//! The grammar of a Dockerfile, by lines: what any builder refuses before it builds.

use serde_json::Value;

use super::syntax::Wrong;

const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Those whose words may be a list in JSON.
const LISTS: [&str; 6] = ["ADD", "CMD", "COPY", "ENTRYPOINT", "SHELL", "VOLUME"];
/// Those that may be followed by lines of their own, up to a word.
const HEREDOCS: [&str; 3] = ["ADD", "COPY", "RUN"];

/// The first thing that is wrong with a Dockerfile.
pub fn check(text: &str) -> Result<(), Wrong> {
    let mut lines = text.lines().enumerate();
    let mut has_stage = false;
    while let Some((at, line)) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let mut whole = trimmed.to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            // Comments and empty lines may stand in between.
            let next = lines.find(|(_, line)| !line.trim().is_empty() && !line.trim().starts_with('#'));
            let Some((_, next)) = next else {
                return Err(Wrong::new(at, 0, "a line goes on after the last"));
            };
            whole.push(' ');
            whole.push_str(next.trim());
        }
        let column = line.len() - line.trim_start().len();
        let instruction = instruction(&whole, has_stage).map_err(|why| Wrong::new(at, column, why))?;
        has_stage |= instruction == "FROM";
        if HEREDOCS.contains(&instruction.as_str()) {
            for word in heredocs(&whole) {
                if !lines.any(|(_, line)| line.trim_start_matches('\t') == word) {
                    return Err(Wrong::new(at, column, format!("`<<{word}` is never ended")));
                }
            }
        }
    }
    if has_stage { Ok(()) } else { Err(Wrong::new(0, 0, "there is no `FROM`")) }
}

/// The name of an instruction, with its words judged.
fn instruction(whole: &str, has_stage: bool) -> Result<String, String> {
    let (name, words) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
    let (name, words) = (name.to_uppercase(), words.trim());
    if !INSTRUCTIONS.contains(&name.as_str()) {
        return Err(format!("`{name}` is not an instruction"));
    }
    if words.is_empty() {
        return Err(format!("`{name}` needs words after it"));
    }
    if !has_stage && name != "FROM" && name != "ARG" {
        return Err(format!("`{name}` stands before the first `FROM`"));
    }
    if name == "FROM" {
        let parts: Vec<&str> = words.split_whitespace().filter(|part| !part.starts_with("--")).collect();
        if !matches!(parts[..], [_] | [_, "AS" | "as", _]) {
            return Err(format!("`FROM {words}` is neither IMAGE nor IMAGE AS NAME"));
        }
    }
    if name == "ONBUILD" {
        instruction(words, true)?;
    }
    let is_list = LISTS.contains(&name.as_str()) && words.starts_with('[');
    let list = serde_json::from_str::<Vec<Value>>(words);
    if is_list && !list.is_ok_and(|list| list.iter().all(Value::is_string)) {
        return Err(format!("the list of `{name}` is not a list of texts in JSON"));
    }
    Ok(name)
}

/// The words that end the heredocs of a line.
fn heredocs(line: &str) -> Vec<String> {
    let starts = line.match_indices("<<").map(|(at, _)| &line[at + 2..]);
    starts
        .filter(|rest| !rest.starts_with('<'))
        .filter_map(|rest| {
            let word: String = rest
                .trim_start_matches(['-', '"', '\''])
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some(word)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str, line: usize, why: &str) {
        let wrong = check(text).expect_err(text);
        assert_eq!((wrong.line, wrong.message.contains(why)), (line, true), "{text}: {}", wrong.message);
    }

    #[test]
    fn what_a_builder_takes_is_well() {
        let texts = [
            "FROM a\n",
            "# syntax=docker/dockerfile:1\nARG X=1\nfrom --platform=$P a AS b\nRUN x \\\n  # why\n\n  && y\nCMD [\"a\", \"b\"]\n",
            "FROM a\nRUN <<EOF\nnot an INSTRUCTION\nEOF\nCOPY <<-\"A\" <<B /\nx\n\tA\ny\nB\nUSER 1\n",
        ];
        for text in texts {
            check(text).unwrap_or_else(|wrong| panic!("{text}: {}", wrong.message));
        }
    }

    #[test]
    fn what_a_builder_refuses_is_told_with_its_line() {
        wrong("", 1, "no `FROM`");
        wrong("RUN x\n", 1, "before the first");
        wrong("FROM a\n\nRUNN x\n", 3, "`RUNN` is not an instruction");
        wrong("FROM a b\n", 1, "neither IMAGE");
        wrong("FROM a\nUSER\n", 2, "needs words");
        wrong("FROM a\nCMD [\"a\", b]\n", 2, "not a list of texts");
        wrong("FROM a\nRUN x \\\n", 2, "goes on");
        wrong("FROM a\nRUN <<EOF\nx\n", 2, "never ended");
    }
}
