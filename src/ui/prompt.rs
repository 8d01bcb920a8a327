//! Questions on a terminal: the only place that asks.

use std::io;

use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, Input, MultiSelect, Select};

/// A question and the answers there are.
pub struct Question<'a> {
    /// The question itself, with what explains it.
    pub prompt: &'a str,
    /// What is taken for an empty answer.
    pub default: Option<&'a str>,
    /// Name and explanation of each choice.
    pub choices: &'a [(String, String)],
}

/// Asks on stderr, so that stdout stays data.
pub struct Prompt {
    theme: Box<dyn Theme>,
}

impl Prompt {
    pub(super) fn new(has_color: bool) -> Self {
        let theme: Box<dyn Theme> =
            if has_color { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) };
        Self { theme }
    }

    /// A line of text that `check` accepts.
    ///
    /// # Errors
    /// The terminal is gone, or the user pressed Ctrl-C.
    pub fn text(
        &self,
        question: &Question<'_>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> io::Result<String> {
        let mut input = Input::with_theme(&*self.theme).with_prompt(question.prompt);
        if let Some(default) = question.default {
            input = input.default(default.to_owned());
        }
        give_back(input.validate_with(|text: &String| check(text)).interact_text())
    }

    /// Yes or no.
    ///
    /// # Errors
    /// The terminal is gone, or the user pressed Ctrl-C.
    pub fn confirm(&self, prompt: &str, default: bool) -> io::Result<bool> {
        give_back(Confirm::with_theme(&*self.theme).with_prompt(prompt).default(default).interact())
    }

    /// One of the choices, by name.
    ///
    /// # Errors
    /// The terminal is gone, or the user pressed Ctrl-C.
    pub fn one(&self, question: &Question<'_>) -> io::Result<String> {
        let index = question.choices.iter().position(|(name, _)| Some(&**name) == question.default);
        let select = Select::with_theme(&*self.theme)
            .with_prompt(question.prompt)
            .items(labels(question.choices))
            .default(index.unwrap_or(0));
        Ok(question.choices[give_back(select.interact())?].0.clone())
    }

    /// At least one of the choices, by name; the default may hold several, separated by commas.
    ///
    /// # Errors
    /// The terminal is gone, or the user pressed Ctrl-C.
    pub fn many(&self, question: &Question<'_>) -> io::Result<Vec<String>> {
        let defaults: Vec<_> = question.default.unwrap_or_default().split(',').map(str::trim).collect();
        let chosen: Vec<_> = question.choices.iter().map(|(name, _)| defaults.contains(&&**name)).collect();
        let prompt = format!("{} (space chooses, enter ends)", question.prompt);
        loop {
            let select = MultiSelect::with_theme(&*self.theme)
                .with_prompt(&prompt)
                .items(labels(question.choices))
                .defaults(&chosen);
            let indices = give_back(select.interact())?;
            if !indices.is_empty() {
                return Ok(indices.into_iter().map(|index| question.choices[index].0.clone()).collect());
            }
        }
    }
}

fn labels(choices: &[(String, String)]) -> Vec<String> {
    let width = choices.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    choices.iter().map(|(name, about)| format!("{name:<width$}  {about}").trim_end().to_owned()).collect()
}

/// The answer; after Ctrl-C the cursor is given back first, which a list of choices hides.
fn give_back<T>(answer: dialoguer::Result<T>) -> io::Result<T> {
    answer.map_err(|dialoguer::Error::IO(error)| {
        // Without a terminal there is no cursor to give back.
        let _ = dialoguer::console::Term::stderr().show_cursor();
        error
    })
}
