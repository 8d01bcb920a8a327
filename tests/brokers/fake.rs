//! Peers that no honest service would be: raw bytes on a TCP port.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A listening port; its threads end with the process.
pub struct Fake {
    /// Where.
    pub address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Fake {
    /// Gives each connection to `handle`, on a thread of its own.
    pub fn serve(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let (count, handle) = (Arc::clone(&accepted), Arc::new(handle));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let handle = Arc::clone(&handle);
                thread::spawn(move || handle(stream));
            }
        });
        Self { address, accepted }
    }

    /// Answers the first request of each connection with the bytes that `answer` makes of its id, a JSON text,
    /// then closes unless `open`.
    pub fn answering(open: bool, answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::serve(move |mut stream| {
            let Ok(request) = read_frame(&mut stream) else { return };
            let request: serde_json::Value = serde_json::from_str(&request).expect("a request is JSON");
            // The peer may have gone; then it is its own verdict that the test looks at.
            let _ = stream.write_all(&answer(&request["id"].to_string()));
            if open {
                let _ = stream.read(&mut [0]);
            }
        })
    }

    /// Passes everything on to `target`, to count the connections.
    pub fn relay(target: &str) -> Self {
        let target = target.to_owned();
        Self::serve(move |near| {
            let far = TcpStream::connect(&target).expect("the target listens");
            let copy = |mut from: TcpStream, mut to: TcpStream| {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            };
            let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || copy(far_too, near_too));
            copy(near, far);
        })
    }

    /// Passes everything on to `port` until `stalled`; then it keeps its connections and passes nothing: no end
    /// ever comes.
    pub fn stalling(port: u16, stalled: Arc<AtomicBool>) -> Self {
        Self::serve(move |near| {
            let far = TcpStream::connect(("127.0.0.1", port)).expect("the target listens");
            let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            let stalled_too = Arc::clone(&stalled);
            thread::spawn(move || pass(far_too, near_too, &stalled_too));
            pass(near, far, &stalled);
        })
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// How many connections there were.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// Copies until `stalled`, which holds what it has for ever.
fn pass(mut from: TcpStream, mut to: TcpStream, stalled: &AtomicBool) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while stalled.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_secs(60));
        }
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

/// A port where nobody listens.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// `json` as Nest frames it on TCP.
pub fn frame(json: &str) -> Vec<u8> {
    format!("{}#{json}", json.encode_utf16().count()).into_bytes()
}

/// The JSON of one frame; only for requests in ASCII.
fn read_frame(stream: &mut TcpStream) -> io::Result<String> {
    let mut length = 0;
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        match byte[0] {
            b'#' => break,
            digit => length = length * 10 + usize::from(digit - b'0'),
        }
    }
    let mut json = vec![0; length];
    stream.read_exact(&mut json)?;
    String::from_utf8(json).map_err(io::Error::other)
}
