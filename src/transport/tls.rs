//! TLS for every transport: one stack (rustls with ring), one set of settings.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};

use tokio_rustls::TlsConnector;

use super::Tls;

/// What a client needs to speak TLS: authorities, its own certificate, or the choice to trust anyone.
pub(super) fn client_config(tls: &Tls) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .context("TLS could not be set up")?;
    let builder = if tls.insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnyone(provider)))
    } else {
        let roots = Arc::new(roots(tls.ca.as_deref())?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build()?;
        builder.with_webpki_verifier(verifier)
    };
    let config = match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(read_chain(cert)?, read_key(key)?)
            .with_context(|| format!("`{}` and `{}` do not fit together", cert.display(), key.display()))?,
        (None, None) => builder.with_no_client_auth(),
        _ => return Err(anyhow!("a client certificate needs both --tls-cert and --tls-key")),
    };
    Ok(config)
}

/// For a client that will never speak TLS: it trusts nobody, and reads no file to find out whom.
pub(super) fn no_client_config() -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS could not be set up")?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// What a server needs: its certificate and key, and the authorities whose clients it demands, if any; of
/// `protocols` it takes what the client offers, where there are any.
pub(super) fn server_config(tls: &Tls, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>> {
    let (Some(cert), Some(key)) = (&tls.cert, &tls.key) else {
        return Err(anyhow!("serving TLS needs a certificate and its key (--tls-cert, --tls-key)"));
    };
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .context("TLS could not be set up")?;
    let builder = match &tls.ca {
        Some(ca) => {
            let roots = Arc::new(roots(Some(ca))?);
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(roots, provider).build()?,
            )
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(read_chain(cert)?, read_key(key)?)
        .with_context(|| format!("`{}` and `{}` do not fit together", cert.display(), key.display()))?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// HTTP/2, as TLS calls it.
pub(super) const HTTP2: &[u8] = b"h2";

/// A client's side, and the name to expect in the certificate of `host`; `protocols` are offered, where there are any.
pub(super) fn connector(
    tls: &Tls,
    host: &str,
    protocols: &[&[u8]],
) -> Result<(TlsConnector, ServerName<'static>)> {
    let name = tls.server_name.as_deref().unwrap_or(host);
    let expected = ServerName::try_from(name.to_owned())
        .with_context(|| format!("`{name}` cannot stand in a certificate"))?;
    let mut config = client_config(tls)?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok((TlsConnector::from(Arc::new(config)), expected))
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    if let Some(path) = ca {
        for certificate in read_chain(path)? {
            store.add(certificate).with_context(|| format!("`{}` holds no authority", path.display()))?;
        }
        return Ok(store);
    }
    let found = rustls_native_certs::load_native_certs();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        return Err(anyhow!("this system has no certificate authorities; name yours with --tls-ca"));
    }
    Ok(store)
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unreadable = || format!("`{}` could not be read as PEM certificates", path.display());
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .with_context(unreadable)?
        .collect::<Result<_, _>>()
        .with_context(unreadable)?;
    if chain.is_empty() {
        return Err(anyhow!("`{}` holds no PEM certificate", path.display()));
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path)
        .with_context(|| format!("`{}` could not be read as a PEM private key", path.display()))
}

/// `--insecure`: signatures are checked, who signed is not.
#[derive(Debug)]
struct TrustAnyone(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
