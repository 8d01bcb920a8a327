//! A server process: readiness by what it says, ended by its own id, its output kept for when a test fails.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// When something that must happen has not happened. No test measures time; this only ends one that hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The lines a stream has given so far.
#[derive(Default)]
struct Lines {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A reader that fails fails its test; the lines it was given are still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(stream: impl Read + Send + 'static) -> Arc<Self> {
        let lines = Arc::new(Self::default());
        let theirs = Arc::clone(&lines);
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
                theirs.lock().lines.push(text);
                theirs.changed.notify_all();
                line.clear();
            }
            theirs.lock().ended = true;
            theirs.changed.notify_all();
        });
        lines
    }

    /// The first `Some` that `pick` makes of all lines so far, asked again whenever there are more.
    fn wait<T>(&self, mut pick: impl FnMut(&[String]) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        loop {
            if let Some(found) = pick(&state.lines) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A running process.
pub struct Server {
    name: String,
    child: Child,
    stdin: Mutex<Option<ChildStdin>>,
    stdout: Arc<Lines>,
    stderr: Arc<Lines>,
}

impl Server {
    pub fn spawn(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self {
            name: name.to_owned(),
            stdin: Mutex::new(child.stdin.take()),
            stdout: Lines::follow(child.stdout.take().expect("stdout is piped")),
            stderr: Lines::follow(child.stderr.take().expect("stderr is piped")),
            child,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input.
    pub fn write(&self, text: &[u8]) -> io::Result<()> {
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        stdin.as_mut().expect("standard input is open").write_all(text)
    }

    /// Ends its standard input.
    pub fn close_stdin(&self) {
        self.stdin.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits until `pick` finds what it looks for among the lines on standard output.
    pub fn on_stdout<T>(&self, what: &str, pick: impl FnMut(&[String]) -> Option<T>) -> T {
        self.stdout.wait(pick).unwrap_or_else(|| panic!("{}: no {what}\n{}", self.name, self.output()))
    }

    /// Waits until `pick` finds what it looks for among the lines on standard error.
    pub fn on_stderr<T>(&self, what: &str, pick: impl FnMut(&[String]) -> Option<T>) -> T {
        self.stderr.wait(pick).unwrap_or_else(|| panic!("{}: no {what}\n{}", self.name, self.output()))
    }

    /// The address in its `listening on …`, without a scheme.
    pub fn listening(&self) -> String {
        self.on_stderr("address", |lines| {
            let line = lines.iter().find_map(|line| line.split_once("listening on "))?.1;
            let address = line.split_whitespace().next()?.trim_end_matches(',');
            Some(address.rsplit_once("://").map_or(address, |(_, rest)| rest).to_owned())
        })
    }

    /// Sends it the signal of this name: `INT`, `TERM`.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(kill.is_ok_and(|status| status.success()), "{} is gone\n{}", self.name, self.output());
    }

    /// Waits for the end of both streams, which is the end of the process.
    pub fn ended(&mut self) -> ExitStatus {
        let all = |lines: &Lines| {
            let mut state = lines.lock();
            let deadline = Instant::now() + PATIENCE;
            while !state.ended && Instant::now() < deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                state = lines.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            state.ended
        };
        assert!(all(&self.stdout) && all(&self.stderr), "{} goes on\n{}", self.name, self.output());
        self.child.wait().expect("our own child can be waited for")
    }

    /// The lines it has written so far, on standard output and on standard error.
    pub fn lines(&self) -> (Vec<String>, Vec<String>) {
        (self.stdout.lock().lines.clone(), self.stderr.lock().lines.clone())
    }

    /// All it has said, for failure messages.
    pub fn output(&self) -> String {
        let tail = |lines: &Lines| {
            let state = lines.lock();
            let from = state.lines.len().saturating_sub(40);
            state.lines[from..].iter().map(|line| shortened(line) + "\n").collect::<String>()
        };
        format!("--- stdout\n{}--- stderr\n{}", tail(&self.stdout), tail(&self.stderr))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A text that may be a mebibyte, as a failure message shows it.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(400) {
        Some((cut, _)) => format!("{}… ({} bytes)", &text[..cut], text.len()),
        None => text.to_owned(),
    }
}
