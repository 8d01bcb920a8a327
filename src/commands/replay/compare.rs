//! `--compare`: the recorded requests again, and which of their replies differ.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Args;
use super::difference::{differences, short};
use super::play::{Outcome, Schedule, ask, judge, tell_rest};
use super::selection::Selection;
use crate::commands::{block_on, interrupted, show};
use crate::exit::{Code, Failure};
use crate::fault::Fault;
use crate::message::{Data, Message, Pattern, Reply, ReplyKind};
use crate::tape::{Exchange, Mask, Reader, exchanges};
use crate::traffic::Query;
use crate::transport::{Kind, Transport};
use crate::ui::{Format, Ui};

/// What all came to.
#[derive(Debug, Default, Serialize)]
struct Tally {
    /// Requests that were sent.
    compared: u64,
    /// Those whose replies are the recorded ones.
    same: u64,
    /// Those whose replies are not.
    different: u64,
    /// Requests of the recording whose replies it does not have.
    without_reply: u64,
}

/// Sends the requests of the recording that `selection` takes.
pub(super) fn run(
    args: &Args,
    mut reader: Reader,
    selection: &mut Selection,
    transport: &Arc<dyn Transport>,
    patience: Duration,
    ui: &mut Ui,
) -> anyhow::Result<Code> {
    let ignored = ignored(&args.ignored)?;
    let found = exchanges(&mut reader)?;
    let mut compared = Comparing { mask: reader.mask(), ignored, patience, tally: Tally::default() };
    let mut wanted = Vec::new();
    for exchange in found {
        let message = selection.message(exchange.request.clone(), &exchange.text);
        let Some(message) = message else { continue };
        if exchange.is_complete {
            wanted.push((exchange, transport.resent(message)));
        } else {
            compared.tally.without_reply += 1;
        }
    }
    if wanted.is_empty() {
        let fault = Fault::new("the recording has no request with its reply among what is to be sent");
        return Err(fault.hint("--compare needs requests and replies: record both, without --only").into());
    }
    wanted.truncate(args.count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX)));
    ui.note(&format!("replaying {} to {}", args.file.display(), transport.shown()));
    let code = block_on(async {
        tokio::select! {
            biased;
            () = interrupted() => Ok(Code::Interrupted),
            outcome = compared.all(args, &wanted, &**transport, ui) => outcome.map(|()| Code::Done),
        }
    });
    compared.sum_up(ui)?;
    tell_rest(&reader, selection, ui);
    match code? {
        Code::Done if compared.tally.different > 0 => {
            let Tally { different, compared, .. } = compared.tally;
            let said =
                format!("{different} of {compared} requests are answered otherwise than in the recording");
            Err(Failure::new(Code::Failed, said)
                .hint("leave out what always differs with --ignore .createdAt")
                .into())
        }
        Code::Done => Ok(judge(Code::Done, &reader)),
        code => Ok(code),
    }
}

/// What takes the parts at `paths` out of a reply's data.
fn ignored(paths: &[String]) -> Result<Option<Query>, Fault> {
    let advice = "--ignore takes paths into a reply's data: .createdAt, .items[].id";
    for path in paths {
        // Each by itself first, so that the fault names what was typed.
        Query::compile(path).map_err(|fault| Fault::new(fault.to_string()).hint(advice))?;
    }
    if paths.is_empty() {
        return Ok(None);
    }
    let query = Query::compile(&format!("del({})", paths.join(", ")));
    query.map(Some).map_err(|fault| Fault::new(fault.to_string()).hint(advice))
}

struct Comparing {
    mask: Mask,
    ignored: Option<Query>,
    patience: Duration,
    tally: Tally,
}

impl Comparing {
    /// One after the other; on a schedule where one was asked for.
    async fn all(
        &mut self,
        args: &Args,
        wanted: &[(Exchange, Message)],
        transport: &dyn Transport,
        ui: &mut Ui,
    ) -> anyhow::Result<()> {
        let mut schedule = (args.speed.is_some() || args.rate.is_some()).then(|| Schedule::new(args));
        for (exchange, message) in wanted {
            if let Some(schedule) = &mut schedule {
                schedule.wait(exchange.request.at).await;
            }
            let start = Instant::now();
            let (head, stream) = streamed(exchange, message);
            let outcome = ask(transport, &head, stream, self.patience).await;
            let found = match outcome {
                Outcome::Answered(replies) => self.compare(&exchange.replies, &replies),
                Outcome::TimedOut(replies) => {
                    let after = start.elapsed().as_secs_f64();
                    vec![format!("only {} replies within {after:.1}s", replies.len())]
                }
                Outcome::Nobody => vec!["nobody takes the request".to_owned()],
                // It is this request's own: a method that is gone.
                Outcome::Failed(error) if error.kind() == Kind::Unsupported => {
                    vec![format!("cannot be sent: {error}")]
                }
                Outcome::Failed(error) => return Err(error.into()),
            };
            self.tally.compared += 1;
            if found.is_empty() {
                self.tally.same += 1;
            } else {
                self.tally.different += 1;
                tell(exchange, message, &found, ui)?;
            }
        }
        Ok(())
    }

    /// Where the replies differ from the recorded ones.
    fn compare(&mut self, recorded: &[Reply], replied: &[Reply]) -> Vec<String> {
        let (old, new) = (told(recorded), told(replied));
        let status = |replies: &[Reply]| replies.iter().find_map(|reply| reply.status().map(str::to_owned));
        let mut found = Vec::new();
        if let (Some(old), Some(new)) = (status(recorded), status(replied))
            && old != new
        {
            found.push(format!("status: {old} → {new}"));
        }
        if old.len() != new.len() {
            found.push(format!("{} → {}", counted(&old), counted(&new)));
            return found;
        }
        let many = old.len() > 1;
        for (nth, (old, new)) in old.iter().zip(&new).enumerate() {
            let place = |what: String| if many { format!("reply {}: {what}", nth + 1) } else { what };
            if old.0 != new.0 {
                let word = |is_error| if is_error { "an error" } else { "a value" };
                let shown = |data: &Value| short(data);
                let (was, is) = (self.value(old.1), self.value(new.1));
                let what = format!("{} {} → {} {}", word(old.0), shown(&was), word(new.0), shown(&is));
                found.push(place(what));
                continue;
            }
            let (was, is) = (self.value(old.1), self.value(new.1));
            found.extend(differences(&was, &is).into_iter().map(place));
        }
        found
    }

    /// A reply's data without what the recording masks and what is ignored.
    fn value(&mut self, data: Option<&Data>) -> Value {
        let Some(data) = data else { return Value::Null };
        let data = self.mask.data(data);
        let Data::Json(json) = &data else {
            return Value::from(String::from_utf8_lossy(data.as_bytes()));
        };
        // What serde cannot hold (a lone surrogate, 1e400) is compared as the text it is.
        let plain = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        let Some(ignored) = &self.ignored else { return plain(json.get()) };
        // A path into what has no such parts leaves it as it is.
        plain(&ignored.first(json.get()).unwrap_or_else(|_| json.get().to_owned()))
    }

    fn sum_up(&self, ui: &mut Ui) -> anyhow::Result<()> {
        let Tally { compared, same, different, without_reply } = self.tally;
        if ui.format() == Format::Json {
            return show::summary(ui, &self.tally);
        }
        let without = match without_reply {
            0 => String::new(),
            without => format!(", {without} left out: the recording has no reply to them"),
        };
        ui.note(&format!("{compared} requests compared: {same} the same, {different} different{without}"));
        Ok(())
    }
}

/// A request of many messages as its head and all of them; one that is a single message as it is.
fn streamed(exchange: &Exchange, message: &Message) -> (Message, Option<mpsc::Receiver<Data>>) {
    let mut head = message.clone();
    if exchange.request.streamed().is_none() {
        return (head, None);
    }
    let (sender, messages) = mpsc::channel(exchange.further.len() + 1);
    let further = exchange.further.iter().filter_map(|further| further.data.clone());
    for data in head.data.take().into_iter().chain(further) {
        // There is room for all of them.
        let _ = sender.try_send(data);
    }
    (head, Some(messages))
}

/// What counts in replies: whether each is an error, and its data. Ends without a value say nothing: a recording does not
/// tell an end from a last reply that has none.
fn told(replies: &[Reply]) -> Vec<(bool, Option<&Data>)> {
    let is_end = |reply: &&Reply| {
        let is_value = matches!(reply.kind, ReplyKind::Next { last: true });
        reply.kind == ReplyKind::End || (is_value && reply.data.is_none())
    };
    let valued = replies.iter().filter(|reply| !is_end(reply));
    valued.map(|reply| (reply.kind == ReplyKind::Refused, reply.data.as_ref())).collect()
}

fn counted(replies: &[(bool, Option<&Data>)]) -> String {
    match replies {
        [] => "no value".to_owned(),
        [(true, _)] => "an error".to_owned(),
        [_] => "a value".to_owned(),
        many => format!("{} values", many.len()),
    }
}

/// One request whose replies differ.
fn tell(exchange: &Exchange, message: &Message, found: &[String], ui: &mut Ui) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Difference<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        v: u64,
        ts: String,
        line: u64,
        pattern: &'a str,
        differences: &'a [String],
    }
    let pattern = Pattern::as_str(&message.pattern);
    if ui.format() == Format::Json {
        let record = Difference {
            kind: "difference",
            v: 1,
            ts: format!("{:.6}", Timestamp::now()),
            line: exchange.line,
            pattern,
            differences: found,
        };
        return Ok(ui.json_line(&serde_json::to_vec(&record)?)?);
    }
    if ui.format() == Format::Quiet {
        return Ok(());
    }
    ui.out_line(&format!("line {}, {pattern}", exchange.line))?;
    for difference in found {
        ui.out_line(&format!("  {difference}"))?;
    }
    Ok(ui.flush()?)
}
