//! `quinn-forward near LISTEN PEER` accepts TCP and opens a QUIC stream for each connection; `quinn-forward far LISTEN
//! TARGET` connects each to the target. Any certificate is good: this is for measurements on one machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, RecvStream, SendStream, ServerConfig, TransportConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

/// Bytes of a window: on loopback the default is enough, this is more.
const WINDOW: u32 = 16 << 20;
const BUFFER: usize = 256 << 10;

#[tokio::main]
async fn main() -> Result<()> {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok().context("a provider is set")?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [role, listen, to] = words.as_slice() else { anyhow::bail!("near|far LISTEN TO") };
    match role.as_str() {
        "near" => near(listen.parse()?, to.parse()?).await,
        _ => far(listen.parse()?, to.parse()?).await,
    }
}

async fn near(listen: SocketAddr, peer: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let crypto = rustls::ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(Any));
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(crypto.with_no_client_auth())?));
    config.transport_config(transport()?);
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse()?)?;
    endpoint.set_default_client_config(config);
    let connection = endpoint.connect(peer, "localhost")?.await?;
    loop {
        let (tcp, _) = listener.accept().await?;
        let (send, recv) = connection.open_bi().await?;
        tokio::spawn(relay(tcp, send, recv));
    }
}

async fn far(listen: SocketAddr, target: SocketAddr) -> Result<()> {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".into()])?;
    let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
    let crypto = rustls::ServerConfig::builder().with_no_client_auth();
    let crypto = crypto.with_single_cert(vec![own.cert.der().clone()], key)?;
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(crypto)?));
    config.transport_config(transport()?);
    let endpoint = Endpoint::server(config, listen)?;
    while let Some(incoming) = endpoint.accept().await {
        let connection = incoming.await?;
        tokio::spawn(async move {
            while let Ok((send, recv)) = connection.accept_bi().await {
                tokio::spawn(async move { relay(TcpStream::connect(target).await?, send, recv).await });
            }
        });
    }
    Ok(())
}

/// Datagrams of 1,472 bytes, as the others have in the table.
fn transport() -> Result<Arc<TransportConfig>> {
    let mut config = TransportConfig::default();
    config.initial_mtu(1_472).mtu_discovery_config(None);
    config.stream_receive_window(WINDOW.into()).receive_window(WINDOW.into()).send_window(WINDOW.into());
    config.max_concurrent_bidi_streams(20_000_u32.into()).keep_alive_interval(Some(Duration::from_secs(5)));
    Ok(Arc::new(config))
}

async fn relay(tcp: TcpStream, mut send: SendStream, mut recv: RecvStream) -> Result<()> {
    tcp.set_nodelay(true)?;
    let (mut from, mut to) = tcp.into_split();
    let out = async {
        let mut from = tokio::io::BufReader::with_capacity(BUFFER, &mut from);
        tokio::io::copy_buf(&mut from, &mut send).await?;
        send.finish()?;
        anyhow::Ok(())
    };
    let back = async {
        while let Some(chunk) = recv.read_chunk(BUFFER, true).await? {
            to.write_all(&chunk.bytes).await?;
        }
        to.shutdown().await?;
        anyhow::Ok(())
    };
    tokio::try_join!(out, back)?;
    Ok(())
}

/// Believes everybody.
#[derive(Debug)]
struct Any;

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
