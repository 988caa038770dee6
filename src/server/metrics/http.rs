//! HTTP on the metrics port: connections, their bounds, and which path is answered with what.
//!
//! A connection is one request and its reply. hyper reads the request; what a client may send, and how long it may take, is
//! bounded here.

use super::source::Source;
use super::{health, scrape};
use crate::limits;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The type of a page of metrics.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// Accepts connections until the runtime ends.
pub(super) async fn accept(listener: TcpListener, source: Arc<Source>) {
    let mut connections: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.retain(|connection| !connection.is_finished());
                if connections.len() >= limits::METRICS_CONNECTIONS
                    && let Some(oldest) = connections.pop_front()
                {
                    oldest.abort();
                }
                connections.push_back(tokio::spawn(serve(stream, Arc::clone(&source))));
            }
            Err(error) => {
                // Most likely the process is out of descriptors.
                tracing::warn!("cannot accept a connection to the metrics port: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, source: Arc<Source>) {
    let service = service_fn(|request: Request<Incoming>| answer(request, Arc::clone(&source)));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::METRICS_REQUEST)
        .max_buf_size(limits::METRICS_HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(limits::METRICS_REQUEST, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("a request to the metrics port failed: {error}"),
        Err(_) => tracing::debug!("a request to the metrics port took too long"),
    }
}

async fn answer(
    request: Request<Incoming>,
    source: Arc<Source>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = reply(StatusCode::METHOD_NOT_ALLOWED, TEXT_TYPE, "only GET and HEAD\n".into());
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(refusal);
    }
    Ok(match request.uri().path() {
        "/metrics" => {
            // The page needs the locks of shards, and SAVE may hold them for long. The probes are answered meanwhile.
            match tokio::task::spawn_blocking(move || scrape::page(&source)).await {
                Ok(page) => reply(StatusCode::OK, METRICS_TYPE, page),
                Err(error) => {
                    tracing::error!(%error, "making the page of metrics failed");
                    reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT_TYPE, "internal error\n".into())
                }
            }
        }
        "/healthz" => reply(StatusCode::OK, TEXT_TYPE, "ok\n".into()),
        "/readyz" => match health::obstacle(&source.host) {
            None => reply(StatusCode::OK, TEXT_TYPE, "ok\n".into()),
            Some(why) => reply(StatusCode::SERVICE_UNAVAILABLE, TEXT_TYPE, format!("{why}\n")),
        },
        "/" => reply(StatusCode::OK, TEXT_TYPE, "rankd: /metrics, /healthz, /readyz\n".into()),
        _ => reply(StatusCode::NOT_FOUND, TEXT_TYPE, "there are /metrics, /healthz and /readyz\n".into()),
    })
}

fn reply(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::from(text)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}
