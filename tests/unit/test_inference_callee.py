"""What a question is put to, and what a gateway's name for it means."""

from __future__ import annotations

import pytest

from reconciler.inference.callee import Callee, callee_of, meant
from reconciler.model.address import Address
from reconciler.model.capability import Called
from reconciler.model.resource import Resource

CHAT = Resource(Address("prod", "Endpoint", "chat"), {"model": "gpt-4o"})


@pytest.mark.parametrize(
    ("called", "remote_id", "name"),
    [(Called.BY_MODEL, None, "gpt-4o"), (Called.BY_NAME, None, "chat"), (Called.BY_NAME, "team/chat", "team/chat")],
)
def test_an_endpoint_is_called_as_its_gateway_knows_it(called: Called, remote_id: str | None, name: str) -> None:
    """A question with another name is a 404, or somebody else's answer."""
    resource = Resource(CHAT.address, CHAT.spec, remote_id=remote_id)
    assert callee_of(resource, "gpt-4o", called) == Callee(name, "gpt-4o")


@pytest.mark.parametrize(
    ("said", "model"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("chat", "gpt-4o"),
        ("nobody", "gpt-4o"),
        ("", "gpt-4o"),
    ],
)
def test_what_answered_is_the_closest_of_those_that_were_asked(said: str, model: str) -> None:
    """A dated name is the model's own, and a longer one of another model is not: prices differ tenfold."""
    assert meant(said, (Callee("chat", "gpt-4o"), Callee("small", "gpt-4o-mini"))).model == model
