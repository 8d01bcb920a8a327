//! A broker of one's own: on a free port, in a folder of its own, ended when it is dropped or the tests end.

use std::path::PathBuf;
use std::process::Command;

use crate::server::Server;

/// Runs a program until standard input ends, which it does with these tests, however they end.
const UNTIL_THE_END: &str = r#""$@" & pid=$!; cat >/dev/null; kill $pid; wait $pid"#;

/// A running broker.
pub struct Broker {
    server: Option<Server>,
    command: Vec<String>,
    ready: &'static str,
    /// Where its data lies; gone with it.
    folder: PathBuf,
    /// Where it listens.
    pub port: u16,
}

impl Broker {
    /// Starts `program`, which stands in the environment under that name, and waits until it says `ready`.
    /// `{port}` and `{folder}` in its arguments are filled in.
    pub fn start(program: &str, arguments: &[&str], ready: &'static str) -> Self {
        let path = std::env::var(program)
            .unwrap_or_else(|_| panic!("{program} is not set: run this through script/test"));
        let port = crate::fake::free_port();
        let folder = crate::eyas::folder().join(format!("broker-{port}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("the target folder can be written");
        let shown = folder.to_str().expect("the path is UTF-8");
        let fill = |text: &&str| text.replace("{port}", &port.to_string()).replace("{folder}", shown);
        let command = std::iter::once(path).chain(arguments.iter().map(fill)).collect();
        let mut broker = Self { server: None, command, ready, folder, port };
        broker.restart();
        broker
    }

    /// Starts it again, on its port and with its data.
    pub fn restart(&mut self) {
        self.stop();
        let mut command = Command::new("sh");
        let name = format!("the broker {}", self.command[0]);
        let server = Server::spawn(&name, command.args(["-c", UNTIL_THE_END, "sh"]).args(&self.command));
        let is_ready = |lines: &[String]| lines.iter().any(|line| line.contains(self.ready)).then_some(());
        server.on_stderr(self.ready, is_ready);
        self.server = Some(server);
    }

    /// Ends it, as a failure would: at once.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.close_stdin();
            server.ended();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
