//! Templates of the issuer types that Fulcio once had in its code, for files
//! that still name them: `github-workflow`, `gitlab-pipeline`, `buildkite-job`,
//! `codefresh-workflow`. Which claim fills which extension is the table of
//! Fulcio's `docs/oid-info.md`.

use std::collections::BTreeMap;

use bulla_crypto::x509::FulcioExtension::{self, *};

use super::{
    file::Provider,
    kind::Kind,
    template::{Template, TemplateError},
};

/// The templates of one such type; `None` for a kind that has none.
///
/// # Errors
/// [`TemplateError`] never, as a test shows.
pub(super) fn provider(kind: Kind) -> Result<Option<Provider>, TemplateError> {
    match kind {
        Kind::Buildkite => build(
            &[],
            "https://buildkite.com/{{ .organization_slug }}/{{ .pipeline_slug }}",
            &[],
        ),
        Kind::Codefresh => build(CODEFRESH_DEFAULTS, CODEFRESH_NAME, CODEFRESH),
        Kind::Github => build(&[], "https://github.com/{{ .job_workflow_ref }}", GITHUB),
        Kind::Gitlab => build(
            &[("ci_config_sha", ""), ("project_visibility", "")],
            "https://{{ .ci_config_ref_uri }}",
            GITLAB,
        ),
        _ => return Ok(None),
    }
    .map(Some)
}

type Templates = [(FulcioExtension, &'static str)];

const GITHUB: &Templates = &[
    (WorkflowTrigger, "event_name"),
    (WorkflowSha, "sha"),
    (WorkflowName, "workflow"),
    (WorkflowRepository, "repository"),
    (WorkflowRef, "ref"),
    (BuildSignerUri, "https://github.com/{{ .job_workflow_ref }}"),
    (BuildSignerDigest, "job_workflow_sha"),
    (RunnerEnvironment, "runner_environment"),
    (SourceRepositoryUri, "https://github.com/{{ .repository }}"),
    (SourceRepositoryDigest, "sha"),
    (SourceRepositoryRef, "ref"),
    (SourceRepositoryIdentifier, "repository_id"),
    (
        SourceRepositoryOwnerUri,
        "https://github.com/{{ .repository_owner }}",
    ),
    (SourceRepositoryOwnerIdentifier, "repository_owner_id"),
    (BuildConfigUri, "https://github.com/{{ .workflow_ref }}"),
    (BuildConfigDigest, "workflow_sha"),
    (BuildTrigger, "event_name"),
    (
        RunInvocationUri,
        "https://github.com/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}",
    ),
    (SourceRepositoryVisibility, "repository_visibility"),
];

const GITLAB: &Templates = &[
    (BuildSignerUri, "https://{{ .ci_config_ref_uri }}"),
    (BuildSignerDigest, "ci_config_sha"),
    (RunnerEnvironment, "runner_environment"),
    (
        SourceRepositoryUri,
        "https://gitlab.com/{{ .project_path }}",
    ),
    (SourceRepositoryDigest, "sha"),
    (
        SourceRepositoryRef,
        r#"refs/{{ if eq .ref_type "branch" }}heads{{ else }}tags{{ end }}/{{ .ref }}"#,
    ),
    (SourceRepositoryIdentifier, "project_id"),
    (
        SourceRepositoryOwnerUri,
        "https://gitlab.com/{{ .namespace_path }}",
    ),
    (SourceRepositoryOwnerIdentifier, "namespace_id"),
    (BuildConfigUri, "https://{{ .ci_config_ref_uri }}"),
    (BuildConfigDigest, "ci_config_sha"),
    (BuildTrigger, "pipeline_source"),
    (
        RunInvocationUri,
        "https://gitlab.com/{{ .project_path }}/-/jobs/{{ .job_id }}",
    ),
    (SourceRepositoryVisibility, "project_visibility"),
];

const CODEFRESH_DEFAULTS: &[(&str, &str)] = &[
    ("platform_url", "https://g.codefresh.io"),
    ("scm_repo_url", ""),
    ("scm_ref", ""),
    ("runner_environment", ""),
];
const CODEFRESH_NAME: &str = "{{ .platform_url }}/{{ .account_name }}/{{ .pipeline_name }}:{{ .account_id }}/{{ .pipeline_id }}";
const CODEFRESH_BUILD: &str = "{{ .platform_url }}/build/{{ .workflow_id }}";
const CODEFRESH: &Templates = &[
    (BuildSignerUri, CODEFRESH_BUILD),
    (RunnerEnvironment, "runner_environment"),
    (SourceRepositoryUri, "scm_repo_url"),
    (SourceRepositoryRef, "scm_ref"),
    (BuildConfigUri, CODEFRESH_BUILD),
    (RunInvocationUri, CODEFRESH_BUILD),
];

fn build(
    defaults: &[(&str, &str)],
    name: &str,
    templates: &Templates,
) -> Result<Provider, TemplateError> {
    let mut extensions = Vec::new();
    for (extension, template) in templates {
        extensions.push((*extension, Template::parse(template)?));
    }
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Ok(Provider {
        defaults: defaults.iter().map(owned).collect::<BTreeMap<_, _>>(),
        name: Template::parse(name)?,
        extensions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_template_is_understood() {
        for (kind, has) in [
            (Kind::Buildkite, true),
            (Kind::Codefresh, true),
            (Kind::Github, true),
            (Kind::Gitlab, true),
            (Kind::Email, false),
        ] {
            assert_eq!(provider(kind).unwrap().is_some(), has, "{kind:?}");
        }
    }
}
