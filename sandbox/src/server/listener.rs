//! Owns listeners: sockets on loopback, TLS, and the loop that accepts.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::connection::{Connection, Resetter};
use super::reply::{Cut, Reply};
use super::serve::serve;

/// Whoever answers the requests of a listener.
pub(crate) trait Host: Send + Sync + 'static {
    /// How long a connection may be idle, where that can be set.
    fn idle_limit(&self) -> Option<watch::Receiver<Option<Duration>>> {
        None
    }

    /// Answers one request; an error cuts the connection.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        reset: Resetter,
    ) -> impl Future<Output = Result<Response<Reply>, Cut>> + Send;
}

/// A certificate and the private CA that signed it.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) ca_pem: String,
    config: Arc<ServerConfig>,
}

impl Tls {
    pub(crate) fn new(names: Vec<String>) -> Self {
        let mut ca = CertificateParams::new(Vec::new()).expect("no names, no mistakes");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name
            .push(rcgen::DnType::CommonName, "docferry sandbox CA");
        let ca_key = KeyPair::generate().expect("ring makes keys");
        let ca = CertifiedIssuer::self_signed(ca, ca_key).expect("the CA can sign itself");
        let leaf = CertificateParams::new(names).expect("the names are sound");
        let leaf_key = KeyPair::generate().expect("ring makes keys");
        let certificate = leaf.signed_by(&leaf_key, &ca).expect("the CA can sign");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate.der().to_vec())],
                PrivateKeyDer::try_from(leaf_key.serialize_der()).expect("the key is PKCS #8"),
            )
            .expect("certificate and key fit");
        Self {
            ca_pem: ca.pem(),
            config: Arc::new(config),
        }
    }
}

/// Binds a port of loopback and serves it until the runtime ends.
pub(crate) async fn listen<H: Host>(host: Arc<H>, tls: Option<&Tls>, port: u16) -> SocketAddr {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .expect("loopback has the port free");
    let address = socket.local_addr().expect("a bound socket has an address");
    let acceptor = tls.map(|tls| TlsAcceptor::from(Arc::clone(&tls.config)));
    tokio::spawn(async move {
        while let Ok((stream, peer)) = socket.accept().await {
            let _ignored = stream.set_nodelay(true);
            let host = Arc::clone(&host);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let (connection, reset) = Connection::new(stream);
                match acceptor {
                    None => serve(TokioIo::new(connection), host, peer, reset).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(connection).await {
                            serve(TokioIo::new(stream), host, peer, reset).await;
                        }
                    }
                }
            });
        }
    });
    address
}
