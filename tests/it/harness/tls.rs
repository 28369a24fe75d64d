//! https in front of a stand-in: a root of the test's own, certificates that it signs, and a server that speaks TLS for a plain one.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::http::uninterrupted;

/// The program that makes the certificates.
pub const OPENSSL: &str = "openssl";

/// An authority that nobody knows but who is given its root.
pub struct Authority {
    dir: tempfile::TempDir,
}

impl Authority {
    pub fn new() -> Authority {
        let authority = Authority {
            dir: tempfile::tempdir().expect("a temporary directory"),
        };
        authority.key("root");
        authority.openssl("req -x509 -new -key root.key -out root.pem -days 30 -subj /CN=test-root -addext keyUsage=keyCertSign");
        authority
    }

    /// The file that `SSL_CERT_FILE` names.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("root.pem")
    }

    /// What a server shows that is this name, as in `DNS:localhost` or `IP:127.0.0.1`.
    fn server(&self, name: &str) -> Arc<ServerConfig> {
        self.key("server");
        fs::write(
            self.dir.path().join("names"),
            format!("subjectAltName={name}\n"),
        )
        .expect("write a file");
        self.openssl("req -new -key server.key -out server.csr -subj /CN=test-server");
        self.openssl("x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile names -out server.pem");
        let certificate = CertificateDer::from_pem_file(self.dir.path().join("server.pem"))
            .expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(self.dir.path().join("server.key")).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key);
        Arc::new(config.expect("a certificate and its key"))
    }

    fn key(&self, name: &str) {
        self.openssl(&format!(
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"
        ));
    }

    fn openssl(&self, line: &str) {
        let args: Vec<&str> = line.split(' ').collect();
        let output = Command::new(OPENSSL)
            .args(&args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .expect("run openssl");
        assert!(
            output.status.success(),
            "openssl {line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Speaks TLS on a port of 127.0.0.1 and passes what it hears on to a plain server.
pub struct TlsFront {
    pub port: u16,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    clients: Arc<Mutex<Vec<TcpStream>>>,
}

impl TlsFront {
    /// In front of this server, under the name that this authority vouches for.
    pub fn start(authority: &Authority, name: &str, plain: SocketAddr) -> TlsFront {
        let config = authority.server(name);
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind the https stand-in");
        let port = listener.local_addr().expect("local_addr").port();
        let clients = Arc::<Mutex<Vec<TcpStream>>>::default();
        let known = clients.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let config = config.clone();
                known.lock().unwrap().extend(client.try_clone());
                std::thread::spawn(move || pass_on(client, plain, config));
            }
        });
        TlsFront { port, clients }
    }

    /// Loses every connection without a word, as `FakeOllama::vanish` does.
    #[cfg(target_os = "linux")]
    pub fn vanish(&self) -> bool {
        super::vanish::forget_all(
            self.clients
                .lock()
                .unwrap()
                .drain(..)
                .collect::<Vec<_>>()
                .iter(),
        )
    }
}

/// Serves one connection, until either side ends it.
fn pass_on(client: TcpStream, plain: SocketAddr, config: Arc<ServerConfig>) -> io::Result<()> {
    let tls = Arc::new(Mutex::new(
        ServerConnection::new(config).map_err(io::Error::other)?,
    ));
    let server = TcpStream::connect(plain)?;
    let back = (tls.clone(), client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let (tls, client, mut server) = back;
        let _ = encrypt(&tls, &client, &mut server);
        client.shutdown(Shutdown::Both)
    });
    let heard = decrypt(&tls, &client, &server);
    server.shutdown(Shutdown::Both)?;
    heard
}

fn decrypt(
    tls: &Mutex<ServerConnection>,
    mut client: &TcpStream,
    mut server: &TcpStream,
) -> io::Result<()> {
    let mut block = [0; 16 * 1024];
    loop {
        let count = uninterrupted(|| client.read(&mut block))?;
        let mut tls = tls.lock().expect("the connection");
        let mut heard = &block[..count];
        if count == 0 {
            return Ok(());
        }
        while !heard.is_empty() {
            tls.read_tls(&mut heard)?;
            let read = tls.process_new_packets().map_err(io::Error::other);
            flush(&mut tls, client)?; // an alert says why
            let mut plain = vec![0; read?.plaintext_bytes_to_read()];
            tls.reader().read_exact(&mut plain)?;
            server.write_all(&plain)?;
        }
    }
}

fn encrypt(
    tls: &Mutex<ServerConnection>,
    client: &TcpStream,
    server: &mut TcpStream,
) -> io::Result<()> {
    let mut block = [0; 16 * 1024];
    loop {
        let count = uninterrupted(|| server.read(&mut block))?;
        let mut tls = tls.lock().expect("the connection");
        match count {
            0 => tls.send_close_notify(),
            count => tls.writer().write_all(&block[..count])?,
        }
        flush(&mut tls, client)?;
        if count == 0 {
            return Ok(());
        }
    }
}

fn flush(tls: &mut ServerConnection, mut client: &TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(&mut client)?;
    }
    Ok(())
}
