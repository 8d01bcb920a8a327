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
    tcp: u16,
}

impl Service {
    /// Starts what `npm run start:prod` would, with ports of its own in the environment.
    pub fn start(project: &Project) -> Self {
        let script = project.package()["scripts"]["start:prod"].as_str().unwrap().to_owned();
        let words: Vec<_> = script.split_whitespace().collect();
        assert_eq!(words[0], "node", "{script}");
        let (http, tcp) = (free_port(), free_port());
        let mut node = node(&project.folder, &words[1..]);
        node.env("HTTP_PORT", http.to_string()).env("TCP_PORT", tcp.to_string());
        Self::ready(&mut node, project, http, tcp)
    }

    /// Starts Node with `words` in `folder`.
    pub fn start_in(folder: &Path, words: &[String], project: &Project) -> Self {
        let (http, tcp) = (free_port(), free_port());
        let mut node = node(folder, words);
        node.env("HTTP_PORT", http.to_string())
            .env("TCP_PORT", tcp.to_string())
            .env("NODE_ENV", "production");
        Self::ready(&mut node, project, http, tcp)
    }

    /// Starts it with ports that only its `.env` tells.
    pub fn start_with_env_file(project: &Project) -> Self {
        let (http, tcp) = (free_port(), free_port());
        let file = project.folder.join(".env");
        std::fs::write(file, format!("HTTP_PORT={http}\nTCP_PORT={tcp}\n")).unwrap();
        Self::ready(&mut node(&project.folder, &["dist/main.js"]), project, http, tcp)
    }

    fn ready(node: &mut Command, project: &Project, http: u16, tcp: u16) -> Self {
        let server = Server::spawn("the service", node);
        server.on_stdout("start", |lines| {
            lines.iter().any(|line| line.contains("Nest application successfully started")).then_some(())
        });
        let service = Self { server, project: project.folder.clone(), http, tcp };
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
        format!("tcp://127.0.0.1:{}", self.tcp)
    }

    /// The service's HTTP port.
    pub fn http(&self) -> u16 {
        self.http
    }

    /// Runs `eyas` in the project's folder, where `eyas.toml` says the rest.
    pub fn eyas(&self, words: &[&str]) -> Run {
        self.run(words, true)
    }

    /// The same without ports in the environment: then the `.env` beside `eyas.toml` must tell them.
    pub fn eyas_without_ports(&self, words: &[&str]) -> Run {
        self.run(words, false)
    }

    fn run(&self, words: &[&str], has_ports: bool) -> Run {
        let mut server = Server::spawn("eyas", &mut self.eyas_command(words, has_ports));
        server.close_stdin();
        let status = server.ended();
        let (stdout, stderr) = server.lines();
        Run { name: format!("eyas {}", words.join(" ")), status, stdout, stderr }
    }

    /// `eyas` in the project's folder, not yet started.
    pub fn eyas_command(&self, words: &[&str], has_ports: bool) -> Command {
        let mut command = program::command(words);
        command.current_dir(&self.project).env_remove("HTTP_PORT").env_remove("TCP_PORT");
        if has_ports {
            command.env("HTTP_PORT", self.http.to_string()).env("TCP_PORT", self.tcp.to_string());
        }
        command
    }

    /// Waits for a line of the log that `is_it` takes for the one.
    pub fn logs(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.server.on_stdout(what, |lines| {
            lines.iter().filter_map(|line| serde_json::from_str(line).ok()).find(|line| is_it(line))
        })
    }

    /// `GET PATH`
    pub fn get(&self, path: &str) -> Answer {
        self.http_request("GET", path, None)
    }

    /// An HTTP request, with a body of JSON where there is one.
    pub fn http_request(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.http)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = body.unwrap_or_default();
        let length = body.len();
        // HTTP/1.0: the end of the answer is the end of the connection, and nothing comes in chunks.
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        Answer { status, body: body.to_owned() }
    }

    /// Sends SIGTERM, and waits for the end; what it wrote on standard error must be nothing.
    pub fn terminate(mut self) -> ExitStatus {
        self.server.signal("TERM");
        let status = self.server.ended();
        let (_, stderr) = self.server.lines();
        assert!(stderr.is_empty(), "on standard error: {stderr:?}");
        status
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

/// Node with `words`, and without ports.
pub fn node(folder: &Path, words: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut node = command("node", folder);
    node.args(words).env_remove("HTTP_PORT").env_remove("TCP_PORT").env_remove("NO_COLOR");
    node
}
