"""Settings: who wins, what is refused, and how a mistake is called by its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import InputError
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.secret import SecretRef
from reconciler.settings import Settings, load_settings
from reconciler.settings.given import FLAGS, VARIABLES


def load(folder: Path, text: str | None = None, environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    """Settings as a command in `folder` reads them."""
    if text is not None:
        (folder / "reconciler.yaml").write_text(text, encoding="utf-8")
    return load_settings(flags, environ or {}, folder)


def refused(folder: Path, text: str | None = None, environ: Mapping[str, str] | None = None, **flags: Any) -> list[str]:
    """What was found wrong, as place, code and detail."""
    with pytest.raises(InputError) as error:
        load(folder, text, environ, **flags)
    return [words(finding) for finding in error.value.diagnostics]


def words(finding: Diagnostic) -> str:
    """A finding on one line."""
    return f"{finding.position or '-'} {finding.code} {finding.detail}"


def test_without_any_settings_everything_has_a_default(tmp_path: Path) -> None:
    """A newcomer writes manifests first, and settings when there is a reason."""
    settings = load(tmp_path)
    assert settings.ledger_path == tmp_path / ".reconciler" / "ledger.sqlite"
    assert settings.audit_path.parent == settings.directory
    assert not settings.cache_path.is_relative_to(settings.root)
    assert (settings.max_change_percent, settings.min_objects) == (30, 10)


def test_no_file_and_an_empty_file_mean_the_same(tmp_path: Path) -> None:
    """The quick way for no settings must not have defaults of its own."""
    without = load(tmp_path)
    assert load(tmp_path, "logFormat: console\n") == without


def test_the_file_is_found_from_a_folder_below(tmp_path: Path) -> None:
    """People stand anywhere in their checkout, and mean the same project."""
    below = tmp_path / "envs" / "prod"
    below.mkdir(parents=True)
    (tmp_path / "reconciler.yaml").write_text("directory: kept\n", encoding="utf-8")
    settings = load(below)
    assert settings.root == tmp_path
    assert settings.directory == tmp_path / "kept"


@pytest.mark.parametrize(
    ("text", "environ", "flags", "expected"),
    [
        (None, {}, {}, 10.0),
        ("lockTimeout: 1\n", {}, {}, 1.0),
        ("lockTimeout: 1\n", {"RECONCILER_LOCK_TIMEOUT": "2"}, {}, 2.0),
        ("lockTimeout: 1\n", {"RECONCILER_LOCK_TIMEOUT": "2"}, {"lock_timeout": 3.0}, 3.0),
        ("lockTimeout: 1\n", {"RECONCILER_LOCK_TIMEOUT": ""}, {"lock_timeout": None}, 1.0),
    ],
)
def test_flags_win_over_variables_over_the_file(
    tmp_path: Path, text: str | None, environ: Mapping[str, str], flags: Mapping[str, Any], expected: float
) -> None:
    """Whoever speaks last and nearest is meant."""
    assert load(tmp_path, text, environ, **flags).lock_timeout == expected


FULL = """\
root: .
manifests: [fleet/, extra.yaml]
directory: kept
ledger: sqlite:kept/other.sqlite
logFormat: json
color: never
input: false
timeout: 90
lockTimeout: 2.5
allowedHosts: ["*.example.com"]
secrets:
  env: [LLM_*]
  root: secrets
  commands: [vault, /usr/bin/op]
  fingerprintKey: {env: LLM_FINGERPRINT}
safety: {maxChangePercent: 10, minObjects: 3}
rotations: ask
fleet: eu/prod
embedded: {faults: faults.json}
drift: {verify: true}
"""


def test_every_setting_can_stand_in_the_file_and_in_a_variable(tmp_path: Path) -> None:
    """In a job for untrusted code the file belongs to the stranger: a variable must be able to say all of it."""
    from_file = load(tmp_path, FULL)
    (tmp_path / "reconciler.yaml").unlink()
    environ = {
        "RECONCILER_MANIFESTS": "fleet/, extra.yaml",
        "RECONCILER_DIRECTORY": "kept",
        "RECONCILER_LEDGER": "sqlite:kept/other.sqlite",
        "RECONCILER_LOG_FORMAT": "json",
        "RECONCILER_COLOR": "never",
        "RECONCILER_INPUT": "false",
        "RECONCILER_TIMEOUT": "90",
        "RECONCILER_LOCK_TIMEOUT": "2.5",
        "RECONCILER_ALLOWED_HOSTS": "*.example.com",
        "RECONCILER_SECRETS_ENV": "LLM_*",
        "RECONCILER_SECRETS_ROOT": "secrets",
        "RECONCILER_SECRETS_COMMANDS": "vault,/usr/bin/op",
        "RECONCILER_SECRETS_FINGERPRINT_KEY": "env:LLM_FINGERPRINT",
        "RECONCILER_SAFETY_MAX_CHANGE_PERCENT": "10",
        "RECONCILER_SAFETY_MIN_OBJECTS": "3",
        "RECONCILER_ROTATIONS": "ask",
        "RECONCILER_FLEET": "eu/prod",
        "RECONCILER_EMBEDDED_FAULTS": "faults.json",
        "RECONCILER_DRIFT_VERIFY": "true",
        "RECONCILER_ROOT": ".",
    }
    assert set(environ) == set(VARIABLES)
    from_environ = load(tmp_path, None, environ)
    assert [tmp_path / name for name in from_file.manifests] == [Path(name) for name in from_environ.manifests]
    for name in Settings.__dataclass_fields__:
        if name != "manifests":
            assert getattr(from_file, name) == getattr(from_environ, name), name
    assert from_file.fingerprint_key == SecretRef("env", ("LLM_FINGERPRINT",))
    assert from_file.secret_rules.file_root == tmp_path / "secrets"


def test_a_strangers_file_cannot_widen_what_a_variable_narrows(tmp_path: Path) -> None:
    """A pull request may change reconciler.yaml; what it may reach must not follow."""
    stranger = "allowedHosts: [evil.example.org]\nsecrets: {env: ['*'], root: /, commands: [sh]}\n"
    job = {
        "RECONCILER_ALLOWED_HOSTS": "*.example.com",
        "RECONCILER_SECRETS_ENV": "LLM_*",
        "RECONCILER_SECRETS_ROOT": "safe",
        "RECONCILER_SECRETS_COMMANDS": "false",
    }
    settings = load(tmp_path, stranger, job)
    assert settings.allowed_hosts == ("*.example.com",)
    assert settings.secret_rules.env_names == ("LLM_*",)
    assert settings.secret_rules.file_root == tmp_path / "safe"
    assert settings.secret_rules.commands == ()


def test_a_job_can_take_settings_from_the_base_branch(tmp_path: Path) -> None:
    """The other way to keep a stranger's settings out: a file of ours beside their checkout."""
    base, theirs = tmp_path / "base", tmp_path / "theirs"
    base.mkdir()
    theirs.mkdir()
    (base / "reconciler.yaml").write_text("allowedHosts: [ours.example.com]\n", encoding="utf-8")
    (theirs / "reconciler.yaml").write_text("allowedHosts: [evil.example.org]\n", encoding="utf-8")
    environ = {"RECONCILER_SETTINGS": "../base/reconciler.yaml", "RECONCILER_ROOT": "."}
    settings = load(theirs, None, environ)
    assert settings.allowed_hosts == ("ours.example.com",)
    assert settings.root == theirs


def test_paths_count_from_where_they_were_written(tmp_path: Path) -> None:
    """A path in the file means the project's folder, one on the command line the folder one stands in."""
    below = tmp_path / "below"
    below.mkdir()
    (tmp_path / "reconciler.yaml").write_text("ledger: here.sqlite\n", encoding="utf-8")
    assert load(below).ledger_path == tmp_path / "here.sqlite"
    assert load(below, ledger="here.sqlite").ledger_path == below / "here.sqlite"
    assert load(below, ledger="sqlite:here.sqlite").ledger_path == below / "here.sqlite"


def test_a_ledger_in_git_is_kept_as_it_was_said(tmp_path: Path) -> None:
    """A remote's name or URL must arrive untouched; a path counts from where it was written, as any other does."""
    (tmp_path / "reconciler.yaml").write_text("ledger: 'git:'\n", encoding="utf-8")
    below = tmp_path / "below"
    below.mkdir()
    assert load(below).ledger_url == "git:"
    assert load(below, ledger="git:./here#refs/x").ledger_url == f"git:{below}/here#refs/x"
    for url in ("git:upstream", "git:https://git.example.com/x.git#refs/a/b", "git:git@git.example.com:x.git"):
        assert load(below, None, {"RECONCILER_LEDGER": url}).ledger_url == url
    assert load(below, ledger="here.sqlite").ledger_url is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("logformat: json\n", "reconciler.yaml:1:1 SETTINGS001 logformat is no setting. Did you mean 'logFormat'?"),
        (
            "secrets:\n  enw: [A]\n",
            "reconciler.yaml:2:3 SETTINGS001 secrets.enw is no setting. Did you mean 'env'?",
        ),
        (
            "safety:\n  maxChangePercent: 130\n",
            "reconciler.yaml:2:3 SETTINGS002 safety.maxChangePercent must be less than or equal to 100.",
        ),
        ("logFormat: xml\n", "reconciler.yaml:1:1 SETTINGS002 logFormat must be 'console' or 'json'."),
        ("manifests: here\n", "reconciler.yaml:1:1 SETTINGS002 manifests must be a list."),
        ("safety: 3\n", "reconciler.yaml:1:1 SETTINGS002 safety must be a mapping."),
        (
            "ledger: 'postgres://host/db'\n",
            "reconciler.yaml:1:1 SETTINGS002 ledger must be a path, sqlite:PATH or git:REMOTE; there is no ledger 'postgres'.",  # noqa: E501 - one line of output
        ),
        (
            "secrets:\n  fingerprintKey: {env: A, file: b}\n",
            "reconciler.yaml:2:3 SETTINGS002 secrets.fingerprintKey must be one of",
        ),
        ("timeout: 0\n", "reconciler.yaml:1:1 SETTINGS002 timeout must be greater than 0."),
        ("a: 1\na: 2\n", "reconciler.yaml:2:1 YAML002"),
        ("[]\n", "reconciler.yaml:1:1 KIND005"),
    ],
)
def test_a_mistake_in_the_file_is_shown_at_its_line(tmp_path: Path, text: str, expected: str) -> None:
    """A setting that is misspelt and left out is a safety net that is not there."""
    assert refused(tmp_path, text)[0].startswith(expected)


def test_all_mistakes_are_shown_together(tmp_path: Path) -> None:
    """One mistake a push is a day of pushes."""
    assert len(refused(tmp_path, "logformat: json\nsafety: {minObjects: 0}\ncolour: never\n")) == 3


@pytest.mark.parametrize(
    ("environ", "flags", "expected"),
    [
        (
            {"RECONCILER_TIMEOUT": "soon"},
            {},
            "- SETTINGS002 RECONCILER_TIMEOUT (the setting timeout) must be a number.",
        ),
        ({"RECONCILER_INPUT": "maybe"}, {}, "- SETTINGS002 RECONCILER_INPUT (the setting input) must be true or false"),
        (
            {},
            {"ledger": "s3://bucket/x"},
            "- SETTINGS002 --ledger (the setting ledger) must be a path, sqlite:PATH or git:REMOTE;",
        ),
        (
            {"RECONCILER_SECRETS_FINGERPRINT_KEY": "sk-in-clear"},
            {},
            "- SETTINGS002 RECONCILER_SECRETS_FINGERPRINT_KEY (the setting secrets.fingerprintKey) must be a mapping",
        ),
        ({"RECONCILER_ALLOWED_HOST": "x"}, {}, "- SETTINGS003 RECONCILER_ALLOWED_HOST is no setting. Did you mean"),
        ({"RECONCILER_SECRET_ENV": "x"}, {}, "- SETTINGS003 RECONCILER_SECRET_ENV is no setting. Did you mean"),
    ],
)
def test_a_mistake_outside_the_file_is_called_by_its_name(
    tmp_path: Path, environ: Mapping[str, str], flags: Mapping[str, Any], expected: str
) -> None:
    """Sending somebody to a line of a file that is right costs an hour."""
    [found] = refused(tmp_path, "lockTimeout: 1\n", environ, **flags)
    assert found.startswith(expected)
    assert "sk-in-clear" not in found


def test_variables_of_the_team_may_begin_alike(tmp_path: Path) -> None:
    """A team that calls its secrets RECONCILER_… has done nothing wrong."""
    environ = {"RECONCILER_CXONE_CLIENT_SECRET": "x", "RECONCILER_OPENAI_KEY": "y"}
    assert load(tmp_path, None, environ) == load(tmp_path)


def test_a_broken_part_of_the_file_is_still_found_below_a_variable(tmp_path: Path) -> None:
    """A variable for one member must not hide that the mapping around it is none."""
    found = refused(tmp_path, "secrets: 3\n", {"RECONCILER_SECRETS_ENV": "A"})
    assert found[0].startswith("reconciler.yaml:1:1 SETTINGS002 secrets must be a mapping")


def test_flags_are_settings(tmp_path: Path) -> None:
    """A flag that leads to a setting nobody reads would be accepted and forgotten."""
    values = {"ledger": "l.sqlite", "log_format": "json", "timeout": 5.0, "lock_timeout": 0.5}
    assert set(values) == set(FLAGS)
    settings = load(tmp_path, None, None, **values)
    assert (settings.ledger_path, settings.log_format) == (tmp_path / "l.sqlite", "json")
    assert (settings.timeout, settings.lock_timeout) == (5.0, 0.5)


def test_a_webhook_has_an_address_and_a_reference(tmp_path: Path) -> None:
    """The secret itself has no place in a file that everybody reads."""
    text = "drift: {verify: true}\nnotify:\n  - webhook: {url: 'https://h.example.com/a', secret: {env: HOOK}}\n"
    settings = load(tmp_path, text)
    assert settings.drift_verify is True
    [webhook] = settings.webhooks
    assert (webhook.url, webhook.secret) == ("https://h.example.com/a", SecretRef("env", ("HOOK",)))


@pytest.mark.parametrize(
    ("webhook", "expected"),
    [
        ("{url: 'http://h.example.com', secret: {env: A}}", "must be an https URL"),
        ("{url: 'https://me:pw@h.example.com', secret: {env: A}}", "no user"),
        ("{url: 'ftp://127.0.0.1', secret: {env: A}}", "must be an https URL"),
        ("{url: '', secret: {env: A}}", "must be an https URL"),
        ("{url: 'https://h.example.com', secret: plain}", "notify.0.webhook.secret"),
        ("{url: 'https://h.example.com', secret: {envv: A}}", "Did you mean 'env'?"),
        ("{uri: 'https://h.example.com', secret: {env: A}}", "Did you mean 'url'?"),
    ],
)
def test_a_webhook_in_clear_or_with_a_typo_is_refused_at_its_line(webhook: str, expected: str, tmp_path: Path) -> None:
    """What would send a report in clear must not wait for the first night to be seen."""
    found = refused(tmp_path, f"notify:\n  - webhook: {webhook}\n")
    assert any(expected in line and line.startswith("reconciler.yaml:2:") for line in found), found
