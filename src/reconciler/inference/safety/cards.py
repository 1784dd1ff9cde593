"""Payment cards: a number that an issuer could have given out, in a layout that cards are written in.

::

    digits                                  layout                                   a card
    Luhn fails or no issuer's prefix        any                                      no
    13 to 19 in one group                   not the fraction of a decimal            yes
    groups within a longer chain            4-4-4-4, 4-6-5, 4-6-4, 4-4-4-4-3, …      yes
    13 to 19 in the chain as a whole        any, and no letter on either side        yes

The prefix tells a card from a timestamp or a parcel number, of which one in ten passes Luhn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reconciler.inference.safety.digits import Group, chains, is_beside
from reconciler.inference.safety.spans import Span

NAME = "credit-card"
FEWEST, MOST = 13, 19
LAYOUTS = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (6, 10), (6, 13), (4, 5, 6)})

_ISSUERS = (  # prefixes as ranges of the first four digits, with the lengths that are given out
    (2200, 2204, range(16, 20)),  # Mir
    (2221, 2720, (16,)),  # Mastercard
    (3000, 3059, range(14, 20)),  # Diners Club
    (3095, 3095, range(14, 20)),
    (3400, 3499, (15,)),  # American Express
    (3528, 3589, range(16, 20)),  # JCB
    (3600, 3699, range(14, 20)),  # Diners Club
    (3700, 3799, (15,)),  # American Express
    (3800, 3999, range(14, 20)),  # Diners Club
    (4000, 4999, (13, 16, 18, 19)),  # Visa
    (5018, 5020, range(13, 20)),  # Maestro
    (5038, 5038, range(13, 20)),
    (5060, 5090, range(16, 20)),  # Verve, Elo, RuPay
    (5100, 5599, (16,)),  # Mastercard
    (5600, 5899, range(13, 20)),  # Maestro
    (6011, 6011, range(16, 20)),  # Discover
    (6040, 6099, range(16, 20)),  # RuPay, Hipercard
    (6200, 6299, range(16, 20)),  # UnionPay
    (6304, 6304, range(13, 20)),  # Maestro
    (6440, 6599, range(16, 20)),  # Discover, Elo, RuPay
    (6759, 6763, range(13, 20)),  # Maestro
    (8100, 8299, range(16, 20)),  # UnionPay, RuPay
    (9792, 9792, (16,)),  # Troy
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")


class CardDetector:
    """Implements Detector for payment cards."""

    name = NAME

    def find(self, text: str) -> Sequence[Span]:
        """Every card number, with its separators."""
        return [span for chain in chains(text) for span in _in_chain(text, chain)]


def _in_chain(text: str, chain: Sequence[Group]) -> Iterator[Span]:
    at = 0
    while at < len(chain):
        count = _card_at(text, chain, at)
        if count:
            yield Span(chain[at].start, chain[at + count - 1].end, NAME)
        at += count or 1


def _card_at(text: str, chain: Sequence[Group], at: int) -> int:
    """How many groups from `at` on make a card; 0 for none."""
    if FEWEST <= len(chain[at].text) <= MOST:
        return int(_could_be_issued(chain[at].text) and not _is_fraction(text, chain[at]))
    whole = len(chain) if at == 0 and len(chain) <= MOST and not _touches_letters(text, chain) else 0
    for count in sorted({5, 4, 3, 2, whole} - {0, 1}, reverse=True):
        groups = chain[at : at + count]
        if len(groups) < count or (count != whole and tuple(len(group.text) for group in groups) not in LAYOUTS):
            continue
        if _could_be_issued("".join(group.text for group in groups)):
            return count
    return 0


def _is_fraction(text: str, group: Group) -> bool:
    """0.4111111111111111 is a ratio."""
    dot = group.start - 1
    return is_beside(text, dot, re.compile(r"[.]")) and is_beside(text, dot - 1, _DIGIT)


def _touches_letters(text: str, chain: Sequence[Group]) -> bool:
    """Inside of an identifier such as a UUID, groups of digits are chance."""
    before = text[max(0, chain[0].start - 2) : chain[0].start]
    after = text[chain[-1].end : chain[-1].end + 2]
    return bool(re.search(r"[^\W\d_]-?$", before) or re.match(r"-?[^\W\d_]", after))


def _could_be_issued(number: str) -> bool:
    return FEWEST <= len(number) <= MOST and _has_issuer(number) and passes_luhn(number)


def _has_issuer(number: str) -> bool:
    prefix = int(number[:4])
    return any(first <= prefix <= last and len(number) in lengths for first, last, lengths in _ISSUERS)


def passes_luhn(number: str) -> bool:
    """Whether the check digit of a number in ASCII digits is right."""
    digits = [int(sign) for sign in reversed(number)]
    return (sum(digits[::2]) + sum(_DOUBLED[digit] for digit in digits[1::2])) % 10 == 0
