use super::*;
use crate::review::GroupKind;
use serde_json::json;

fn request(group: &str, kind: &str, object: Value) -> Request {
    Request {
        uid: "u".into(),
        kind: GroupKind {
            group: group.into(),
            kind: kind.into(),
        },
        sub_resource: None,
        name: None,
        namespace: None,
        operation: "CREATE".into(),
        object,
        old_object: Value::Null,
        dry_run: None,
    }
}

fn found(request: &Request) -> Vec<(String, String)> {
    let workload = workload(request).unwrap();
    let pair = |image: Image| (image.pointer, image.text);
    workload.images.into_iter().map(pair).collect()
}

#[test]
fn every_list_of_a_pod_is_read() {
    let pod = json!({"kind": "Pod", "spec": {
        "containers": [{"name": "a", "image": "r.example/a"}],
        "initContainers": [{"name": "b", "image": "r.example/b"}],
        "ephemeralContainers": [{"name": "c", "image": "r.example/c"}],
        "volumes": [{"name": "n", "emptyDir": {}}, {"name": "d", "image": {"reference": "r.example/d"}}],
    }});
    let pairs = found(&request("", "Pod", pod));
    let expected = [
        ("/spec/containers/0/image", "r.example/a"),
        ("/spec/initContainers/0/image", "r.example/b"),
        ("/spec/ephemeralContainers/0/image", "r.example/c"),
        ("/spec/volumes/1/image/reference", "r.example/d"),
    ];
    assert_eq!(pairs, expected.map(|(p, t)| (p.to_owned(), t.to_owned())));
}

#[test]
fn every_controller_is_read_at_its_template() {
    let spec = json!({"containers": [{"name": "a", "image": "r.example/a"}]});
    let template = json!({"template": {"spec": spec}});
    for (group, kind) in [
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("apps", "ReplicaSet"),
        ("batch", "Job"),
        ("", "ReplicationController"),
    ] {
        let object = json!({"kind": kind, "spec": template});
        let pairs = found(&request(group, kind, object));
        assert_eq!(
            pairs[0].0, "/spec/template/spec/containers/0/image",
            "{kind}"
        );
    }
    let cron = json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": template}}});
    assert_eq!(
        found(&request("batch", "CronJob", cron))[0].0,
        "/spec/jobTemplate/spec/template/spec/containers/0/image"
    );
    let bare = json!({"kind": "PodTemplate", "template": {"spec": spec}});
    assert_eq!(
        found(&request("", "PodTemplate", bare))[0].0,
        "/template/spec/containers/0/image"
    );
}

#[test]
fn pointers_point_at_what_they_say() {
    let pod = json!({"kind": "Pod", "spec": {"containers": [
        {"name": "a", "image": "r.example/a"}, {"name": "b", "image": "r.example/b"}]}});
    for (pointer, text) in found(&request("", "Pod", pod.clone())) {
        assert_eq!(pod.pointer(&pointer).unwrap(), &json!(text));
    }
}

#[test]
fn an_unknown_kind_is_told_and_a_subresource_is_not() {
    let mut scale = request("autoscaling", "Scale", json!({"kind": "Scale"}));
    assert!(workload(&scale).unwrap().note.is_some());
    scale.sub_resource = Some("scale".into());
    assert_eq!(workload(&scale).unwrap(), Workload::default());
    let foreign = request("batch.volcano.sh", "Job", json!({"kind": "Job"}));
    assert!(workload(&foreign).unwrap().note.unwrap().contains("Job"));
}

#[test]
fn an_update_judges_what_it_changes() {
    let pod = |a: &str, b: &str| {
        json!({"kind": "Pod", "spec": {"containers": [
            {"name": "a", "image": a}, {"name": "b", "image": b}]}})
    };
    let mut update = request("", "Pod", pod("r.example/a:2", "r.example/b:1"));
    update.operation = "UPDATE".into();
    update.old_object = pod("r.example/a:1", "r.example/b:1");
    assert_eq!(
        found(&update),
        [("/spec/containers/0/image".into(), "r.example/a:2".into())]
    );
    // the same text under another container is a change
    update.object = pod("r.example/b:1", "r.example/b:1");
    assert_eq!(found(&update)[0].1, "r.example/b:1");
    // without what was there before, everything is judged
    update.old_object = Value::Null;
    assert_eq!(found(&update).len(), 2);
}

#[test]
fn an_ephemeral_container_is_judged_alone() {
    let pod = json!({"kind": "Pod", "spec": {
        "containers": [{"name": "a", "image": "r.example/a:1"}],
        "ephemeralContainers": [{"name": "debug", "image": "r.example/debug:1"}]}});
    let mut update = request("", "Pod", pod);
    update.operation = "UPDATE".into();
    update.sub_resource = Some("ephemeralcontainers".into());
    update.old_object =
        json!({"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "r.example/a:1"}]}});
    assert_eq!(
        found(&update),
        [(
            "/spec/ephemeralContainers/0/image".into(),
            "r.example/debug:1".into()
        )]
    );
}

#[test]
fn deleting_and_connecting_need_no_image() {
    for operation in ["DELETE", "CONNECT"] {
        let mut request = request("", "Pod", Value::Null);
        request.operation = operation.into();
        assert_eq!(workload(&request).unwrap(), Workload::default());
    }
}

#[test]
fn what_is_not_what_it_says_is_refused() {
    let code = |request: &Request| workload(request).unwrap_err().code().0;
    let pod = |containers: Value| json!({"kind": "Pod", "spec": {"containers": containers}});
    for containers in [
        json!({}),
        json!("x"),
        json!([{"name": "a"}]),
        json!([{"name": "a", "image": ""}]),
        json!([{"name": "a", "image": null}]),
        json!([{"name": "a", "image": 1}]),
        json!([{"name": "a", "image": ["r.example/a"]}]),
        json!([7]),
    ] {
        assert_eq!(
            code(&request("", "Pod", pod(containers.clone()))),
            "ADMIT-0011",
            "{containers}"
        );
    }
    let volume = json!({"kind": "Pod", "spec": {"volumes": [{"image": {"pullPolicy": "Always"}}]}});
    assert_eq!(code(&request("", "Pod", volume)), "ADMIT-0011");
    assert_eq!(
        code(&request("", "Pod", json!({"kind": "ConfigMap"}))),
        "ADMIT-0012"
    );
    assert_eq!(code(&request("", "Pod", Value::Null)), "ADMIT-0012");
    let mut odd = request("", "Pod", pod(json!([])));
    odd.operation = "PATCH".into();
    assert_eq!(code(&odd), "ADMIT-0013");
    let many: Vec<_> = (0..10_000)
        .map(|i| json!({"name": i.to_string(), "image": "r.example/a"}))
        .collect();
    assert_eq!(code(&request("", "Pod", pod(json!(many)))), "ADMIT-0010");
}

#[test]
fn a_template_may_leave_an_image_open() {
    let object = json!({"kind": "Deployment", "spec": {"template": {"spec": {"containers": [
        {"name": "a"}, {"name": "b", "image": ""}, {"name": "c", "image": "r.example/c"}]}}}});
    assert_eq!(found(&request("apps", "Deployment", object)).len(), 1);
}
