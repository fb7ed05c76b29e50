//! Owns a forward proxy, as companies put between their jobs and the internet:
//! tunnels by `CONNECT`, and plain http by absolute URL. It leads nowhere but
//! to loopback.
//!
//! Sources: RFC 9110, "CONNECT", "Proxy-Authenticate", and "Via"; RFC 9112,
//! "Request Target".

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::policy::glob;
use crate::sandbox::Sandbox;
use crate::sigv4::same;
use crate::text;
use crate::world::lock;

/// A head that is longer is none.
const LONGEST_HEAD: usize = 64 * 1024;

/// A forward proxy. Each call takes effect at once.
#[derive(Debug, Clone)]
pub struct Proxy {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
}

#[derive(Debug, Default)]
struct State {
    /// `host` or `host:port`, in lower case, and where it leads.
    routes: Vec<(String, u16)>,
    seen: Vec<String>,
    refuses: Option<u16>,
    stalls: bool,
    /// What `Proxy-Authorization: Basic` has to hold.
    password: Option<String>,
}

impl Proxy {
    pub(super) fn start(sandbox: &Sandbox) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let address = sandbox.on_thread(listen(Arc::clone(&state)));
        Self { state, address }
    }

    /// For `HTTPS_PROXY` and `HTTP_PROXY`: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same with a user and a password in it.
    #[must_use]
    pub fn url_for(&self, user: &str, password: &str) -> String {
        let encode = |text: &str| text::uri_encode(text.as_bytes(), false);
        format!(
            "http://{}:{}@{}",
            encode(user),
            encode(password),
            self.address
        )
    }

    /// Leads a host to a port of loopback: `sts.eu-central-1.amazonaws.com:443`
    /// for this port of it only, or the bare name for every port; `*` and `?`
    /// are wildcards. Hosts that are not loopback are refused without a route.
    #[must_use]
    pub fn route(self, host: &str, port: u16) -> Self {
        let host = host.to_ascii_lowercase();
        self.change(|state| state.routes.push((host, port)))
    }

    /// Answers every request with this status, 403 or 407 for instance.
    #[must_use]
    pub fn refuse(self, status: u16) -> Self {
        self.change(|state| state.refuses = Some(status))
    }

    /// Takes connections, but never answers.
    #[must_use]
    pub fn stall(self) -> Self {
        self.change(|state| state.stalls = true)
    }

    /// Lets in only who shows this user and password; 407 for the others.
    #[must_use]
    pub fn require(self, user: &str, password: &str) -> Self {
        let wanted = text::base64(format!("{user}:{password}").as_bytes());
        self.change(|state| state.password = Some(wanted))
    }

    /// Every target that was asked for, also where it was refused: `host:443`
    /// for a tunnel, the whole URL for plain http.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        lock(&self.state).seen.clone()
    }

    fn change(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut lock(&self.state));
        self
    }
}

impl State {
    /// Where a host leads, if it leads anywhere.
    fn resolve(&self, host: &str, port: u16) -> Option<SocketAddr> {
        let host = host.to_ascii_lowercase();
        let both = format!("{host}:{port}");
        let routed = self
            .routes
            .iter()
            .find(|(route, _)| glob(route, &host) || glob(route, &both));
        if let Some((_, port)) = routed {
            return Some((Ipv4Addr::LOCALHOST, *port).into());
        }
        if host == "localhost" || host.ends_with(".localhost") {
            return Some((Ipv4Addr::LOCALHOST, port).into());
        }
        let address: IpAddr = host.trim_matches(['[', ']']).parse().ok()?;
        address.is_loopback().then(|| (address, port).into())
    }

    /// Notes what is asked for, and where it leads or why it does not.
    fn admit(&mut self, head: &Head) -> Result<SocketAddr, Refusal> {
        let (target, host, port) = head
            .destination()
            .ok_or(Refusal(400, "This is a proxy: it takes CONNECT and URLs."))?;
        self.seen.push(target);
        let shown = head.header("proxy-authorization").and_then(|value| {
            let (scheme, shown) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("basic").then_some(shown)
        });
        if let Some(wanted) = &self.password
            && !shown.is_some_and(|shown| same(shown, wanted))
        {
            return Err(Refusal(407, "The proxy asks for a user and a password."));
        }
        if let Some(status) = self.refuses {
            return Err(Refusal(status, "The proxy's rules refuse this."));
        }
        self.resolve(host, port)
            .ok_or(Refusal(403, "The proxy has no route to this host."))
    }
}

/// A status with its reason.
struct Refusal(u16, &'static str);

impl Refusal {
    fn bytes(&self) -> Vec<u8> {
        let Self(status, reason) = self;
        let phrase = http::StatusCode::from_u16(*status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Refused");
        // An answer of 407 has to say how to authenticate.
        let challenge = if *status == 407 {
            "proxy-authenticate: Basic realm=\"sandbox\"\r\n"
        } else {
            ""
        };
        format!(
            "HTTP/1.1 {status} {phrase}\r\n{challenge}content-type: text/plain\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{reason}",
            reason.len()
        )
        .into_bytes()
    }
}

/// The head of a request, as it came.
struct Head {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Head {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if !version.starts_with("HTTP/1.") || words.next().is_some() {
            return None;
        }
        Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect(),
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn is_tunnel(&self) -> bool {
        self.method == "CONNECT"
    }

    /// The target as [`Proxy::seen`] gives it, with its host and port.
    fn destination(&self) -> Option<(String, &str, u16)> {
        if self.is_tunnel() {
            // Host and port, nothing else; there is no default port.
            let (host, port) = self.target.rsplit_once(':')?;
            return Some((self.target.clone(), host, port.parse().ok()?));
        }
        let (authority, _) = self.absolute()?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, 80),
        };
        Some((self.target.clone(), host, port))
    }

    /// Authority and path of an absolute URL.
    fn absolute(&self) -> Option<(&str, String)> {
        let rest = self.target.strip_prefix("http://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        (!authority.is_empty() && !authority.contains('@')).then_some((authority, path))
    }

    /// The head as the origin is to see it. One request for each connection:
    /// so that the next one comes by the proxy's own eyes again.
    fn forwarded(&self) -> Option<String> {
        let (authority, path) = self.absolute()?;
        let mut text = format!("{} {path} HTTP/1.1\r\nhost: {authority}\r\n", self.method);
        for (name, value) in &self.headers {
            let own = [
                "host",
                "connection",
                "keep-alive",
                "proxy-authorization",
                "proxy-connection",
            ];
            if !own.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                text.extend([name, ": ", value, "\r\n"]);
            }
        }
        text.push_str("via: 1.1 sandbox\r\nconnection: close\r\n\r\n");
        Some(text)
    }
}

async fn listen(state: Arc<Mutex<State>>) -> SocketAddr {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback has a port free");
    let address = socket.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = socket.accept().await {
            let state = Arc::clone(&state);
            tokio::spawn(async move {
                // An error here is one side that went away.
                let _ignored = serve(client, &state).await;
            });
        }
    });
    address
}

async fn serve(mut client: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (head, rest) = read_head(&mut client).await?;
    let admitted = match Head::parse(&head) {
        Some(head) => lock(state).admit(&head).map(|address| (head, address)),
        None => Err(Refusal(400, "This is no request of HTTP/1.1.")),
    };
    let stalls = lock(state).stalls;
    if stalls {
        return std::future::pending().await;
    }
    let connected = match admitted {
        Ok((head, address)) => TcpStream::connect(address)
            .await
            .map(|server| (head, server))
            .map_err(|_| Refusal(502, "The proxy cannot reach this host.")),
        Err(refusal) => Err(refusal),
    };
    let (head, mut server) = match connected {
        Ok(connected) => connected,
        Err(refusal) => {
            client.write_all(&refusal.bytes()).await?;
            return client.shutdown().await;
        }
    };
    server.set_nodelay(true)?;
    if let Some(head) = head.forwarded().filter(|_| !head.is_tunnel()) {
        server.write_all(head.as_bytes()).await?;
    } else {
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await?;
    }
    server.write_all(&rest).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// The head, and what came behind it already.
async fn read_head(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            bytes.truncate(end);
            let head = String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
            return Ok((head, rest));
        }
        if bytes.len() > LONGEST_HEAD || client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
