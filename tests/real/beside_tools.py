"""This tool and `litellm-as-code` behind one set of words: declare, look, apply.

| an endpoint with two keys | here                           | litellm-as-code                                       |
|---------------------------|--------------------------------|-------------------------------------------------------|
| in files                  | one Endpoint, keys by variable | a model and a credential for each key, keys in clear  |
| its names for callers     | one                            | one for each key: models are known by `model_name`    |
| ids of its deployments    | `<name>:<keyId>`               | the same, given as `model_info.id`                    |
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml
from litellm_bench import GATEWAY
from scenario_bench import Finished
from server_litellm import MASTER
from servers import HOME, venv

RECONCILER = Path(sys.executable).with_name("reconciler")
RIVAL = ("litellm-as-code==0.5.0",)
RIVAL_HOME = HOME / "litellm-as-code" / "venv"


def install() -> Path:
    """The other tool, in an environment of its own; returns its program."""
    return venv(RIVAL_HOME, RIVAL) / "litellm-as-code"


@dataclass(frozen=True)
class Declared:
    """An endpoint as both tools are to have it; `keys` are values by keyId, the best first."""

    name: str
    keys: Mapping[str, str]
    model: str = "gpt-4o"
    rpm: int | None = None

    def ids(self) -> set[str]:
        """Of its deployments, and of their credentials."""
        return {f"{self.name}:{key_id}" for key_id in self.keys}


@dataclass
class Shell:
    """A folder, an environment, and all that was ever said in it."""

    program: Path
    folder: Path
    environ: dict[str, str]
    said: list[str] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command and come back at once."""
        return subprocess.Popen(
            [self.program, *words],
            cwd=self.folder,
            env=self.environ,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self, process: subprocess.Popen[str]) -> Finished:
        """Wait for a command."""
        out, err = process.communicate(timeout=300)
        self.said += [out, err]
        return Finished(process.returncode, out, err)

    def run(self, *words: str) -> Finished:
        """Run a command to its end."""
        return self.finish(self.start(*words))


class Tool(Protocol):
    """What is compared. Each row of the comparison speaks to both through this."""

    name: str
    shell: Shell
    apply_words: Sequence[str]
    look_words: Sequence[str]
    plan_words: Sequence[str]

    def declare(self, *wanted: Declared) -> None:
        """Make the files say this and nothing else."""

    def renew(self, wanted: Declared, key_id: str) -> None:
        """Declare it, in the way that the tool has for sending a key whose value alone changed."""

    def declare_shared(self, *wanted: Declared) -> None:
        """The same endpoints, and the keys of the first for all of them, written once."""

    def called(self, wanted: Declared, key_id: str) -> str:
        """What callers write as `model` to reach this key."""


def plain_environ() -> dict[str, str]:
    """This process's environment without what would steer one of the tools."""
    prefixes = ("RECONCILER_", "LITELLM_", "GITHUB_", "CI", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


@dataclass
class Ours:
    """This tool, as its documentation says."""

    shell: Shell
    name: str = "reconciler"
    apply_words: Sequence[str] = ("apply", "--auto-approve")
    look_words: Sequence[str] = ("drift",)
    plan_words: Sequence[str] = ("plan", "--detailed-exitcode")

    def declare(self, *wanted: Declared) -> None:
        """One file of Endpoints, and their keys in the environment."""
        keys = {_variable(each, key_id): key for each in wanted for key_id, key in each.keys.items()}
        self.shell.environ |= keys
        documents = "---\n".join(json.dumps(_manifest(each)) + "\n" for each in wanted)
        (self.shell.folder / "manifests" / "fleet.yaml").write_text(documents)

    def declare_shared(self, *wanted: Declared) -> None:
        """A CredentialMatrix, of which each endpoint's credentials on the proxy are made."""
        self.declare(*wanted)
        matrix = {"apiVersion": "reconciler/v1", "kind": "CredentialMatrix", "metadata": {"name": "shared"}}
        of_first = _manifest(wanted[0])["spec"]["credentials"]
        documents = [{**matrix, "spec": {"credentials": of_first}}]
        for each in wanted:
            manifest = _manifest(each)
            documents.append({**manifest, "spec": {**manifest["spec"], "credentials": "shared"}})
        (self.shell.folder / "manifests" / "fleet.yaml").write_text("\n---\n".join(map(json.dumps, documents)))

    def renew(self, wanted: Declared, key_id: str) -> None:
        """A new value is enough."""
        assert key_id in wanted.keys
        self.declare(wanted)

    def called(self, wanted: Declared, key_id: str) -> str:
        """One name for all keys: the best that works serves."""
        assert key_id in wanted.keys
        return wanted.name


def _variable(wanted: Declared, key_id: str) -> str:
    return f"KEY_{wanted.name}_{key_id}".upper().replace("-", "_")


def _manifest(wanted: Declared) -> Mapping[str, Any]:
    credentials = [
        {"keyId": key_id, "priority": 20 - rank, "apiKey": {"env": _variable(wanted, key_id)}}
        for rank, key_id in enumerate(wanted.keys)
    ]
    spec: dict[str, Any] = {"provider": "openai", "model": wanted.model, "credentials": credentials}
    spec["readiness"] = {"deadlineSeconds": 2}
    if wanted.rpm is not None:
        spec["rateLimits"] = {"requestsPerMinute": wanted.rpm}
    return {"apiVersion": "reconciler/v1", "kind": "Endpoint", "metadata": {"name": wanted.name}, "spec": spec}


@dataclass
class Theirs:
    """`litellm-as-code`, as its documentation says: ids in `model_info`, addresses in credentials.

    `noted` goes into `credential_info` by credential: a change of it is its way to have a new key sent.
    """

    shell: Shell
    upstream: str
    name: str = "litellm-as-code"
    apply_words: Sequence[str] = ("spec.yml",)
    look_words: Sequence[str] = ("spec.yml", "--dry-run")
    plan_words: Sequence[str] = ("spec.yml", "--dry-run")
    noted: dict[str, str] = field(default_factory=dict)

    def declare(self, *wanted: Declared) -> None:
        """One file of models and credentials."""
        pairs = [(each, key_id) for each in wanted for key_id in each.keys]
        models = [self.model(each, key_id, self.called(each, key_id)) for each, key_id in pairs]
        credentials = [self.credential(f"{each.name}:{key_id}", each.keys[key_id]) for each, key_id in pairs]
        self.write({"credentials": credentials, "models": models})

    def renew(self, wanted: Declared, key_id: str) -> None:
        """A key is sent along when its `credential_info` changes."""
        self.noted[f"{wanted.name}:{key_id}"] = wanted.keys[key_id][-4:]
        self.declare(wanted)

    def declare_shared(self, *wanted: Declared) -> None:
        """One credential for each keyId, which all models name."""
        models = [self.model(each, key, self.called(each, key), f"all:{key}") for each in wanted for key in each.keys]
        credentials = [self.credential(f"all:{key_id}", key) for key_id, key in wanted[0].keys.items()]
        self.write({"credentials": credentials, "models": models})

    def write(self, spec: Mapping[str, Any]) -> None:
        """A file of this content."""
        (self.shell.folder / "spec.yml").write_text(yaml.safe_dump(spec, sort_keys=False))

    def called(self, wanted: Declared, key_id: str) -> str:
        """The endpoint's name reaches its best key; each other key has a name of its own."""
        return wanted.name if key_id == next(iter(wanted.keys)) else f"{wanted.name}-{key_id}"

    def model(self, wanted: Declared, key_id: str, name: str, credential: str = "") -> dict[str, Any]:
        """One entry of `models`."""
        its_id = f"{wanted.name}:{key_id}"
        limits = {} if wanted.rpm is None else {"rpm": wanted.rpm}
        params = {"model": f"openai/{wanted.model}", "litellm_credential_name": credential or its_id, **limits}
        return {"model_name": name, "model_info": {"id": its_id}, "litellm_params": params}

    def credential(self, name: str, key: str) -> dict[str, Any]:
        """One entry of `credentials`."""
        return {
            "credential_name": name,
            "credential_info": {"custom_llm_provider": "openai", "noted": self.noted.get(name, "")},
            "credential_values": {"api_base": self.upstream, "api_key": key},
        }


def ours(folder: Path, url: str, upstream: str) -> Ours:
    """This tool in an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "manifests").mkdir(parents=True)
    (folder / "manifests" / "gateway.yaml").write_text(GATEWAY.format(url=url, upstream=upstream))
    return Ours(Shell(RECONCILER, folder, plain_environ() | {"LITELLM_KEY": MASTER}))


def theirs(folder: Path, url: str, upstream: str) -> Theirs:
    """The other tool in an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environ = plain_environ() | {"LITELLM_BASE_URL": url, "LITELLM_API_KEY": MASTER}
    return Theirs(Shell(install(), folder, environ), upstream)
