//! What a client was promised, held against what the log shows afterwards.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{
    PublicKey,
    checkpoint::parse_checkpoint,
    merkle::{Frontier, NodeHash, TileId, leaf_hash, verify_inclusion},
    note::parse_note,
};
use serde_json::Value;

use super::wire::Connection;

#[derive(Default)]
pub(super) struct Ledger {
    /// Acknowledged entries by index.
    entries: BTreeMap<u64, Vec<u8>>,
    /// Acknowledged trees by size.
    trees: BTreeMap<u64, NodeHash>,
    /// The leaves that the log has shown.
    leaves: Vec<NodeHash>,
    /// The root of the first n leaves.
    roots: Vec<NodeHash>,
    frontier: Frontier,
    published: u64,
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn hash(value: &Value) -> NodeHash {
    bytes(value).try_into().unwrap()
}

/// Size and root of a note that `key` signed.
fn tree_of(note: &str, key: &PublicKey) -> (u64, NodeHash) {
    let note = parse_note(note.as_bytes()).unwrap();
    note.verify("127.0.0.1", key).unwrap();
    let checkpoint = parse_checkpoint(note.text.as_bytes()).unwrap();
    (checkpoint.size, checkpoint.root)
}

impl Ledger {
    pub(super) fn acknowledged(&self) -> usize {
        self.entries.len()
    }

    /// Leaves that were held against the promises.
    pub(super) fn audited(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Enters an answer of the log, which must be sound by itself.
    pub(super) fn enter(&mut self, answer: &Value, key: &PublicKey) -> u64 {
        let index = number(&answer["logIndex"]);
        let body = bytes(&answer["canonicalizedBody"]);
        let proof = &answer["inclusionProof"];
        let (size, root) = tree_of(proof["checkpoint"]["envelope"].as_str().unwrap(), key);
        assert_eq!(
            (size, root),
            (number(&proof["treeSize"]), hash(&proof["rootHash"]))
        );
        let hashes: Vec<_> = proof["hashes"]
            .as_array()
            .unwrap()
            .iter()
            .map(hash)
            .collect();
        verify_inclusion(&leaf_hash(&body), index, size, &hashes, &root).unwrap();
        let before = self.entries.insert(index, body.clone());
        assert!(
            before.is_none_or(|before| before == body),
            "index {index} was given twice"
        );
        self.tree(size, root);
        index
    }

    fn tree(&mut self, size: u64, root: NodeHash) {
        let before = self.trees.insert(size, root);
        assert!(
            before.is_none_or(|before| before == root),
            "two trees of {size} leaves"
        );
    }

    /// An entry that was acknowledged, to be sent again.
    pub(super) fn any(&self, pick: usize) -> Option<(u64, Vec<u8>)> {
        let entry = self.entries.iter().nth(pick % self.entries.len().max(1))?;
        Some((*entry.0, entry.1.clone()))
    }

    /// Reads the log's leaves from `from` to `size` and holds every promise against them.
    pub(super) async fn audit(
        &mut self,
        connection: &mut Connection,
        key: &PublicKey,
        size: u64,
        from: u64,
    ) {
        let (_, note) = connection.get("/api/v2/checkpoint").await.unwrap();
        if !note.is_empty() {
            let (published, root) = tree_of(std::str::from_utf8(&note).unwrap(), key);
            assert!(
                published >= self.published,
                "the published checkpoint went back"
            );
            self.published = published;
            self.tree(published, root);
        }
        if self.roots.is_empty() {
            self.roots.push(self.frontier.root());
        }
        for tile in from / 256..size.div_ceil(256) {
            let width = u16::try_from((size - tile * 256).min(256)).unwrap();
            let id = TileId {
                level: 0,
                index: tile,
                width,
            };
            let path = id.path();
            let path = path.strip_prefix("0/").unwrap();
            let read = connection
                .get(&format!("/api/v2/tile/entries/{path}"))
                .await;
            let (status, bundle) = read.unwrap();
            assert_eq!(status, 200, "entries {path} of a tree of {size}");
            let mut rest = &bundle[..];
            let mut index = tile * 256;
            let mut hashes = Vec::new();
            while let Some((length, after)) = rest.split_first_chunk() {
                let (body, after) = after.split_at(u16::from_be_bytes(*length).into());
                self.leaf(index, body);
                hashes.extend(leaf_hash(body));
                index += 1;
                rest = after;
            }
            assert_eq!(index, tile * 256 + u64::from(width));
            let tile = connection
                .get(&format!("/api/v2/tile/0/{path}"))
                .await
                .unwrap();
            assert!(
                tile == (200, hashes),
                "tile {path} is not that of its entries"
            );
        }
        // Every tree that was ever signed is the beginning of this one.
        for (size, root) in &self.trees {
            let size = usize::try_from(*size).unwrap();
            assert_eq!(
                self.roots.get(size),
                Some(root),
                "the tree of {size} leaves"
            );
        }
        let last = self.entries.keys().next_back();
        assert!(last.is_none_or(|last| *last < self.leaves.len() as u64));
    }

    fn leaf(&mut self, index: u64, body: &[u8]) {
        if let Some(promised) = self.entries.get(&index) {
            assert!(
                promised == body,
                "entry {index} is not what was acknowledged"
            );
        }
        let hash = leaf_hash(body);
        match self.leaves.get(usize::try_from(index).unwrap()) {
            Some(before) => assert_eq!(before, &hash, "entry {index} changed"),
            None => {
                assert_eq!(self.frontier.append(hash), index);
                self.frontier.settle();
                self.leaves.push(hash);
                self.roots.push(self.frontier.root());
            }
        }
    }
}
