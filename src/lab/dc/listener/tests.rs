use super::*;
use crate::tl::Combinator as _;
use crate::wire::mt::auth::ReqPqMulti;

#[tokio::test]
async fn a_client_is_let_go_when_it_leaves_4_mib() {
    let socket = || {
        let (writer, chunks) = mpsc::channel(CHUNKS);
        let reader = tokio::spawn(async {}).abort_handle();
        (Socket { writer, unsent: Arc::default(), reader, opened_at: Instant::ZERO }, chunks)
    };
    let bytes = |len: usize| (Bytes::from(vec![0; len]), usize::MAX);
    let (few, _chunks) = socket();
    assert!(few.write(bytes(MAX_UNSENT - 1)) && few.write(bytes(1)));
    assert!(!few.write(bytes(1)));
    let (large, _chunks) = socket();
    assert!(large.write(bytes(2 * MAX_UNSENT)), "what is long goes alone");
    assert!(!large.write(bytes(1)));
    let (many, _chunks) = socket();
    assert!((0..CHUNKS).all(|_| many.write(bytes(1))));
    assert!(!many.write(bytes(1)));
}

/// A listener whose clock tests move.
async fn listener() -> Listener {
    let random = Box::new(rand::rngs::SysRng);
    Listener::bind("127.0.0.1:0", |now, unix| Dc::new(now, unix, random)).await.unwrap()
}

/// Serves until nothing happens for a while; the refusals among what happened.
async fn refusals(listener: &mut Listener) -> Vec<Refusal> {
    let mut refused = Vec::new();
    while let Ok(line) = timeout(Duration::from_millis(200), listener.next()).await {
        if let Entry::Refused(why) = line.unwrap().entry {
            refused.push(why);
        }
    }
    refused
}

#[tokio::test]
async fn silent_connections_lock_nobody_out() {
    let mut listener = listener().await;
    let addr = listener.local_addr().unwrap();
    let mut silent = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        silent.push(TcpStream::connect(addr).await.unwrap());
        while listener.sockets.len() < silent.len() {
            listener.next().await.unwrap();
        }
    }
    let _one_more = TcpStream::connect(addr).await.unwrap();
    assert_eq!(refusals(&mut listener).await, [Refusal::Silent]);
    let mut byte = [0];
    assert_eq!(silent[0].read(&mut byte).await.unwrap_or(0), 0, "the oldest has gone");
    assert_eq!(listener.sockets.len(), MAX_CONNECTIONS);
    // Those that never speak go after a time, with a line each.
    let later = listener.now() + FIRST_WITHIN;
    listener.dismiss_silent(later);
    assert_eq!(listener.sockets.len(), 0);
    assert_eq!(refusals(&mut listener).await.len(), MAX_CONNECTIONS);
}

/// A packet that every connection may begin with.
fn hello() -> Vec<u8> {
    let ask = crate::protocol::handshake::plain::seal(4, &ReqPqMulti { nonce: [1; 16] }.to_boxed());
    [&[0xee; 4][..], &u32::try_from(ask.len()).unwrap().to_le_bytes(), &ask].concat()
}

#[tokio::test]
async fn a_connection_may_be_silent_for_600_s_after_its_last_packet() {
    let mut listener = listener().await;
    let mut socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    socket.write_all(&hello()).await.unwrap();
    assert_eq!(refusals(&mut listener).await, []);
    let id = *listener.sockets.keys().next().unwrap();
    let due = listener.dc.heard_at(id).unwrap() + Duration::from_secs(600);
    assert_eq!(listener.silent_at(), Some(due));
    listener.dismiss_silent(Instant::from_micros(due.as_micros() - 1));
    assert_eq!((refusals(&mut listener).await, listener.sockets.len()), (vec![], 1));
    listener.dismiss_silent(due);
    assert_eq!((refusals(&mut listener).await, listener.sockets.len()), (vec![Refusal::Silent], 0));
}

#[tokio::test]
async fn only_whole_packets_keep_a_connection_open() {
    const IDLE: Duration = Duration::from_millis(400);
    let mut listener = listener().await;
    listener.set_idle_timeouts(FIRST_WITHIN, IDLE);
    let addr = listener.local_addr().unwrap();
    let serve = async { while listener.next().await.is_ok() {} };
    let hello = hello();
    // One sends packets, one nothing more, one the bytes of a packet that never ends.
    let [lasted, silent, dripped] = [Some(hello.len()), None, Some(5)].map(|len| {
        let hello = &hello;
        async move {
            let mut socket = TcpStream::connect(addr).await.unwrap();
            socket.write_all(hello).await.unwrap();
            let began = std::time::Instant::now();
            let mut rest = hello.iter().skip(4).copied().cycle();
            while began.elapsed() < 4 * IDLE {
                if let Some(len) = len {
                    let packet: Vec<u8> = match len == hello.len() {
                        true => hello.get(4..).unwrap().to_vec(),
                        false => rest.by_ref().take(1).collect(),
                    };
                    let _ = socket.write_all(&packet).await;
                }
                let mut answer = [0; 1024];
                if let Ok(Ok(0) | Err(_)) = timeout(IDLE / 8, socket.read(&mut answer)).await {
                    break;
                }
            }
            began.elapsed()
        }
    });
    let (lasted, silent, dripped) = tokio::select! {
        times = async { tokio::join!(lasted, silent, dripped) } => times,
        () = serve => panic!("the listener ended"),
    };
    assert!(lasted >= 4 * IDLE, "{lasted:?}");
    assert!((IDLE..3 * IDLE).contains(&silent) && (IDLE..3 * IDLE).contains(&dripped), "{silent:?} {dripped:?}");
}
