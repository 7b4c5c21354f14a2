use super::*;
use std::io::{Read as _, Write as _};

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("to send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_torn_line_names_no_address() {
    let line = "level=info msg=\"listening on 127.0.0.1:38211\" version=3";
    let address = listening(line);
    assert_eq!(address, "127.0.0.1:38211".parse().ok());
    assert_eq!(listening(&line[..40]), None);
    assert_eq!(listening("starting"), None);
}

#[test]
fn it_answers_without_referrers_and_leaves_nothing() {
    let Some(registry) = Distribution::start() else {
        return;
    };
    assert!(get(registry.address, "/v2/").contains(" 200 "));
    let path = format!("/v2/some/referrers/sha256:{}", "0".repeat(64));
    assert!(get(registry.address, &path).contains(" 404 "));
    let (address, folder) = (registry.address, registry.folder().to_path_buf());
    drop(registry);
    assert!(TcpStream::connect(address).is_err());
    assert!(!folder.exists());
}
