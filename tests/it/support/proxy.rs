//! A TCP proxy in front of an emulator that injects failures.

use serde_json::json;

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the proxy does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Responds with this status and JSON; does not forward.
    Answer(u16, String),
    /// Forwards, then closes the connection without a response.
    Lose,
    /// Forwards, and never responds.
    Swallow,
    /// Does not forward, and never responds.
    Silence,
    /// Closes the connection; does not forward.
    Refuse,
}

/// A running proxy. Dropping it stops it.
pub(crate) struct Proxy {
    origin: String,
    plan: Arc<Mutex<Plan>>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct Plan {
    seen: usize,
    next: VecDeque<Step>,
    always: Option<Step>,
    about: Vec<About>,
}

struct About {
    word: &'static str,
    step: Option<Step>,
    times: usize,
    seen: usize,
}

impl Proxy {
    /// A proxy that forwards everything to `upstream` until a step is set.
    pub(crate) async fn in_front_of(upstream: &str) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let plan = Arc::<Mutex<Plan>>::default();
        let listening = tokio::spawn({
            let plan = plan.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    // Errors are ignored: broken connections are expected here.
                    tokio::spawn(serve(client, upstream.clone(), plan.clone()));
                }
            }
        });
        Self {
            origin,
            plan,
            listening,
        }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of requests so far.
    pub(crate) fn seen(&self) -> usize {
        self.plan.lock().unwrap().seen
    }

    /// Sets the steps of the next requests, in order.
    pub(crate) fn then(&self, steps: &[Step]) {
        self.plan.lock().unwrap().next.extend(steps.iter().cloned());
    }

    /// Applies `step` to the next `times` requests that contain `word`, and counts all requests that do.
    pub(crate) fn matching(&self, word: &'static str, step: Option<Step>, times: usize) {
        self.plan.lock().unwrap().about.push(About {
            word,
            step,
            times,
            seen: 0,
        });
    }

    /// Number of requests that contained `word` since [`Self::matching`] was called with it.
    pub(crate) fn seen_about(&self, word: &str) -> usize {
        let plan = self.plan.lock().unwrap();
        let about = plan.about.iter().find(|about| about.word == word);
        about.map_or(0, |about| about.seen)
    }

    /// Sets the step of all requests without another step.
    pub(crate) fn every(&self, step: Option<Step>) {
        self.plan.lock().unwrap().always = step;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Serves one request, then closes the connection.
async fn serve(mut client: TcpStream, upstream: String, plan: Arc<Mutex<Plan>>) -> io::Result<()> {
    let request = request(&mut client).await?;
    let step = {
        let mut plan = plan.lock().unwrap();
        plan.seen += 1;
        let text = String::from_utf8_lossy(&request);
        let mut step = None;
        for about in plan.about.iter_mut().filter(|about| text.contains(about.word)) {
            about.seen += 1;
            if about.seen <= about.times {
                step.clone_from(&about.step);
            }
        }
        step.or_else(|| plan.next.pop_front()).or_else(|| plan.always.clone())
    };
    match step {
        Some(Step::Refuse) => return Ok(()),
        Some(Step::Silence) => return std::future::pending().await,
        Some(Step::Answer(status, body)) => {
            let head = format!(
                "HTTP/1.1 {status} Spoilt\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\n",
                body.len()
            );
            client.write_all((head + &body).as_bytes()).await?;
            return client.shutdown().await;
        }
        Some(Step::Lose | Step::Swallow) | None => {}
    }
    let mut upstream = TcpStream::connect(upstream).await?;
    upstream.write_all(&request).await?;
    match step {
        None => {
            copy(&mut upstream, &mut client).await?;
            client.shutdown().await
        }
        spoilt => {
            upstream.read_to_end(&mut Vec::new()).await?;
            match spoilt {
                Some(Step::Swallow) => std::future::pending().await,
                _ => Ok(()),
            }
        }
    }
}

/// Reads a whole request and adds `connection: close` to it.
async fn request(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>())
        });
        let whole = end + 4 + length.map_or(0, Result::unwrap);
        if bytes.len() >= whole {
            let close = b"\r\nconnection: close";
            return Ok([&bytes[..end], close, &bytes[end..]].concat());
        }
    }
}

pub(crate) fn failure(code: &str) -> Step {
    let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "…"});
    Step::Answer(400, body.to_string())
}

pub(crate) fn throttled() -> Step {
    failure("ProvisionedThroughputExceededException")
}
