//! Asking a service for its schema: reflection v1, else v1alpha, which differ in their names alone.

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::codec::Streaming;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::ServerReflectionResponse;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::link::{Link, Messages};
use crate::message::Pattern;
use crate::transport::{Error, Kind, Result};
use crate::wire::grpc::files::{Files, Missing};
use crate::wire::grpc::schema::{Name, Schema, no_service};

/// The method of each version, the newer one first.
const VERSIONS: &[&str] = &[
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// A conversation with a service about itself.
struct Reflection<'a> {
    link: &'a Link,
    questions: mpsc::Sender<Bytes>,
    answers: Streaming<Bytes>,
}

/// What came back to one question.
enum Answer {
    Services(Vec<String>),
    Files(Vec<Bytes>),
    NotFound(String),
}

/// The schema of the method that `pattern` means, or of all there are.
///
/// # Errors
/// No reflection; no such service; a schema that is not whole.
pub(super) async fn ask(link: &Link, pattern: Option<&Pattern>) -> Result<Schema> {
    let link = &link.uncompressed();
    let name = pattern.map(Name::of).transpose().map_err(|fault| not_so(link).because(fault))?;
    let mut files = Files::default();
    // With its package named a service is found in one round trip.
    if let Some(name) = name.filter(|name| name.service.contains('.')) {
        let symbol = MessageRequest::FileContainingSymbol(name.service.to_owned());
        let (mut reflection, answer) = Reflection::open(link, symbol).await?;
        if let Answer::Files(found) = answer {
            files.add(found).map_err(|fault| garbled(link, fault))?;
            return reflection.complete(files).await;
        }
        let answer = reflection.ask(MessageRequest::ListServices(String::new())).await?;
        return reflection.fetch(answer, Some(name), files).await;
    }
    let (reflection, answer) = Reflection::open(link, MessageRequest::ListServices(String::new())).await?;
    reflection.fetch(answer, name, files).await
}

fn not_so(link: &Link) -> Error {
    Error::unsupported(format!("{} cannot be called so", link.shown()))
}

impl<'a> Reflection<'a> {
    /// Asks `first` in the newest version that the service has.
    async fn open(link: &'a Link, first: MessageRequest) -> Result<(Self, Answer)> {
        let mut refused = None;
        for path in VERSIONS {
            match Self::begin(link, path, first.clone()).await {
                Ok(opened) => return Ok(opened),
                Err(status) if std::error::Error::source(&status).is_some() => {
                    return Err(link.broken(&status));
                }
                Err(status) => refused = Some(status),
            }
        }
        let shown = link.shown();
        let mut error = Error::unsupported(format!("{shown} does not tell its schema: it has no reflection"))
            .hint("name the proto it is made from: -O proto=FILE, or `proto` of the service in eyas.toml");
        if let Some(status) = refused.filter(|status| status.code() != Code::Unimplemented) {
            error = error.because(anyhow::anyhow!("{:?}: {}", status.code(), status.message()));
        }
        Err(error)
    }

    async fn begin(
        link: &'a Link,
        path: &'static str,
        first: MessageRequest,
    ) -> Result<(Self, Answer), Status> {
        let (questions, asked) = mpsc::channel(1);
        // There is room for one.
        let _ = questions.try_send(question(first));
        let messages: Messages = Box::pin(ReceiverStream::new(asked));
        let response = link.call(PathAndQuery::from_static(path), Request::new(messages)).await?;
        let mut opened = Self { link, questions, answers: response.into_inner() };
        let answer = opened.next().await?;
        Ok((opened, answer))
    }

    async fn ask(&mut self, request: MessageRequest) -> Result<Answer> {
        // A conversation that is over says so when it is read.
        let _ = self.questions.send(question(request)).await;
        self.next().await.map_err(|status| {
            if std::error::Error::source(&status).is_some() {
                return self.link.broken(&status);
            }
            garbled(self.link, anyhow::anyhow!("it ended with {:?}: {}", status.code(), status.message()))
        })
    }

    async fn next(&mut self) -> Result<Answer, Status> {
        let Some(bytes) = self.answers.message().await? else {
            return Err(Status::unimplemented("reflection ended without an answer"));
        };
        let response = ServerReflectionResponse::decode(bytes)
            .map_err(|error| Status::internal(format!("reflection answered with no protobuf: {error}")))?;
        match response.message_response {
            Some(MessageResponse::ListServicesResponse(list)) => {
                Ok(Answer::Services(list.service.into_iter().map(|service| service.name).collect()))
            }
            Some(MessageResponse::FileDescriptorResponse(files)) => {
                Ok(Answer::Files(files.file_descriptor_proto.into_iter().map(Bytes::from).collect()))
            }
            Some(MessageResponse::ErrorResponse(error)) => Ok(Answer::NotFound(error.error_message)),
            _ => Err(Status::internal("reflection answered something else than it was asked")),
        }
    }

    /// The files of the services that `name` may mean among those in `answer`; of all without a name.
    async fn fetch(mut self, answer: Answer, name: Option<Name<'_>>, mut files: Files) -> Result<Schema> {
        let Answer::Services(mut services) = answer else {
            return Err(garbled(self.link, anyhow::anyhow!("it does not list its services")));
        };
        services.retain(|service| !service.starts_with("grpc.reflection."));
        if let Some(name) = name {
            let meant: Vec<_> = services.iter().filter(|service| name.means(service)).cloned().collect();
            if meant.is_empty() {
                return Err(not_so(self.link).because(no_service(name, services)));
            }
            services = meant;
        }
        for service in services {
            match self.ask(MessageRequest::FileContainingSymbol(service.clone())).await? {
                Answer::Files(found) => files.add(found).map_err(|fault| garbled(self.link, fault))?,
                Answer::NotFound(why) => {
                    return Err(garbled(
                        self.link,
                        anyhow::anyhow!("it lists `{service}`, but has no file of it: {why}"),
                    ));
                }
                Answer::Services(_) => {
                    return Err(garbled(
                        self.link,
                        anyhow::anyhow!("it answers something else than it is asked"),
                    ));
                }
            }
        }
        self.complete(files).await
    }

    /// Fetches what the files import, and what they use without importing it, until nothing is missing.
    async fn complete(mut self, mut files: Files) -> Result<Schema> {
        while let Some(missing) = files.missing() {
            let request = match &missing {
                Missing::File(name) => MessageRequest::FileByFilename(name.clone()),
                Missing::Type(name) => MessageRequest::FileContainingSymbol(name.clone()),
            };
            match self.ask(request).await? {
                Answer::Files(found) => files.add(found).map_err(|fault| garbled(self.link, fault))?,
                // Google's own types are known here, too.
                _ => files.add_own(&missing),
            }
            files.asked.insert(missing);
        }
        files.into_schema().map_err(|fault| garbled(self.link, fault))
    }
}

fn question(request: MessageRequest) -> Bytes {
    ServerReflectionRequest { host: String::new(), message_request: Some(request) }.encode_to_vec().into()
}

fn garbled(link: &Link, why: impl Into<anyhow::Error>) -> Error {
    Error::new(Kind::Protocol, format!("the schema that {} tells cannot be used", link.shown()))
        .because(why)
        .hint("name the proto it is made from: -O proto=FILE")
}
