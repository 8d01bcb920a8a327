//! Requests whose answers are only checked.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::client::Client;
use super::{Options, request};
use crate::message::{Message, Reply, ReplyKind};
use crate::transport::{Delivered, Endpoint, Error, Kind, Publisher, Push, Result};

/// Requests that may be in flight at once.
const WINDOW: usize = 64;

/// Requests on their way out.
pub(super) struct Pipeline {
    client: Arc<Client>,
    endpoint: Endpoint,
    options: Options,
    room: Arc<Semaphore>,
    fates: Arc<Mutex<Fates>>,
    flying: JoinSet<()>,
}

/// What became of those that are back.
#[derive(Default)]
struct Fates {
    confirmed: u64,
    lost: u64,
    /// Why the first of those was.
    error: Option<Error>,
    /// Whether nothing more can go.
    is_broken: bool,
}

impl Pipeline {
    pub(super) fn new(client: Arc<Client>, endpoint: Endpoint, options: Options) -> Self {
        let room = Arc::new(Semaphore::new(WINDOW));
        Self { client, endpoint, options, room, fates: Arc::default(), flying: JoinSet::new() }
    }
}

fn settle(fates: &Mutex<Fates>, answer: Result<Reply>, pattern: &str) {
    let error = match answer {
        Ok(Reply { kind: ReplyKind::Refused, data, headers }) => {
            let reply = Reply { kind: ReplyKind::Refused, data, headers };
            let why = reply.data.as_ref().map(|data| String::from_utf8_lossy(data.as_bytes()));
            let status = reply.status().unwrap_or_default();
            let what = format!("`{pattern}` was answered with {status}: {}", why.unwrap_or_default());
            Some((Error::new(Kind::Refused, what), false))
        }
        Ok(_) => None,
        Err(error) => Some((error, true)),
    };
    let mut fates = fates.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((error, is_broken)) = error else {
        fates.confirmed += 1;
        return;
    };
    fates.lost += 1;
    fates.is_broken |= is_broken;
    fates.error.get_or_insert(error);
}

/// The first answer; a stream of events is not waited for.
async fn first(mut replies: mpsc::Receiver<Result<Reply>>) -> Result<Reply> {
    let none = || Err(Error::new(Kind::Closed, "the service closed the connection without an answer"));
    replies.recv().await.unwrap_or_else(none)
}

#[async_trait]
impl Publisher for Pipeline {
    fn push(&mut self, message: &Message) -> Result<Push> {
        let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        if fates.is_broken
            && let Some(error) = fates.error.take()
        {
            return Err(error);
        }
        drop(fates);
        let Ok(permit) = self.room.clone().try_acquire_owned() else { return Ok(Push::Full) };
        let request = request::build(message, &self.endpoint, self.options)?;
        while self.flying.try_join_next().is_some() {}
        let (client, fates) = (self.client.clone(), self.fates.clone());
        let pattern = message.pattern.as_str().to_owned();
        self.flying.spawn(async move {
            let answer = first(client.request(request)).await;
            settle(&fates, answer, &pattern);
            drop(permit);
        });
        Ok(Push::Taken)
    }

    async fn room(&mut self) -> Result<()> {
        // It is never closed.
        let _ = self.room.acquire().await;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Delivered {
        while self.flying.join_next().await.is_some() {}
        let fates = std::mem::take(&mut *self.fates.lock().unwrap_or_else(PoisonError::into_inner));
        Delivered { confirmed: fates.confirmed, lost: fates.lost, error: fates.error, ..Delivered::default() }
    }
}
