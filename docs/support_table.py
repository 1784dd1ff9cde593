"""Write docs/reference/platforms.md from what the platforms declare: `make reference`."""

from pathlib import Path

from reconciler.model.capability import Capabilities
from reconciler.model.resource import Gateway
from reconciler.platforms import find, of_gateway
from reconciler.platforms.cognigy.capabilities import COMPLETED

TARGET = Path(__file__).resolve().parent / "reference" / "platforms.md"
BUILT_IN = ("cxone", "cognigy", "genesys", "openai", "cognigy-rest", "litellm", "mlflow", "smg")
ABLE = ("read", "create", "update", "delete", "preflight", "verify")

HEAD = """\
# Platforms

Written from the capabilities that each platform declares; `make reference` writes it anew. What a plug-in provides is
not here.

The contracts of `cxone`, `cognigy`, `genesys` and `openai` were given to the project, that of `cognigy-rest` is
published; none of these has been run against a vendor's own service. `litellm`, `mlflow` and `smg` are tested against
the real servers ([LiteLLM](litellm.md), [MLflow](mlflow.md), [smg](smg.md)): `make test-real`.

"""

NOTES = """
`cognigy` as given can neither read nor change what it registered: see
[ADR 0014](../adr/0014-what-cannot-be-read.md). The completed calls are switched on by `paths` of the Gateway:

```yaml
paths:
"""

HOSTS = """
A Gateway whose `url`, `org` or `tokenUrl` leads to a host in the domain of another platform's vendor is an error of
`validate`, `plan` and `apply` (WIRING008), because its credential would go there. A host of one's own is fine. Where a
vendor's host is meant, `allowedHosts` in the settings names it. Platforms that are not here belong to no vendor and are
not held to any.

"""


def rows() -> list[tuple[str, Capabilities]]:
    """Each platform as it is by itself, and what its gateways can switch on."""
    found = [(name, find(name).capabilities) for name in BUILT_IN]
    completed = of_gateway(Gateway("any", "cognigy", "https://any.example.com", paths=COMPLETED)).capabilities
    return [*found[:2], ("cognigy, with `paths`", completed), *found[2:]]


def kinds() -> str:
    """One line for each kind of each platform."""
    lines = [
        "| platform | kind | " + " | ".join(ABLE) + " | guard | never read back |",
        "|---|---|" + "---|" * len(ABLE) + "---|---|",
    ]
    for name, capabilities in rows():
        for kind, able in capabilities.kinds.items():
            marks = " | ".join("yes" if getattr(able, ability) else "no" for ability in ABLE)
            secret = ", ".join(f"`{path}`" for path in able.write_only) or "-"
            lines.append(f"| {name} | {kind} | {marks} | {able.guard if able.create else '-'} | {secret} |")
    return "\n".join(lines)


def credentials() -> str:
    """What a credential needs, and how questions travel."""
    lines = [
        "| platform | permissions | scopes asked for | token renewed | dialect | by `transport` | a question names |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in BUILT_IN:
        has = find(name).capabilities
        over = ", ".join(f"{way}: {dialect}" for way, dialect in sorted(has.dialects.items()))
        words = [" ".join(f"`{word}`" for word in listed) or "-" for listed in (has.permissions, has.scopes)]
        early = f"{has.token_early_seconds:g} s early"
        lines.append(
            f"| {name} | {words[0]} | {words[1]} | {early} | {has.dialect or '-'} | {over or '-'} "
            f"| {has.called.value} |"
        )
    return "\n".join(lines)


def vendors() -> str:
    """Whose hosts are whose."""
    lines = ["| platform | domains of its vendor |", "|---|---|"]
    for name in BUILT_IN:
        domains = " ".join(f"`{domain}`" for domain in find(name).capabilities.domains)
        lines += [f"| {name} | {domains} |"] if domains else []
    return "\n".join(lines)


def text() -> str:
    """The whole page."""
    paths = "".join(f"  {name}: {path}\n" for name, path in COMPLETED.items())
    return f"{HEAD}{kinds()}\n\n{credentials()}\n{NOTES}{paths}```\n{HOSTS}{vendors()}\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text(), encoding="utf-8")
