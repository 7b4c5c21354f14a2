use super::*;

fn component(name: &str, origin: Origin) -> Component {
    let mut component = Component::new(Ecosystem::Cargo, name, "1.0.0", origin);
    component.purl = Some(Purl::parse(&format!("pkg:cargo/{name}@1.0.0")).unwrap());
    component
}

fn file(path: &str, owner: Option<usize>) -> FileEntry {
    FileEntry {
        path: path.into(),
        size: 1,
        digest: Digest::sha256(path.as_bytes()),
        owner,
        program: None,
    }
}

#[test]
fn merging_keeps_owners_and_origins() {
    let image = Inventory {
        components: vec![component("z", Origin::Image), component("b", Origin::Image)],
        files: vec![file("y", Some(1)), file("x", Some(0)), file("w", None)],
        ..Inventory::default()
    };
    let build = Inventory {
        components: vec![component("b", Origin::Build), component("a", Origin::Build)],
        ..Inventory::default()
    };
    let merged = image.merge(build);
    let names: Vec<_> = merged
        .components
        .iter()
        .map(|c| (c.name.as_str(), c.origin))
        .collect();
    let expected = [
        ("a", Origin::Build),
        ("b", Origin::Build),
        ("b", Origin::Image),
        ("z", Origin::Image),
    ];
    assert_eq!(names, expected);
    let owners: Vec<_> = merged
        .files
        .iter()
        .map(|f| (f.path.as_str(), f.owner))
        .collect();
    assert_eq!(owners, [("w", None), ("x", Some(3)), ("y", Some(2))]);
    assert_eq!(merged.per_ecosystem()[&Ecosystem::Cargo], 4);
}

#[test]
fn a_copy_of_ones_own_beside_the_distributions_still_matters() {
    let mut packaged = component("a", Origin::Image);
    packaged.part_of = Some(Purl::parse("pkg:deb/debian/librust-a").unwrap());
    packaged.found_in.push("usr/share/a".into());
    let mut own = component("a", Origin::Image);
    own.found_in.push("opt/a".into());
    let mut inventory = Inventory {
        components: vec![packaged, own],
        ..Inventory::default()
    };
    inventory.normalize();
    assert_eq!(inventory.components.len(), 1);
    assert_eq!(inventory.components[0].part_of, None);
    assert_eq!(inventory.components[0].found_in, ["opt/a", "usr/share/a"]);
}

#[test]
fn releases_are_named_as_advisories_name_them() {
    let release = |id: &str, version: &str| {
        Distribution {
            id: id.into(),
            version: version.into(),
            name: String::new(),
        }
        .release()
    };
    assert_eq!(release("debian", "12"), "debian-12");
    assert_eq!(release("alpine", "3.19.1"), "alpine-3.19");
    assert_eq!(release("ubuntu", "24.04"), "ubuntu-24.04");
}
