//! Duration of a whole key exchange: the client's state machine against the server's, in memory.
//!
//! ```text
//! cargo bench --bench handshake --no-default-features --features dc [-- RUNS]
//! ```
//!
//! "client" is the time spent in the client's state machine alone: factoring `pq`, one RSA operation, the check of the
//! known prime, two modular powers of 2048 bits. The entropy is seeded, so that every run does the same work.

use nanogram::base::time::{Instant, ServerClock, UnixTime};
use nanogram::lab::server::handshake::{ServerConfig, ServerHandshake};
use nanogram::lab::server::rsa::RsaPrivateKey;
use nanogram::protocol::handshake::client::{ClientHandshake, HandshakeConfig, Step};
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use std::collections::VecDeque;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Times of one exchange, step by step, from the client's first request to its key.
#[derive(Default, Clone, Copy)]
struct Times {
    client: [Duration; 4],
    server: Duration,
}

fn timed<T>(sum: &mut Duration, work: impl FnOnce() -> T) -> T {
    let began = std::time::Instant::now();
    let value = std::hint::black_box(work());
    *sum += began.elapsed();
    value
}

fn exchange(keys: &Arc<[RsaPrivateKey]>, seed: u64) -> Result<Times, Box<dyn Error>> {
    let mut times = Times::default();
    let (mut ours, mut theirs) = (ChaCha20Rng::seed_from_u64(seed), ChaCha20Rng::seed_from_u64(!seed));
    let (now, unix) = (Instant::ZERO, UnixTime::from_secs(1_790_000_000));
    let config = HandshakeConfig { keys: vec![keys[0].public().clone()], dc: 2, expires_in: None };
    let clock = ServerClock::guess(now, unix);
    let mut server = ServerHandshake::new(ServerConfig { keys: keys.clone(), dc: Some(2), script: VecDeque::new() });
    let start = || ClientHandshake::start(config, clock, now, &mut ours);
    let (mut client, mut question) = timed(&mut times.client[0], start)?;
    for step in 1.. {
        let answer = timed(&mut times.server, || server.handle(unix, &question, &mut theirs))?;
        let step = times.client.get_mut(step).ok_or("more steps than the exchange has")?;
        question = match timed(step, || client.handle(now, &answer.send, &mut ours))? {
            Step::Send(next) => next,
            Step::Done(_) => return Ok(times),
        };
    }
    Err("the exchange never ends".into())
}

fn main() -> Result<(), Box<dyn Error>> {
    let runs = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(200_u32).max(1);
    let keys = Arc::from([RsaPrivateKey::generate(&mut ChaCha20Rng::seed_from_u64(1))?]);
    let times = (0..u64::from(runs)).map(|seed| exchange(&keys, seed)).collect::<Result<Vec<_>, _>>()?;

    let ms = |of: &dyn Fn(&Times) -> Duration| {
        let mut all: Vec<f64> = times.iter().map(|times| of(times).as_secs_f64() * 1e3).collect();
        all.sort_by(f64::total_cmp);
        (all.iter().sum::<f64>() / f64::from(runs), all[0], all[all.len() / 2], all[all.len() - 1])
    };
    println!("{:23}{:>8}{:>8}{:>8}{:>8}", format!("{runs} exchanges, ms"), "mean", "min", "median", "max");
    let row = |name: &str, of: &dyn Fn(&Times) -> Duration| {
        let (mean, min, median, max) = ms(of);
        println!("{name:23}{mean:8.3}{min:8.3}{median:8.3}{max:8.3}");
    };
    row("req_pq_multi", &|t| t.client[0]);
    row("resPQ: factor, RSA", &|t| t.client[1]);
    row("server_DH_params: g^b", &|t| t.client[2]);
    row("dh_gen_ok", &|t| t.client[3]);
    row("client", &|t| t.client.iter().sum());
    row("server", &|t| t.server);
    row("both", &|t| t.client.iter().sum::<Duration>() + t.server);
    Ok(())
}
