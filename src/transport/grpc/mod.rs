//! Nest over gRPC (`wire.md` §9): no envelope of Nest's; protobuf by a schema, which the service tells or a proto holds.

mod answering;
mod call;
mod codec;
mod link;
mod offers;
mod protos;
mod proxy;
mod reflection;
mod server;
mod tap;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use http::uri::PathAndQuery;
use prost_reflect::MethodDescriptor;
use tokio::sync::{Mutex, mpsc};

use super::{
    Bind, Capabilities, Endpoint, Error, Exchange, Health, Kind, Offers, OptionDoc, Proxy, Publisher, Result,
    Service, Spec, Support, Transport, between,
};
use crate::message::{Data, Message, Pattern};
use crate::wire::grpc::schema::{self, Name, Schema};
use crate::wire::grpc::{frames, json};
use link::Link;

/// What gRPC is.
pub const SPEC: Spec = Spec {
    name: "grpc",
    schemes: &["grpc", "grpcs"],
    tls_schemes: &["grpcs"],
    default_port: 5000,
    default_tls_port: 5000,
    options: &[
        OptionDoc {
            name: "proto",
            help: "FILE[,FILE…]: the schema; without it the service is asked for it by reflection",
        },
        OptionDoc { name: "import", help: "DIR[,DIR…]: where `import` in a proto is looked for, too" },
        between::LISTEN_CERT,
        between::LISTEN_KEY,
        OptionDoc { name: "defaults", help: "true: show fields that are not set" },
        OptionDoc { name: "gzip", help: "true: compress what is sent; what is received may always be" },
    ],
    written: super::Written::Pattern,
    can: Capabilities {
        emit: Support::No("gRPC has no events, every call is answered: use send"),
        request: Support::Yes,
        watch: Support::No("gRPC has no broker to watch: stand in between with --listen ADDRESS"),
        proxy: Support::Caveat(
            "messages are shown as bytes where neither the service nor a proto tells the schema",
        ),
        serve: Support::Yes,
        confirm: Support::No("gRPC has no events that could be confirmed"),
        history: Support::No("gRPC keeps nothing"),
        list: Support::Caveat("methods of a service that has reflection, or of its proto"),
    },
    open: |endpoint| {
        let wording = Wording { defaults: endpoint.flag("defaults")? };
        let gzip = endpoint.flag("gzip")?;
        let calls = AtomicU64::new(0);
        let (link, methods, schema) = (Mutex::default(), Mutex::default(), OnceLock::new());
        let notes = Arc::default();
        Ok(Arc::new(Grpc { endpoint, wording, gzip, link, methods, schema, calls, notes }))
    },
};

struct Grpc {
    endpoint: Endpoint,
    wording: Wording,
    gzip: bool,
    link: Mutex<Option<Link>>,
    /// Those found so far, by the pattern they were found by.
    methods: Mutex<HashMap<String, Method>>,
    /// From proto files.
    schema: OnceLock<Schema>,
    calls: AtomicU64,
    notes: Notes,
}

/// What the user is to be told of the link.
type Notes = Arc<std::sync::Mutex<Vec<String>>>;

/// How messages are written in JSON.
#[derive(Clone, Copy)]
struct Wording {
    /// With the fields that are not set.
    defaults: bool,
}

/// What is called.
#[derive(Clone)]
struct Method {
    path: PathAndQuery,
    /// `None` where messages are passed as they are.
    descriptor: Option<MethodDescriptor>,
}

impl Method {
    fn described(descriptor: MethodDescriptor) -> Result<Self> {
        let path = path(&schema::full_name(&descriptor))?;
        Ok(Self { path, descriptor: Some(descriptor) })
    }

    /// One whose schema nobody needs: named in full.
    fn raw(pattern: &Pattern) -> Result<Self> {
        let Name { service, method } = Name::of(pattern).map_err(uncallable)?;
        Ok(Self { path: path(&format!("{service}/{method}"))?, descriptor: None })
    }

    /// The name in full.
    fn name(&self) -> &str {
        self.path.as_str().trim_start_matches('/')
    }

    fn takes_stream(&self) -> bool {
        self.descriptor.as_ref().is_some_and(MethodDescriptor::is_client_streaming)
    }

    /// Whether there is one reply, as far as the schema says.
    fn answers_once(&self) -> bool {
        self.descriptor.as_ref().is_some_and(|method| !method.is_server_streaming())
    }

    fn encode_request(&self, data: Option<&Data>) -> Result<bytes::Bytes> {
        let Some(method) = &self.descriptor else { return Ok(bare(data)) };
        json::encode(data, &method.input()).map_err(|fault| {
            Error::unsupported(format!("`{}` does not take this", self.name())).because(fault)
        })
    }

    fn decode_reply(&self, bytes: bytes::Bytes, wording: Wording) -> Result<Data> {
        let Some(method) = &self.descriptor else { return Ok(Data::Binary(bytes)) };
        json::decode(bytes, &method.output(), wording.defaults).map_err(|fault| {
            Error::new(Kind::Protocol, format!("the reply of `{}` cannot be read", self.name()))
                .because(fault)
        })
    }
}

fn bare(data: Option<&Data>) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(data.map_or(&[], Data::as_bytes))
}

fn path(name: &str) -> Result<PathAndQuery> {
    PathAndQuery::try_from(format!("/{name}")).map_err(|error| {
        Error::unsupported(format!("`{name}` cannot be the name of a method")).because(error)
    })
}

fn uncallable(fault: crate::fault::Fault) -> Error {
    Error::unsupported("this cannot be called over gRPC").because(fault)
}

impl Grpc {
    fn is_secure(&self) -> bool {
        SPEC.tls_schemes.contains(&self.endpoint.scheme.as_str())
    }

    /// The connection, made when it is first needed and again when the last one has ended.
    async fn link(&self) -> Result<Link> {
        let mut slot = self.link.lock().await;
        if let Some(link) = slot.as_ref().filter(|link| !link.has_ended()) {
            return Ok(link.clone());
        }
        let link = Link::open(&self.endpoint, self.is_secure(), self.gzip).await?;
        *slot = Some(link.clone());
        Ok(link)
    }

    /// The schema of the proto files, where any are named.
    fn schema(&self) -> Result<Option<&Schema>> {
        let list = |name: &str| -> Vec<PathBuf> {
            let list = self.endpoint.options.get(name).map_or("", String::as_str);
            list.split(',').filter(|file| !file.is_empty()).map(PathBuf::from).collect()
        };
        let files = list("proto");
        if files.is_empty() {
            return Ok(None);
        }
        if let Some(schema) = self.schema.get() {
            return Ok(Some(schema));
        }
        let schema = protos::compile(&files, &list("import"))
            .map_err(|fault| Error::unsupported("the proto cannot be used").because(fault))?;
        Ok(Some(self.schema.get_or_init(|| schema)))
    }

    /// The method that `pattern` means.
    async fn method(&self, pattern: &Pattern, raw: bool) -> Result<Method> {
        if raw {
            return Method::raw(pattern);
        }
        if let Some(schema) = self.schema()? {
            return Method::described(schema.method(pattern).map_err(uncallable)?);
        }
        if let Some(method) = self.methods.lock().await.get(pattern.as_str()) {
            return Ok(method.clone());
        }
        let schema = self.ask_schema(Some(pattern)).await?;
        let method = Method::described(schema.method(pattern).map_err(uncallable)?)?;
        self.methods.lock().await.insert(pattern.as_str().to_owned(), method.clone());
        Ok(method)
    }

    /// The schema that the service tells: of the method that `pattern` means, or all of it.
    async fn ask_schema(&self, pattern: Option<&Pattern>) -> Result<Schema> {
        let link = self.link().await?;
        let asked = tokio::time::timeout(self.endpoint.reply_timeout, reflection::ask(&link, pattern)).await;
        asked.unwrap_or_else(|_| {
            let (shown, waited) = (self.shown(), self.endpoint.reply_timeout);
            Err(Error::new(Kind::TimedOut, format!("{shown} did not tell its schema within {waited:?}"))
                .hint("is this the address of its gRPC? wait longer with --timeout, or name its proto: -O proto=FILE"))
        })
    }

    async fn call(&self, message: &Message, more: Option<mpsc::Receiver<Data>>) -> Result<Exchange> {
        let method = self.method(&message.pattern, message.raw).await?;
        let asking = call::Asking {
            request: call::request(&method, message, more.is_none().then_some(self.endpoint.reply_timeout))?,
            first: if more.is_some() { None } else { Some(method.encode_request(message.data.as_ref())?) },
            more,
            method,
            wording: self.wording,
            notes: self.notes.clone(),
        };
        let link = self.link().await?;
        let id = self.calls.fetch_add(1, Ordering::Relaxed).to_string();
        Ok(Exchange { id, replies: asking.start(link), finding: None })
    }
}

#[async_trait]
impl Transport for Grpc {
    fn shown(&self) -> String {
        self.endpoint.shown()
    }

    fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    async fn publisher(&self) -> Result<Box<dyn Publisher>> {
        Err(Error::unsupported("gRPC has no events, every call is answered").hint("use send"))
    }

    async fn request(&self, message: &Message) -> Result<Exchange> {
        self.call(message, None).await
    }

    fn resent(&self, mut message: Message) -> Message {
        // It was recorded where nobody knew its schema: it is protobuf already.
        message.raw |= matches!(message.data, Some(Data::Binary(_)));
        message
    }

    fn canonical(&self, pattern: &Pattern) -> Result<Pattern> {
        let Some(schema) = self.schema()? else { return Ok(pattern.clone()) };
        Ok(Pattern::Text(schema::full_name(&schema.method(pattern).map_err(uncallable)?)))
    }

    async fn takes_stream(&self, pattern: &Pattern) -> Result<bool> {
        Ok(self.method(pattern, false).await?.takes_stream())
    }

    async fn request_stream(&self, head: &Message, messages: mpsc::Receiver<Data>) -> Result<Exchange> {
        self.call(head, Some(messages)).await
    }

    async fn health(&self) -> Result<Health> {
        self.link().await?;
        Ok(Health::reachable())
    }

    fn encode(&self, message: &Message, _id: Option<&str>) -> Result<Vec<u8>> {
        let method = match self.schema()? {
            _ if message.raw => Method::raw(&message.pattern)?,
            Some(schema) => Method::described(schema.method(&message.pattern).map_err(uncallable)?)?,
            None => {
                return Err(Error::unsupported("without its proto the bytes are known to the service alone")
                    .hint("name the proto, so that nothing has to be asked: -O proto=FILE"));
            }
        };
        Ok(frames::frame(&method.encode_request(message.data.as_ref())?).to_vec())
    }

    async fn offers(&self) -> Result<Offers> {
        if let Some(schema) = self.schema()? {
            return Ok(offers::list(schema));
        }
        Ok(offers::list(&self.ask_schema(None).await?))
    }

    async fn proxy(&self, bind: Bind) -> Result<Proxy> {
        let tls = between::certificate(&self.endpoint);
        let upstream = proxy::Upstream::new(&self.endpoint, self.is_secure(), self.schema()?, self.wording)?;
        proxy::start(&bind.address, tls.as_ref(), upstream).await
    }

    /// Serves all methods of the schema: those without a rule are answered that they are not implemented.
    async fn serve(&self, _patterns: &[Pattern]) -> Result<Service> {
        let Some(schema) = self.schema()? else {
            return Err(Error::unsupported("nothing can be served without a schema")
                .hint("name the proto: -O proto=FILE, or `proto` of the service in eyas.toml"));
        };
        server::start(&self.endpoint, self.is_secure(), schema, self.wording).await
    }
}
