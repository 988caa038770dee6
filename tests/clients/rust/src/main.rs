//! A day of a leaderboard through redis-rs, in RESP2 and RESP3.

use redis::{Client, Commands, Connection, RedisResult, pipe};
use std::env::var;
use std::thread;

fn main() -> RedisResult<()> {
    day("resp2")?;
    day("resp3")
}

fn day(protocol: &str) -> RedisResult<()> {
    let (port, password) = (var("SERVER_PORT").unwrap(), var("SERVER_PASSWORD").unwrap());
    let client = Client::open(format!("redis://:{password}@127.0.0.1:{port}/?protocol={protocol}"))?;
    let mut connection = client.get_connection()?;
    let _: () = redis::cmd("FLUSHALL").query(&mut connection)?;
    let mut pipeline = pipe();
    for number in 0..1000 {
        pipeline.zadd("board", format!("player:{number}"), f64::from(number) * 1.5);
    }
    let added: Vec<i64> = pipeline.query(&mut connection)?;
    assert_eq!(added, [1; 1000]);
    let score: f64 = connection.zincr("board", "player:999", 2.5)?;
    assert_eq!(score, 1501.0);
    let top: Vec<(String, f64)> = connection.zrevrange_withscores("board", 0, 1)?;
    assert_eq!(top, [("player:999".into(), 1501.0), ("player:998".into(), 1497.0)]);
    let rank: Option<usize> = connection.zrevrank("board", "player:998")?;
    assert_eq!(rank, Some(1));
    let none: Option<f64> = connection.zscore("board", "nobody")?;
    assert_eq!(none, None);
    let members = connection.zscan::<_, (String, f64)>("board")?.count();
    assert_eq!(members, 1000);

    let (changed, fields): (i64, i64) = redis::transaction(&mut connection, &["board"], |connection, pipeline| {
        let score: f64 = connection.zscore("board", "player:1")?;
        pipeline.zadd("board", "player:1", score + 1.0).hset("profile", "name", "One").query(connection)
    })?;
    assert_eq!((changed, fields), (0, 1));

    let mut listening = client.get_connection()?;
    let mut listener = listening.as_pubsub();
    listener.subscribe("news")?;
    let receivers: i64 = connection.publish("news", "hello")?;
    assert_eq!(receivers, 1);
    assert_eq!(listener.get_message()?.get_payload::<String>()?, "hello");

    let waiting = client.clone();
    let worker = thread::spawn(move || -> RedisResult<(String, String, f64)> {
        waiting.get_connection()?.bzpopmin("jobs", 10.0)
    });
    let _: i64 = connection.zadd("jobs", "first", 1)?;
    assert_eq!(worker.join().unwrap()?, ("jobs".into(), "first".into(), 1.0));

    let _: () = connection.set("kept", "yes")?;
    let restart = var("SERVER_RESTART").unwrap();
    assert!(std::process::Command::new("sh").args(["-c", &restart]).status().unwrap().success());
    let lost: RedisResult<String> = connection.get("kept");
    assert!(lost.is_err_and(|error| error.is_connection_dropped() || error.is_io_error()));
    let mut connection: Connection = client.get_connection()?;
    assert_eq!(connection.get::<_, String>("kept")?, "yes");
    assert_eq!(connection.zcard::<_, i64>("board")?, 1000);
    Ok(())
}
