//! A started service, and how to speak to it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::eyas::{self as program, Run};
use crate::project::{Project, command};
use crate::server::{PATIENCE, Server};

/// A port that nobody has.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    // A connection that ended on this side keeps the system from handing the port to anybody who asks for none in
    // particular; who asks for this one gets it.
    let client = TcpStream::connect(address).unwrap();
    drop(listener.accept().unwrap());
    drop(client);
    address.port()
}

/// It ends with this.
pub struct Service {
    server: Server,
    /// Where its project lies, and with it `eyas.toml`.
    project: PathBuf,
    http: u16,
    /// What the environment tells it, and `eyas`.
    settings: Vec<(&'static str, String)>,
}

impl Service {
    /// Starts what `npm run start:prod` would, with ports of its own in the environment.
    pub fn start(project: &Project) -> Self {
        Self::start_with(project, &[])
    }

    /// The same with further settings.
    pub fn start_with(project: &Project, more: &[(&'static str, String)]) -> Self {
        let script = project.package()["scripts"]["start:prod"].as_str().unwrap().to_owned();
        let words: Vec<_> = script.split_whitespace().collect();
        assert_eq!(words[0], "node", "{script}");
        let settings: Vec<_> = ports().into_iter().chain(more.iter().cloned()).collect();
        let mut node = node(&project.folder, &words[1..]);
        Self::ready(node.envs(pairs(&settings)), project, settings)
    }

    /// Starts Node with `words` in `folder`.
    pub fn start_in(folder: &Path, words: &[String], project: &Project) -> Self {
        let settings = ports();
        let mut node = node(folder, words);
        Self::ready(node.envs(pairs(&settings)).env("NODE_ENV", "production"), project, settings)
    }

    /// Starts it with ports that only its `.env` tells.
    pub fn start_with_env_file(project: &Project) -> Self {
        let settings = ports();
        let lines = settings.iter().map(|(key, value)| format!("{key}={value}\n"));
        std::fs::write(project.folder.join(".env"), lines.collect::<String>()).unwrap();
        Self::ready(&mut node(&project.folder, &["dist/main.js"]), project, settings)
    }

    fn ready(node: &mut Command, project: &Project, settings: Vec<(&'static str, String)>) -> Self {
        let server = Server::spawn("the service", node);
        server.on_stdout("start", |lines| {
            lines.iter().any(|line| line.contains("Nest application successfully started")).then_some(())
        });
        let http = settings[0].1.parse().unwrap();
        let service = Self { server, project: project.folder.clone(), http, settings };
        service.wait_until_ready();
        service
    }

    /// Nest says that it has started just before it listens on HTTP.
    fn wait_until_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.http)).is_err() {
            assert!(Instant::now() < deadline, "nobody listens on HTTP\n{}", self.server.output());
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(self.get("/health/ready").status, 200);
    }

    /// `tcp://…`
    pub fn url(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.settings[1].1)
    }

    /// `grpc://…`
    pub fn grpc_url(&self) -> String {
        format!("grpc://{}", self.settings[2].1)
    }

    /// The service's HTTP port.
    pub fn http(&self) -> u16 {
        self.http
    }

    /// Runs `eyas` in the project's folder, where `eyas.toml` says the rest.
    pub fn eyas(&self, words: &[&str]) -> Run {
        self.run(words, true, "")
    }

    /// The same with something on its standard input.
    pub fn eyas_reads(&self, words: &[&str], input: &str) -> Run {
        self.run(words, true, input)
    }

    /// The same without ports in the environment: then the `.env` beside `eyas.toml` must tell them.
    pub fn eyas_without_ports(&self, words: &[&str]) -> Run {
        self.run(words, false, "")
    }

    fn run(&self, words: &[&str], is_told: bool, input: &str) -> Run {
        let mut server = Server::spawn("eyas", &mut self.eyas_command(words, is_told));
        server.write(input.as_bytes()).unwrap();
        server.close_stdin();
        let status = server.ended();
        let (stdout, stderr) = server.lines();
        Run { name: format!("eyas {}", words.join(" ")), status, stdout, stderr }
    }

    /// `eyas` in the project's folder, not yet started.
    pub fn eyas_command(&self, words: &[&str], is_told: bool) -> Command {
        let mut command = program::command(words);
        without_settings(command.current_dir(&self.project));
        if is_told {
            command.envs(pairs(&self.settings));
        }
        command
    }

    /// Waits for a line of the log that `is_it` takes for the one.
    pub fn logs(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.server.on_stdout(what, |lines| {
            lines.iter().filter_map(|line| serde_json::from_str(line).ok()).find(|line| is_it(line))
        })
    }

    /// How many lines of the log so far `is_it` takes for one.
    pub fn logged(&self, is_it: impl Fn(&Value) -> bool) -> usize {
        let (lines, _) = self.server.lines();
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).filter(|line| is_it(line)).count()
    }

    /// `GET PATH`
    pub fn get(&self, path: &str) -> Answer {
        self.http_request("GET", path, None)
    }

    /// An HTTP request, with a body of JSON where there is one.
    pub fn http_request(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.http_request_with(method, path, "", body)
    }

    /// The same with further lines in its head, each with its end.
    pub fn http_request_with(&self, method: &str, path: &str, lines: &str, body: Option<&str>) -> Answer {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.http)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = body.unwrap_or_default();
        let length = body.len();
        // HTTP/1.0: the end of the answer is the end of the connection, and nothing comes in chunks.
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{lines}\r\n"
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        Answer { status, body: body.to_owned() }
    }

    /// Sends SIGTERM, and waits for the end; what it wrote on standard error must be nothing.
    pub fn terminate(self) -> ExitStatus {
        self.end().0
    }

    /// The same, where something may stand on standard error.
    pub fn terminate_noisily(mut self) -> ExitStatus {
        self.server.signal("TERM");
        self.server.ended()
    }

    /// Sends SIGTERM and waits, as above; gives also all that it has logged.
    pub fn end(mut self) -> (ExitStatus, Vec<Value>) {
        self.server.signal("TERM");
        let status = self.server.ended();
        let (log, mut stderr) = self.server.lines();
        // Node says so of kafkajs, which nobody maintains, and kafkajs of each replica that comes or goes.
        let of_kafkajs = [
            "TimeoutNegativeWarning",
            "Timeout duration was set to 1.",
            "node --trace-warnings",
            "The group is rebalancing, so a rejoin is needed",
        ];
        stderr.retain(|line| !of_kafkajs.iter().any(|told| line.contains(told)));
        assert!(stderr.is_empty(), "on standard error: {stderr:?}");
        (status, log.iter().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

/// What HTTP answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// The body, which is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Node with `words`, and without settings.
pub fn node(folder: &Path, words: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut node = command("node", folder);
    without_settings(node.args(words).env_remove("NO_COLOR"));
    node
}

/// Ports of its own, HTTP's first.
fn ports() -> Vec<(&'static str, String)> {
    let place = |key: &str| if key == "GRPC_URL" { "127.0.0.1:" } else { "" };
    PORTS.map(|key| (key, format!("{}{}", place(key), free_port()))).to_vec()
}

const PORTS: [&str; 3] = ["HTTP_PORT", "TCP_PORT", "GRPC_URL"];

fn without_settings(command: &mut Command) {
    for key in PORTS {
        command.env_remove(key);
    }
}

fn pairs<'a>(settings: &'a [(&'static str, String)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    settings.iter().map(|(key, value)| (*key, value.as_str()))
}
