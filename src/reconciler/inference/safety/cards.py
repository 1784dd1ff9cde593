"""Payment cards: a number that an issuer could have given out, in a layout that cards are written in.

::

    digits                                  layout                                   a card
    Luhn fails or no issuer's prefix        any                                      no
    13 to 19 in one group                   not the fraction of a decimal            yes
    groups within a longer chain            4-4-4-4, 4-6-5, 4-6-4, 4-4-4-4-3, …      yes
    13 to 19 in the chain as a whole        any, and no letter on either side        yes
    any of these                            letters or groups tie it to more         no

The prefix tells a card from a timestamp or a parcel number, of which one in ten passes Luhn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reconciler.inference.safety.digits import GAP, LETTER, ascii_digits, narrow
from reconciler.inference.safety.spans import Span

NAME = "credit-card"
FEWEST, MOST = 13, 19

_LAYOUTS = {  # by the digits of the first group, longest first
    4: ([4, 4, 4, 4, 3], [4, 4, 4, 4, 2], [4, 4, 4, 4, 1], [4, 4, 4, 4], [4, 6, 5], [4, 5, 6], [4, 6, 4]),
    6: ([6, 13], [6, 10]),
}
_ISSUERS = (  # prefixes as ranges of the first four digits, with the lengths that are given out
    (1800, 1800, (15,)),  # JCB, old
    (2131, 2131, (15,)),
    (2200, 2204, range(16, 20)),  # Mir
    (2205, 2205, (16,)),  # PayPak
    (2221, 2720, (16,)),  # Mastercard
    (3000, 3059, range(14, 20)),  # Diners Club
    (3095, 3095, range(14, 20)),
    (3400, 3499, (15,)),  # American Express
    (3528, 3589, range(16, 20)),  # JCB
    (3600, 3699, range(14, 20)),  # Diners Club
    (3700, 3799, (15,)),  # American Express
    (3800, 3999, range(14, 20)),  # Diners Club
    (4000, 4999, (13, 16, 18, 19)),  # Visa
    (5000, 5017, range(16, 20)),  # Maestro
    (5018, 5020, range(13, 20)),
    (5021, 5037, range(16, 20)),
    (5038, 5038, range(13, 20)),
    (5039, 5099, range(16, 20)),  # Maestro, Elo, Verve, RuPay
    (5100, 5599, (16,)),  # Mastercard
    (5600, 5899, range(13, 20)),  # Maestro
    (6011, 6011, range(16, 20)),  # Discover
    (6040, 6099, range(16, 20)),  # RuPay, Hipercard
    (6200, 6299, range(16, 20)),  # UnionPay
    (6304, 6304, range(13, 20)),  # Maestro
    (6331, 6334, range(16, 20)),  # Maestro
    (6360, 6399, range(16, 20)),  # Elo, Hipercard, Verve, InstaPayment, Maestro
    (6440, 6599, range(16, 20)),  # Discover, Elo, RuPay, Troy
    (6700, 6758, range(16, 20)),  # Maestro, Bancontact
    (6759, 6763, range(13, 20)),
    (6764, 6799, range(16, 20)),
    (8100, 8299, range(16, 20)),  # UnionPay, RuPay
    (8600, 8600, (16,)),  # Uzcard
    (9112, 9112, (16,)),  # Belkart
    (9704, 9704, (16, 19)),  # Napas
    (9792, 9792, (16,)),  # Troy
    (9860, 9860, (16,)),  # Humo
)
_LENGTHS = {
    f"{prefix:04}": frozenset(lengths) for first, last, lengths in _ISSUERS for prefix in range(first, last + 1)
}
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")
_ZERO = ord("0")

_CHAIN = re.compile(rf"(?<!\d)\d(?:{GAP}{{0,2}}+\d){{{FEWEST - 1},}}+")
_GROUP = re.compile(r"\d+")
_LETTER_BEFORE = re.compile(rf"{LETTER}-?\Z")
_LETTER_AFTER = re.compile(rf"-?{LETTER}")
_TIED_BEFORE = re.compile(rf"(?:(?<![^\W_])(?:{LETTER}){{1,3}}|[A-Z])-?\Z|\d[-.]\Z")
_TIED_AFTER = re.compile(rf"-?(?:[A-Z]|{LETTER}\d)|-{LETTER}(?![^\W\d_])|\.\d|-(?!\d{{3,4}}(?!\d))\d")
_SAYS_CARD = re.compile(
    r"(?:visa|cards?|master|maestro|amex|jcb|mir|elo|troy|rupay|pan|cc|mc|n[or]|kart[aey]|carte|carta|cart[aã]o|tarjeta)-?\Z",
    re.IGNORECASE,
)
CONTEXT = 12

Offsets = tuple[int, int]


class CardDetector:
    """Implements Detector for payment cards."""

    name = NAME

    def find(self, text: str) -> Sequence[Span]:
        """Every card number, with its separators."""
        plain = narrow(text)
        return [span for chain in _CHAIN.finditer(plain) for span in _in_chain(plain, chain)]


def _in_chain(text: str, chain: re.Match[str]) -> Iterator[Span]:
    groups = [found.span() for found in _GROUP.finditer(text, chain.start(), chain.end())]
    if _is_card_as_a_whole(text, groups):
        yield Span(chain.start(), chain.end(), NAME)
        return
    lengths = [end - start for start, end in groups]
    free = 0
    for at, (start, _) in enumerate(groups):
        count = _card_at(text, groups, lengths, at) if at >= free else 0
        if count and not _is_part(text, groups, lengths, range(free, at), at + count):
            free = at + count
            yield Span(start, groups[free - 1][1], NAME)


def _is_card_as_a_whole(text: str, groups: Sequence[Offsets]) -> bool:
    """Digits in odd groups, as long as they stand alone: inside of an identifier, they are chance."""
    start, end = groups[0][0], groups[-1][1]
    if not 1 < len(groups) <= MOST:
        return False
    if _LETTER_BEFORE.search(text[max(0, start - 2) : start]) or _LETTER_AFTER.match(text[end : end + 2]):
        return False
    return could_be_issued(_number(text, groups)) and not _is_fraction(text, groups[-1][0])


def _card_at(text: str, groups: Sequence[Offsets], lengths: Sequence[int], at: int) -> int:
    """How many groups from `at` on make a card; 0 for none."""
    if lengths[at] >= FEWEST:
        return int(could_be_issued(_number(text, groups[at : at + 1])) and not _is_fraction(text, groups[at][0]))
    for layout in _LAYOUTS.get(lengths[at], ()):
        count = len(layout)
        if lengths[at : at + count] == layout and could_be_issued(_number(text, groups[at : at + count])):
            return count
    return 0


def _is_part(text: str, groups: Sequence[Offsets], lengths: Sequence[int], before: range, stop: int) -> bool:
    """Whether letters or further groups tie a card's digits to something longer; `before` are groups of no card."""
    start, end = groups[before.stop][0], groups[stop - 1][1]
    said = text[max(0, start - CONTEXT) : start]
    if before and not before.start and _LETTER_BEFORE.search(text[max(0, groups[0][0] - 2) : groups[0][0]]):
        return True
    if _TIED_AFTER.match(text[end : end + 6]) and not (stop < len(groups) and _card_at(text, groups, lengths, stop)):
        return True
    if (before or not said[-2:-1].isdecimal()) and _TIED_BEFORE.search(said) and not _SAYS_CARD.search(said):
        return True
    beside = [*lengths[max(before.start, before.stop - 2) : before.stop], *_not_of_a_card(text, groups, lengths, stop)]
    return beside.count(4) > 1


def _not_of_a_card(text: str, groups: Sequence[Offsets], lengths: Sequence[int], stop: int) -> Sequence[int]:
    """The lengths of the next two groups, unless another card begins there."""
    if stop == len(lengths) or _card_at(text, groups, lengths, stop):
        return ()
    return lengths[stop : stop + 2]


def _number(text: str, groups: Sequence[Offsets]) -> str:
    return ascii_digits("".join([text[start:end] for start, end in groups]))


def _is_fraction(text: str, start: int) -> bool:
    """0.4111111111111111 is a ratio: what follows a dot is too long for a card's group."""
    return text[start - 1 : start] == "." and text[max(0, start - 2) : start - 1].isdecimal() and _is_long(text, start)


def _is_long(text: str, start: int) -> bool:
    return text[start : start + FEWEST].isdecimal()


def could_be_issued(number: str) -> bool:
    """Whether a number in ASCII digits has an issuer's prefix, a length that it gives out, and its check digit."""
    return len(number) in _LENGTHS.get(number[:4], ()) and passes_luhn(number)


def passes_luhn(number: str) -> bool:
    """Whether the check digit of a number in ASCII digits is right."""
    digits = number.encode("ascii")
    total = sum(digits[-1::-2]) + sum(digits[-2::-2].translate(_DOUBLED)) - _ZERO * len(digits)
    return total % 10 == 0
