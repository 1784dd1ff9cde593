"""How many tokens a text takes, without asking anyone.

The vocabularies ship inside the package `bpe-openai` (extra ``tokens``); nothing is downloaded. Other vendors' models
have other vocabularies, so that a count made here is always an estimate: a provider's own `usage` goes before it.

::

    model                                        vocabulary
    gpt-4o, gpt-4.1, gpt-4.5, gpt-5, o1, o3, o4  o200k_base
    any other                                    cl100k_base
    the extra is not installed                   none: a token for each `BYTES_PER_TOKEN` bytes
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache

from reconciler.inference.chat import Message, Usage
from reconciler.inference.defaults import MODEL, TOKENS_PER_MESSAGE

BYTES_PER_TOKEN = 4
LONGEST_PIECE = 50_000
"""Characters that are counted at once: what the library takes in one call, at four tokens a character."""

_NEWER = re.compile(r"(?:^|[/.:])(?:chatgpt-4o|gpt-(?:4o|4\.[1-9]|[5-9])|o[1-9])(?![a-z0-9])", re.IGNORECASE)

Count = Callable[[str], int]


def count_tokens(text: str, model: str = MODEL) -> int:
    """An estimate of the tokens of a text, whatever it holds; special marks such as ``<|endoftext|>`` are text."""
    count = _counter(vocabulary_of(model))
    return sum(count(text[at : at + LONGEST_PIECE]) for at in range(0, len(text), LONGEST_PIECE))


def count_messages(messages: Iterable[Message], model: str = MODEL) -> int:
    """An estimate for a whole conversation, with the marks around each message."""
    return sum(count_tokens(message.content, model) + TOKENS_PER_MESSAGE for message in messages)


def estimated_usage(messages: Iterable[Message], answer: str, model: str = MODEL) -> Usage:
    """The usage of a call whose provider did not say, marked as an estimate."""
    return Usage(count_messages(messages, model), count_tokens(answer, model), estimated=True)


def vocabulary_of(model: str) -> str:
    """The vocabulary that a model's tokens are counted by."""
    return "o200k_base" if _NEWER.search(model) else "cl100k_base"


def count_by_bytes(text: str) -> int:
    """The estimate without a vocabulary."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


@lru_cache(maxsize=2)
def _counter(vocabulary: str) -> Count:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it reads its files as Python 3.10 did
        try:
            import bpe_openai  # noqa: PLC0415 - an extra, and half a second to load
        except ImportError:
            return count_by_bytes
        encoding = bpe_openai.get_encoding(vocabulary)
    return lambda text: len(encoding.encode_ordinary(text))
