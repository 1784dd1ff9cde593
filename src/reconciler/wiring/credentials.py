"""Secrets of gateways: fetched, checked, and turned into what authorizes a request."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler import platforms, secrets
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Position
from reconciler.model.ports import Vault
from reconciler.model.resource import Bearer, Gateway, OAuth, credential_refs
from reconciler.model.secret import SecretRef, is_header_text
from reconciler.settings import Settings
from reconciler.wiring.destinations import token_url
from reconciler.wiring.findings import finding, require

if TYPE_CHECKING:
    from reconciler.transport import Credential


def vault_of(settings: Settings, desired: Desired, environ: Mapping[str, str] = os.environ) -> Vault:
    """The vault of a run: fingerprints are keyed by the settings, or by each gateway's own credential."""
    roots = {name: _root_secret(gateway) for name, gateway in desired.gateways.items()}
    # What was recorded under an earlier name was fingerprinted with a key of that name.
    roots |= {one.moved_from: _root_secret(one) for one in desired.gateways.values() if one.moved_from is not None}
    return secrets.open_vault(
        settings.secret_rules,
        environ,
        key=settings.fingerprint_key,
        roots=roots,
        key_file=settings.directory / "fingerprint.key",
    )


def _root_secret(gateway: Gateway) -> SecretRef | None:
    """The credential that a gateway's fingerprint key is derived from."""
    match gateway.auth:
        case OAuth(client_secret=ref):
            return ref
        case Bearer(token=ref):
            return ref
        case None:
            return None
        case header:
            return header.value


async def prepare_credentials(vault: Vault, desired: Desired) -> None:
    """Fetch what the gateways themselves need. Raises InputError at the line of one that is missing or unfit."""
    places = {
        ref: (gateway, path)
        for gateway in desired.gateways.values()
        for path, ref in credential_refs(gateway.auth).items()
    }
    failed = await vault.prepare(tuple(places))
    require([_placed(found, places.get(ref)) for ref, found in failed.items()])
    headers = {ref: place for ref, place in places.items() if not isinstance(place[0].auth, OAuth)}
    require([_no_header(*place) for ref, place in headers.items() if not is_header_text(vault.reveal(ref).reveal())])


def _no_header(gateway: Gateway, path: str) -> Diagnostic:
    detail = (
        "the value holds a line break, blanks at its ends or other characters that no HTTP header can carry. "
        "Look at what stands there: often it is a file with more than the secret."
    )
    return finding("WIRING005", "a credential that cannot be sent", detail, gateway, path)


def _placed(found: Diagnostic, place: tuple[Gateway, str] | None) -> Diagnostic:
    """A finding at its line; what no gateway asked for is the key that the settings name."""
    if place is not None:
        return replace(found, position=_position(*place))
    return replace(found, detail=f"the settings' secrets.fingerprintKey: {found.detail}")


def _position(gateway: Gateway, path: str) -> Position:
    return gateway.source.position(path)


def credential_of(
    gateway: Gateway, known: platforms.OpenablePlatform, base_url: str, vault: Vault
) -> Credential | None:
    """What authorizes a gateway's requests; None where its manifest names nothing."""
    from reconciler import transport  # noqa: PLC0415 - see above

    match gateway.auth:
        case OAuth() as oauth:
            return transport.OAuthCredential(
                token_url=token_url(gateway, oauth, known, base_url),
                client_id=vault.reveal(oauth.client_id),
                client_secret=vault.reveal(oauth.client_secret),
                scopes=oauth.scopes or known.capabilities.scopes,
                client_auth=oauth.client_auth,
                early_seconds=known.capabilities.token_early_seconds,
            )
        case Bearer(token=ref):
            return transport.BearerCredential(vault.reveal(ref))
        case None:
            return None
        case header:
            return transport.HeaderCredential(header.name, vault.reveal(header.value))
