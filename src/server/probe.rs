//! `rankd ping`: the health probe for containers.

use super::listener;
use crate::config::Config;
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a healthy server may take for each step.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the server that `config` describes for a PONG.
pub(super) fn ping(config: &Config) -> Result<(), String> {
    let address = address(config);
    let failed = |error: std::io::Error| format!("{address}: {error}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    if !config.requirepass.is_empty() {
        let reply = ask(&mut stream, &[b"AUTH", config.requirepass.as_bytes()]).map_err(failed)?;
        if let OwnedFrame::Error(text) = reply {
            return Err(text);
        }
    }
    match ask(&mut stream, &[b"PING"]).map_err(failed)? {
        OwnedFrame::SimpleString(text) if text == b"PONG" => {
            println!("PONG");
            Ok(())
        }
        OwnedFrame::Error(text) => Err(text),
        other => Err(format!("{address}: unexpected reply {other:?}")),
    }
}

/// The first address that is served, seen from this machine.
fn address(config: &Config) -> SocketAddr {
    let first = listener::addresses(config).ok().and_then(|addresses| addresses.first().map(|(ip, _)| *ip));
    let ip = match first {
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        Some(ip) if !ip.is_unspecified() => ip,
        _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    SocketAddr::new(ip, config.port)
}

fn ask(stream: &mut TcpStream, words: &[&[u8]]) -> std::io::Result<OwnedFrame> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    stream.write_all(&request)?;
    let mut received = Vec::new();
    let mut piece = [0; 512];
    loop {
        let len = stream.read(&mut piece)?;
        if len == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        received.extend_from_slice(&piece[..len]);
        let malformed = |_| std::io::Error::from(std::io::ErrorKind::InvalidData);
        if let Some((frame, _)) = decode(&received).map_err(malformed)? {
            return Ok(frame);
        }
    }
}
