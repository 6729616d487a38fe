//! TLS: the two providers of cryptography, back to back in memory.

use std::error::Error;
use std::time::{Duration, Instant};

use ropewalk::{CryptoProvider, Layer, TlsClientConfig, TlsIdentity, TlsLayer, TlsRoots, TlsServerConfig};
use rustls::crypto::{aws_lc_rs, ring};

use crate::comparison::median;
use crate::tls::{Certificate, NAME};

/// As much as a connection passes at once.
const PIECE: usize = 64 * 1024;

/// What a round has taken, in microseconds.
struct Round {
    /// The server's part of a full handshake, and the client's.
    handshake: [f64; 2],
    /// Encrypting a piece, and decrypting it.
    piece: [f64; 2],
}

/// One side, and how long it has worked.
struct Side {
    layer: TlsLayer,
    time: Duration,
}

/// Compares both, in alternating rounds.
pub(crate) fn compare(rounds: usize, handshakes: u32, pieces: u32) -> Result<(), Box<dyn Error>> {
    let certificate = Certificate::new()?;
    let mut results = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (provider, result) in
            [aws_lc_rs::default_provider(), ring::default_provider()].into_iter().zip(&mut results)
        {
            result.push(round(&certificate, provider, handshakes, pieces)?);
        }
    }
    println!("\n| TLS 1.3 | aws-lc-rs | ring |\n|---|---|---|");
    row("a full handshake, server's part", &results, |round| round.handshake[0]);
    row("a full handshake, client's part", &results, |round| round.handshake[1]);
    row("encrypting 64 KiB", &results, |round| round.piece[0]);
    row("decrypting 64 KiB", &results, |round| round.piece[1]);
    Ok(())
}

fn row(name: &str, results: &[Vec<Round>; 2], value: impl Fn(&Round) -> f64) {
    let [aws_lc_rs, ring] = results.each_ref().map(|rounds| median(rounds.iter().map(&value)));
    println!("| {name} | {aws_lc_rs:.1} µs | {ring:.1} µs |");
}

fn round(
    certificate: &Certificate,
    provider: CryptoProvider,
    handshakes: u32,
    pieces: u32,
) -> Result<Round, Box<dyn Error>> {
    let provider = std::sync::Arc::new(provider);
    let identity = TlsIdentity::from_pem(&certificate.pem, &certificate.key);
    let server = TlsServerConfig::builder().identity(identity).provider(provider.clone()).build()?;
    let roots = TlsRoots::from_pem(&certificate.pem);
    let client = TlsClientConfig::builder().roots(roots).session_cache(0).provider(provider).build()?;
    let mut handshake = [Duration::ZERO; 2];
    for _ in 0..handshakes {
        let (server, client) = shake(&server, &client)?;
        handshake[0] += server.time;
        handshake[1] += client.time;
    }
    let (mut server, mut client) = shake(&server, &client)?;
    (server.time, client.time) = (Duration::ZERO, Duration::ZERO);
    let data = vec![7; PIECE];
    let (mut wire, mut up) = (Vec::new(), Vec::new());
    for _ in 0..pieces {
        wire.clear();
        up.clear();
        client.work(|layer| layer.send(&data, &mut wire))?;
        server.work(|layer| layer.received(&mut wire, &mut up, &mut Vec::new()))?;
        assert!(up.len() == PIECE, "a piece was lost");
    }
    Ok(Round {
        handshake: handshake.map(|time| each(time, handshakes)),
        piece: [each(client.time, pieces), each(server.time, pieces)],
    })
}

fn each(time: Duration, count: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(count)
}

/// A whole handshake.
fn shake(server: &TlsServerConfig, client: &TlsClientConfig) -> Result<(Side, Side), Box<dyn Error>> {
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    let mut server = Side { layer: server.layer()?, time: begun.elapsed() };
    let begun = Instant::now();
    let mut client = Side { layer: client.layer(NAME)?, time: begun.elapsed() };
    client.work(|layer| layer.begin(&mut to_server))?;
    while !to_server.is_empty() || !to_client.is_empty() {
        let mut input = std::mem::take(&mut to_server);
        server.work(|layer| layer.received(&mut input, &mut Vec::new(), &mut to_client))?;
        let mut input = std::mem::take(&mut to_client);
        client.work(|layer| layer.received(&mut input, &mut Vec::new(), &mut to_server))?;
    }
    Ok((server, client))
}

impl Side {
    fn work<R>(&mut self, work: impl FnOnce(&mut TlsLayer) -> R) -> R {
        let begun = Instant::now();
        let result = work(&mut self.layer);
        self.time += begun.elapsed();
        result
    }
}
