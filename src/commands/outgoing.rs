//! What `emit`, `send` and `bench` send: PATTERN and DATA as typed, or lines of a file.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, IsTerminal as _};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use tokio::sync::mpsc;

use super::signing::{self, Purpose, Signing};
use super::target::{self, Target};
use crate::exit::Code;
use crate::fault::Fault;
use crate::message::{Data, Headers, Message, Pattern};
use crate::payload::{self, Expand, Expansion, Item, Ndjson};
use crate::settings::Settings;
use crate::transport::{Transport, Written};
use crate::ui::Ui;

/// The id that `--dry-run` shows: any would do.
pub const SAMPLE_ID: &str = "000000000000000000000";

/// Lines that are read ahead of the network.
const READ_AHEAD: usize = 4096;

/// PATTERN, DATA and what goes with them.
#[derive(Args, Clone, Debug)]
pub struct MessageFlags {
    /// TARGET: whom to speak to, `@service` or a URL; may be left out. PATTERN: text, or JSON if it starts with
    /// `{`; over HTTP METHOD and PATH. DATA: one JSON text, or words like `id=7 ok:=true tags[]=new user.name=Ann`; none is `{}`
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// After `--` the first word is never a target
    #[arg(last = true, hide = true)]
    pub after: Vec<String>,
    /// The data as one text: JSON, `@FILE`, or `-` for standard input
    #[arg(short, long, value_name = "TEXT|@FILE|-", conflicts_with = "ndjson", help_heading = "Message")]
    pub data: Option<String>,
    /// A message from each line of FILE (`-`: standard input): a payload, or a record of `tail -o json`
    #[arg(long, value_name = "FILE", help_heading = "Message")]
    pub ndjson: Option<String>,
    /// Take every line as a payload, records too
    #[arg(long, requires = "ndjson", help_heading = "Message")]
    pub bare: bool,
    /// Fill in `{{ uuid() }}`, `{{ now() }}`, `{{ seq }}`, `{{ random(min=1, max=9) }}` for each message
    #[arg(long, conflicts_with = "ndjson", help_heading = "Message")]
    pub expand: bool,
    /// Makes `--expand` repeatable
    #[arg(long, value_name = "NUMBER", requires = "expand", help_heading = "Message")]
    pub seed: Option<u64>,
    /// A header (properties, metadata); repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = payload::parse_header, help_heading = "Message")]
    pub headers: Vec<(String, crate::message::HeaderValue)>,
    /// Send the data as it is, without Nest's envelope
    #[arg(long, help_heading = "Message")]
    pub raw: bool,
    /// Prove to be SERVICE of eyas.toml, by a token of a minute that its `secret` there signs
    #[arg(long = "as", value_name = "SERVICE", help_heading = "Message")]
    pub sender: Option<String>,
}

/// What is sent, one after the other.
pub struct Messages {
    source: Source,
    /// What `--as` adds to each.
    signing: Option<Signing>,
}

/// Where messages come from.
enum Source {
    /// The same each time.
    Same(Box<Message>),
    /// Filled in each time.
    Expanded(Box<Message>, Box<Expansion>),
    /// A line each, read by a thread of its own: a slow writer must not hold up the network.
    Lines {
        /// The messages.
        messages: mpsc::Receiver<Result<Message, Fault>>,
        /// What they have in common, where PATTERN is named.
        head: Option<Box<Message>>,
    },
}

impl MessageFlags {
    /// The target, where one is named, and the words after it.
    ///
    /// # Errors
    /// No pattern, where no line could bring its own; words on both sides of `--`.
    pub fn split(&self) -> Result<(Option<&str>, &[String]), Fault> {
        let (target, words) = target::split(&self.words, &self.after)?;
        if words.is_empty() && target.is_none() && self.ndjson.is_none() {
            return Err(no_pattern());
        }
        Ok((target, words))
    }

    /// What is sent to `target`; `words` are those after it, and `written` is how it takes them.
    ///
    /// # Errors
    /// Words that do not fit together, data that is not JSON, files that cannot be read; nothing to sign with.
    pub fn messages(
        &self,
        words: &[String],
        (target, written, purpose): (&Target, Written, Purpose),
        settings: &Settings,
    ) -> Result<Messages, Fault> {
        let method = match purpose {
            Purpose::Request => "GET",
            Purpose::Event => "POST",
        };
        let source = self.source(words, written, method)?;
        let sign = |sender: &String| Signing::new(sender, (target, written, purpose), settings);
        let signing = self.sender.as_ref().map(sign).transpose()?;
        Ok(Messages { source, signing })
    }

    /// Reads pattern and data. Where the words leave a method out, `method` is meant.
    fn source(&self, words: &[String], written: Written, method: &'static str) -> Result<Source, Fault> {
        let (pattern, data) = self.pattern(words, written, method)?;
        if let Some(source) = &self.ndjson {
            return self.lines(source, pattern, &data);
        }
        let mut message = self.message(pattern.ok_or_else(no_pattern)?);
        let (has_none, is_bare) = match written {
            Written::Pattern => (false, false),
            // A file goes as it is: there is no envelope that it must fit into.
            Written::Request => {
                let is_file = |source: &String| source == "-" || source.starts_with('@');
                (data.is_empty() && self.data.is_none(), self.data.as_ref().is_some_and(is_file))
            }
        };
        if has_none {
            return Ok(Source::Same(Box::new(message)));
        }
        let data = &data[..];
        if !self.expand {
            message.data = Some(self.payload(data, is_bare)?);
            return Ok(Source::Same(Box::new(message)));
        }
        let template = match &self.data {
            None => payload::template_from_words(data)?,
            Some(source) => self.read(source, data)?.into_template()?,
        };
        let expand = Expand { seed: self.seed, allow_env: self.data.is_none(), ..Expand::default() };
        Ok(Source::Expanded(Box::new(message), Box::new(Expansion::compile(&template, &expand)?)))
    }

    fn message(&self, pattern: Pattern) -> Message {
        Message { pattern, data: None, headers: self.headers.clone(), raw: self.raw }
    }

    /// The pattern, where there is one, and the words after it.
    fn pattern(
        &self,
        words: &[String],
        written: Written,
        method: &'static str,
    ) -> Result<(Option<Pattern>, Vec<String>), Fault> {
        if words.is_empty() && self.ndjson.is_some() {
            return Ok((None, Vec::new()));
        }
        match written {
            Written::Pattern => {
                let (pattern, data) = words.split_first().ok_or_else(no_pattern)?;
                Ok((Some(payload::parse_pattern(pattern)?), data.to_vec()))
            }
            Written::Request => {
                let has_data = self.data.is_some() || self.ndjson.is_some();
                let missing = payload::Missing { method, has_data };
                let (pattern, data) = payload::request_line(words, missing)?;
                Ok((Some(pattern), data))
            }
        }
    }

    /// The data; `is_bare` takes them as they are, as `--raw` does.
    fn payload(&self, words: &[String], is_bare: bool) -> Result<Data, Fault> {
        match &self.data {
            None => payload::from_words(words),
            Some(source) => self.read(source, words)?.into_data(self.raw || is_bare),
        }
    }

    fn read(&self, source: &str, words: &[String]) -> Result<payload::Source, Fault> {
        if let Some(word) = words.first() {
            return Err(Fault::new(format!("there is data twice: `{word}` and --data")));
        }
        let stdin = std::io::stdin();
        let is_terminal = stdin.is_terminal();
        payload::read_source(source, &mut stdin.lock(), is_terminal, self.raw)
    }

    fn lines(&self, source: &str, pattern: Option<Pattern>, words: &[String]) -> Result<Source, Fault> {
        if let Some(word) = words.first() {
            return Err(Fault::new(format!("there is data twice: `{word}` and --ndjson")));
        }
        let stdin =
            || Box::new(BufReader::with_capacity(1 << 16, std::io::stdin())) as Box<dyn BufRead + Send>;
        let lines = payload::open_lines(source, stdin, std::io::stdin().is_terminal())?;
        let name = if source == "-" { "standard input" } else { source };
        let lines = Ndjson::new(lines, name, self.bare, self.raw);
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        let template = self.message(pattern.clone().unwrap_or_else(|| Pattern::Text(String::new())));
        let head = pattern.is_some().then(|| Box::new(template.clone()));
        let name = name.to_owned();
        std::thread::spawn(move || {
            for item in lines {
                let message = item.and_then(|item| fill(&template, item, pattern.is_some(), &name));
                let is_last = message.is_err();
                if sender.blocking_send(message).is_err() || is_last {
                    return;
                }
            }
        });
        Ok(Source::Lines { messages: receiver, head })
    }
}

fn no_pattern() -> Fault {
    Fault::new("there is no pattern")
        .hint("a pattern is what @MessagePattern or @EventPattern says: orders.get, or '{\"cmd\":\"sum\"}'")
}

/// The message of one line: its own pattern wins, and headers add up.
fn fill(template: &Message, item: Item, has_pattern: bool, name: &str) -> Result<Message, Fault> {
    let pattern = match item.pattern {
        Some(pattern) => pattern,
        None if has_pattern => template.pattern.clone(),
        None => {
            return Err(Fault::new(format!(
                "{name}, line {}: a payload, and no PATTERN to send it to",
                item.line
            ))
            .hint("name the pattern: eyas emit @orders orders.created --ndjson FILE"));
        }
    };
    let headers: Headers = item.headers.into_iter().chain(template.headers.iter().cloned()).collect();
    Ok(Message { pattern, data: item.data, headers, raw: template.raw })
}

impl Messages {
    /// Message number `seq`, from 0; `None` when there are no more.
    ///
    /// # Errors
    /// A line that cannot be read, a template that fails.
    pub async fn next(&mut self, seq: u64) -> Result<Option<Message>, Fault> {
        let next = match &mut self.source {
            Source::Same(message) => Some((**message).clone()),
            Source::Expanded(message, expansion) => {
                let data = Some(expansion.render(seq, message.raw)?);
                Some(Message { data, ..(**message).clone() })
            }
            Source::Lines { messages, .. } => messages.recv().await.transpose()?,
        };
        next.map(|message| self.signed(message)).transpose()
    }

    fn signed(&mut self, mut message: Message) -> Result<Message, Fault> {
        if let Some(signing) = &mut self.signing {
            signing.sign(&mut message)?;
        }
        Ok(message)
    }

    /// Whether there is an end to them by themselves.
    pub fn is_finite(&self) -> bool {
        matches!(self.source, Source::Lines { .. })
    }

    /// What all of them have in common but their data, where they are lines and PATTERN is named.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn head(&mut self) -> Result<Option<Message>, Fault> {
        let Source::Lines { head: Some(head), .. } = &self.source else { return Ok(None) };
        let head = (**head).clone();
        self.signed(head).map(Some)
    }

    /// The one message there is, to be sent again and again; `None` where they differ.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn repeated(self) -> Result<Option<Repeated>, Fault> {
        let Self { source: Source::Same(plain), mut signing } = self else { return Ok(None) };
        let mut message = (*plain).clone();
        if let Some(signing) = &mut signing {
            signing.sign(&mut message)?;
        }
        Ok(Some(Repeated { plain: *plain, message: Arc::new(message), signing, since: Instant::now() }))
    }

    /// Whether `--as` signs them.
    pub fn is_signed(&self) -> bool {
        self.signing.is_some()
    }
}

/// A message that is sent again and again: it is made anew only where its token grows old.
pub struct Repeated {
    plain: Message,
    message: Arc<Message>,
    signing: Option<Signing>,
    since: Instant,
}

impl Repeated {
    /// The message as it is to be sent now.
    pub fn now(&mut self) -> Arc<Message> {
        if let Some(signing) = &mut self.signing
            && self.since.elapsed() > signing::USED_FOR
        {
            let mut message = self.plain.clone();
            // What was signed once can be signed again.
            if signing.sign(&mut message).is_ok() {
                self.message = Arc::new(message);
            }
            self.since = Instant::now();
        }
        self.message.clone()
    }
}

/// Says what may become of messages that their sender does not expect: each such thing once, before it happens.
#[derive(Default)]
pub struct Cautions(HashSet<String>);

impl Cautions {
    /// Looks at a message that is about to be sent.
    pub fn look(&mut self, transport: &dyn Transport, message: &Message, ui: &mut Ui) {
        if let Some(caution) = transport.caution(message)
            && !self.0.contains(&caution)
        {
            ui.warn(&caution);
            self.0.insert(caution);
        }
    }
}

/// `--dry-run`: the exact bytes on stdout, and nothing is sent.
///
/// # Errors
/// A message that cannot be encoded; stdout cannot be written.
pub async fn show(
    transport: &dyn Transport,
    messages: &mut Messages,
    count: Option<u64>,
    id: Option<&str>,
    ui: &mut Ui,
) -> anyhow::Result<Code> {
    let mut cautions = Cautions::default();
    if let Some(signing) = &mut messages.signing {
        signing.mask();
    }
    for seq in 0..count.unwrap_or(u64::MAX) {
        let Some(message) = messages.next(seq).await? else { break };
        cautions.look(transport, &message, ui);
        ui.exact(&transport.encode(&message, id)?)?;
    }
    ui.note(&format!("nothing was sent to {}", transport.shown()));
    Ok(Code::Done)
}
