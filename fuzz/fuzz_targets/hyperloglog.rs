//! Strings that a client has made up as HyperLogLogs cause no panic, whatever PFADD, PFCOUNT and PFMERGE do with them; what
//! has been added is no news the second time, and neither is what has been merged.

#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rankd::commands::engine::run_batch;
use rankd::commands::state::host::Host;
use rankd::commands::state::session::Session;
use rankd::config::Config;
use rankd::machine::clock::Clock;
use rankd::resp::request::{RequestBatch, RequestLimits, RequestReader};
use rankd::store::Store;
use rankd::store::change::sink::Count;

/// Bytes of a HyperLogLog in its dense form.
const DENSE_BYTES: usize = 16 + 16384 * 6 / 8;

#[derive(Debug, Arbitrary)]
enum Image<'a> {
    Bytes(&'a [u8]),
    Sparse {
        estimate: [u8; 8],
        operations: &'a [u8],
    },
    Dense {
        estimate: [u8; 8],
        registers: &'a [u8],
    },
    /// With any byte as the form, and of any length.
    Other {
        form: u8,
        estimate: [u8; 8],
        body: &'a [u8],
    },
}

impl Image<'_> {
    fn bytes(&self) -> Vec<u8> {
        let with_head =
            |form: u8, estimate: &[u8], body: &[u8]| [b"HYLL", &[form, 0, 0, 0], estimate, body].concat();
        match self {
            Image::Bytes(bytes) => bytes.to_vec(),
            Image::Sparse { estimate, operations } => with_head(1, estimate, operations),
            Image::Dense { estimate, registers } => {
                let mut bytes = with_head(0, estimate, registers);
                bytes.resize(DENSE_BYTES, 0);
                bytes
            }
            Image::Other { form, estimate, body } => with_head(*form, estimate, body),
        }
    }
}

/// A key is one of four.
#[derive(Debug, Arbitrary)]
enum Step<'a> {
    Set(u8, Image<'a>),
    Patch(u8, u16, &'a [u8]),
    Add(u8, Vec<&'a [u8]>),
    AddNumbers(u8, u16, u16),
    Count(Vec<u8>),
    Merge(u8, Vec<u8>),
}

struct Client {
    host: Host,
    session: Session,
}

impl Client {
    fn new() -> Self {
        let store = Arc::new(Store::new(4, 1, 1, Clock::system()));
        store.attach(Arc::new(Count::default()));
        let host = Host::headless(store, Config::default());
        let session = host.local_session();
        Self { host, session }
    }

    fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Vec<u8> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words.iter().map(AsRef::as_ref) {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        let bounds = RequestLimits { unauthenticated: false, bulk_bytes: 1 << 20, requests: usize::MAX };
        let (mut batch, mut out) = (RequestBatch::default(), Vec::new());
        RequestReader::default().read(&mut bytes, &bounds, &mut batch).expect("a request");
        let terms = self.host.local_terms();
        let ran = run_batch(&self.host, &self.host.config(), &mut self.session, batch.requests(&bytes), &mut out, terms);
        assert_eq!(ran.count, 1);
        out
    }

    /// Sends a request twice. If the first one succeeds, the second one changes nothing.
    fn repeat(&mut self, words: &[Vec<u8>]) {
        let key = words[1].clone();
        let first = self.ask(words);
        let before = self.ask(&[b"GET".to_vec(), key.clone()]);
        let second = self.ask(words);
        if !first.starts_with(b"-") {
            assert!(second == b":0\r\n" || second == b"+OK\r\n", "{}", second.escape_ascii());
            assert!(before == self.ask(&[b"GET".to_vec(), key]), "the second time changed something");
        }
    }
}

fn key(number: u8) -> Vec<u8> {
    vec![b'a' + number % 4]
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let mut client = Client::new();
    let keys = |numbers: &[u8]| numbers.iter().take(8).map(|number| key(*number)).collect::<Vec<_>>();
    for step in steps.iter().take(40) {
        match step {
            Step::Set(number, image) => drop(client.ask(&[b"SET".to_vec(), key(*number), image.bytes()])),
            Step::Patch(number, offset, bytes) => {
                let offset = (usize::from(*offset) % DENSE_BYTES).to_string().into_bytes();
                client.ask(&[b"SETRANGE".to_vec(), key(*number), offset, bytes.to_vec()]);
            }
            Step::Add(number, elements) => {
                let elements = elements.iter().map(|element| element.to_vec());
                let words: Vec<_> = [b"PFADD".to_vec(), key(*number)].into_iter().chain(elements).collect();
                client.repeat(&words);
            }
            Step::AddNumbers(number, start, count) => {
                let end = start.saturating_add(count % 2_000);
                let elements = (*start..end).map(|element| element.to_string().into_bytes());
                let words: Vec<_> = [b"PFADD".to_vec(), key(*number)].into_iter().chain(elements).collect();
                client.repeat(&words);
            }
            Step::Count(numbers) => {
                let reply = client.ask(&[vec![b"PFCOUNT".to_vec()], keys(numbers)].concat());
                assert!(reply.starts_with(b":") || reply.starts_with(b"-"), "{}", reply.escape_ascii());
            }
            Step::Merge(number, numbers) => {
                client.repeat(&[vec![b"PFMERGE".to_vec(), key(*number)], keys(numbers)].concat());
            }
        }
    }
});
