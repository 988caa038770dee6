//! TLS through redis-rs: certificates of both ends, strangers refused, a user of the ACL, and a reconnect after SIGKILL.

use redis::{Client, ClientTlsConfig, Commands, Connection, RedisResult, TlsCertificates, pipe};
use std::env::var;
use std::fs::read;
use std::process::Command;

fn file(name: &str) -> Vec<u8> {
    read(format!("{}/{name}", var("SERVER_FILES").unwrap())).unwrap()
}

/// A client that believes the authority of the file, and shows its certificate if it `shows` one.
fn connect(credentials: &str, protocol: &str, authority: &str, shows: bool) -> RedisResult<Connection> {
    let port = var("SERVER_TLS_PORT").unwrap();
    let shown = ClientTlsConfig { client_cert: file("client.crt"), client_key: file("client.key") };
    let terms = TlsCertificates { client_tls: shows.then_some(shown), root_cert: Some(file(authority)) };
    let client = Client::build_with_tls(format!("rediss://{credentials}@localhost:{port}/?protocol={protocol}"), terms)?;
    client.get_connection()
}

fn main() -> RedisResult<()> {
    // redis-rs leaves the choice of the cryptography to the program.
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let credentials = &format!(":{}", var("SERVER_PASSWORD").unwrap());
    for protocol in ["resp2", "resp3"] {
        let mut connection = connect(credentials, protocol, "ca.crt", true)?;
        let _: () = redis::cmd("FLUSHALL").query(&mut connection)?;
        let mut pipeline = pipe();
        for number in 0..1000 {
            pipeline.zadd("board", format!("player:{number}"), number);
        }
        let added: Vec<i64> = pipeline.query(&mut connection)?;
        assert_eq!(added, [1; 1000]);
        assert_eq!(connection.zrevrank::<_, _, Option<usize>>("board", "player:998")?, Some(1));
        let value = "x".repeat(3_000_000);
        let _: () = connection.set("large", &value)?;
        assert!(connection.get::<_, String>("large")? == value);

        let mut user = redis::cmd("ACL");
        user.arg(&["SETUSER", "game", "on", ">secret", "~board*", "+@sortedset", "+client|setinfo"]);
        let _: () = user.query(&mut connection)?;
        let mut game = connect("game:secret", protocol, "ca.crt", true)?;
        assert_eq!(game.zscore::<_, _, f64>("board", "player:7")?, 7.0);
        assert_eq!(game.get::<_, String>("large").unwrap_err().code(), Some("NOPERM"));

        // With TLS 1.3 the refusal of a client without a certificate may come at its first request.
        assert!(connect(credentials, protocol, "ca.crt", false).and_then(|mut it| it.ping::<String>()).is_err());
        assert!(connect(credentials, protocol, "client.crt", true).is_err());

        assert!(Command::new("sh").args(["-c", &var("SERVER_RESTART").unwrap()]).status().unwrap().success());
        assert!(connection.zcard::<_, i64>("board").is_err());
        assert_eq!(connect(credentials, protocol, "ca.crt", true)?.zcard::<_, i64>("board")?, 1000);
    }
    Ok(())
}
