//! `bulla tree`: everything that hangs on an image.

use bulla_core::{Descriptor, Reference};
use bulla_oci::tree::{self, ReferrerNode, TreeNode};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;

use super::copy::name;
use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{image_source::asked_failed, reach::Reach},
    output,
};

/// Arguments of `bulla tree`.
#[derive(Args)]
#[command(after_help = "\
Shows what claims to belong to the image, in both layouts, and below an index. Nothing is verified:
bulla verify does that.

Formats: text, json.

Examples:
  bulla tree 127.0.0.1:5610/hello:v1
  bulla tree registry.example.com/hello@sha256:71c0…
  bulla tree 127.0.0.1:5610/hello:v1 -o json")]
pub struct TreeArgs {
    /// The image
    #[arg(value_name = "REF")]
    reference: Reference,
}

/// Runs it.
///
/// # Errors
/// If the image is not there, or the registry cannot be asked.
pub fn run(args: TreeArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let reference = args.reference;
    let tree = context.block_on(async {
        let reach = Reach::open(context, &[&reference], false).await?;
        let source = reach.evidence(&reference, &reference);
        let tree = tree::tree(&source).await;
        let tree = tree.map_err(|error| asked_failed(&error))?;
        reach.close().await;
        Ok(tree)
    })?;
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "reference": reference, "tree": data(&tree),
        })),
        _ => {
            let mut text = format!("{reference}\n");
            draw(&mut text, &tree, "");
            Ok(text.into_bytes())
        }
    })?;
    for (digest, problem) in &tree.problems {
        context.talk.warn(&format!("{}: {problem}", digest.short()));
    }
    if tree.is_bare() {
        context.talk.say(" · nothing refers to it");
    }
    Ok(Exit::Allowed)
}

fn data(node: &TreeNode) -> Value {
    let digests = |all: &[Descriptor]| -> Vec<Value> {
        let all = all.iter();
        all.map(|one| json!({"mediaType": one.media_type, "digest": one.digest, "size": one.size}))
            .collect()
    };
    let tags: Vec<Value> = node
        .tags
        .iter()
        .map(|tag| {
            json!({"slot": tag.slot.suffix(), "place": tag.place,
                   "digest": tag.descriptor.digest, "layers": digests(&tag.layers)})
        })
        .collect();
    let problems = node.problems.iter();
    let problems: Vec<Value> = problems
        .map(|(digest, text)| json!({"digest": digest, "text": text}))
        .collect();
    json!({
        "digest": node.descriptor.digest, "mediaType": node.descriptor.media_type,
        "index": node.is_index, "tags": tags, "problems": problems,
        "referrers": node.referrers.iter().map(referrer).collect::<Vec<_>>(),
        "children": node.children.iter().map(data).collect::<Vec<_>>(),
    })
}

fn referrer(node: &ReferrerNode) -> Value {
    json!({
        "digest": node.descriptor.digest, "artifactType": node.artifact_type,
        "kind": name(node.kind), "annotations": node.annotations,
        "referrers": node.referrers.iter().map(referrer).collect::<Vec<_>>(),
    })
}

fn draw(out: &mut String, node: &TreeNode, indent: &str) {
    let kind = if node.is_index { "index" } else { "image" };
    let _ = writeln!(out, "{indent}{kind} {}", node.descriptor.digest);
    let below = format!("{indent}  ");
    for tag in &node.tags {
        let _ = writeln!(out, "{below}{} {}", tag.slot.suffix(), tag.place);
        for layer in &tag.layers {
            let _ = writeln!(out, "{below}  {} {}", layer.media_type, layer.digest);
        }
    }
    draw_referrers(out, &node.referrers, &below);
    for child in &node.children {
        draw(out, child, &below);
    }
}

fn draw_referrers(out: &mut String, referrers: &[ReferrerNode], indent: &str) {
    for one in referrers {
        let what = one
            .annotations
            .get("dev.sigstore.bundle.predicateType")
            .unwrap_or(&one.artifact_type);
        let _ = writeln!(out, "{indent}{what} {}", one.descriptor.digest);
        draw_referrers(out, &one.referrers, &format!("{indent}  "));
    }
}
