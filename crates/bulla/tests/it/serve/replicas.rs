//! Two finished binaries over one PostgreSQL: any takes writes, one leads, and
//! the other leads when that one is killed.

use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{Hash, Scheme, SigningKey};
use serde_json::json;

/// One of two replicas of the instance at `base`.
struct Replica {
    served: Served,
    base: SocketAddr,
}

impl Replica {
    fn start(world: &World, name: &str, base: SocketAddr, sql: &str) -> Self {
        let (public, internal) = (free_port(), free_port());
        let passphrase = private(world, "passphrase", PASSPHRASE);
        let (data, objects) = (world.root().join(name), world.root().join("objects"));
        fs::create_dir_all(&objects).unwrap();
        let text = format!(
            "base-url = \"http://{base}\"\ndata = {data:?}\n\
             [listen]\npublic = \"127.0.0.1:{public}\"\noperations = \"127.0.0.1:0\"\n\
             internal = \"127.0.0.1:{internal}\"\n\
             [replica]\naddress = \"https://127.0.0.1:{internal}\"\nlease_ms = 2000\n\
             [key]\npassphrase_file = {passphrase:?}\n\
             [postgres]\nurl = {sql:?}\n[objects]\ndirectory = {objects:?}\n"
        );
        let file = world.write(format!("{name}.toml"), text);
        let mut command = world.command(world.binary());
        command.args(["serve", "--config"]).arg(file);
        let served = Served::spawn(world, command);
        Self { served, base }
    }

    fn leads(&self) -> bool {
        health(self.served.address("operations"))["leader"] == true
    }

    /// Logs a new entry; its index, once somebody leads.
    fn log(&self, text: &str) -> u64 {
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        let body = json!({"hashedRekordRequestV002": {
            "digest": STANDARD.encode(Hash::Sha256.digest(text.as_bytes())),
            "signature": {
                "content": STANDARD.encode(key.sign(text.as_bytes()).unwrap()),
                "verifier": {
                    "publicKey": {"rawBytes": STANDARD.encode(key.public().spki_der())},
                    "keyDetails": key.scheme().sigstore_name(),
                },
            },
        }});
        let began = Instant::now();
        loop {
            let public = self.served.address("public");
            let (status, answer) = ask_as(
                public,
                self.base,
                "POST",
                "/api/v2/log/entries",
                &body.to_string(),
            );
            if status == 201 {
                let entry: Value = serde_json::from_str(&answer).unwrap();
                return entry["logIndex"].as_str().unwrap().parse().unwrap();
            }
            assert_eq!(status, 503, "{answer}");
            assert!(began.elapsed() < PATIENCE, "nobody leads: {answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn any_replica_takes_writes_and_the_other_goes_on_alone() {
    let Some(postgres) = bulla_testkit::postgres() else {
        return;
    };
    let world = World::new();
    let base = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let sql = postgres.database();
    let one = Replica::start(&world, "one", base, &sql);
    let first = one.log("by the first");
    let two = Replica::start(&world, "two", base, &sql);
    assert_eq!(two.served.ready["root"], one.served.ready["root"]);
    let second = two.log("by the second, which follows");
    assert_eq!(second, first + 1, "one log");
    assert!(one.leads() && !two.leads());

    // The leader dies without a word.
    one.served.signal("-KILL");
    let third = two.log("by the second, which leads");
    assert_eq!(third, second + 1, "nothing acknowledged is lost");
    assert!(two.leads());
    assert_eq!(two.served.stop(), Some(0));
}
