"""Extensions of telephone numbers: the words that people put before them, and where they end."""

from __future__ import annotations

import re

from reconciler.inference.safety.digits import BLANKS

_WORDS = (
    r"e?xt(?:ensi[oó]n|n)?", "x",  # English, Spanish
    r"anexo|int(?:erno|erne)?|poste",  # Spanish, Italian, French
    "ramal|linha",  # Portuguese
    r"durchwahl|dw|nebenstelle|nst|apparat|app",  # German
    r"toestel|tst|doorkies",  # Dutch
    r"wew(?:n(?:ętrzny)?)?|w(?=\.)",  # Polish
    r"ankn(?:ytning)?|lok(?:al(?:nummer)?|nr)?|alanumero|alanro",  # Swedish, Danish, Finnish
    "klapka|linka|mellék",  # Czech, Hungarian
    r"доб(?:авочный)?|вн(?:утр)?|εσωτ(?:ερικό)?|dahili",  # Russian, Greek, Turkish
    r"内線(?:番号)?|分机号?|分機|转|轉|내선|ต่อ|शाखा|تحويلة|שלוחה",
)  # fmt: skip
"""Beginnings of extensions, by language; phonenumbers names a few of them as preferred in their regions."""

_MARK = rf"[{BLANKS}]?(?:{'|'.join(_WORDS)})(?:\.|:|\s(?:no|nr)\.?)?[{BLANKS}]?-?#?"
SUFFIX = rf"(?:[{BLANKS},;]{{0,2}}(?:\({_MARK}\d{{1,5}}\)|{_MARK}\d{{1,5}})|#\d{{1,5}})?"
"""An extension, or nothing; to be followed by no digit."""

EXTENSION = re.compile(rf"[{BLANKS},;]{{0,2}}\(?{_MARK}\d{{1,5}}\)?\Z|#\d{{1,5}}\Z", re.IGNORECASE)
"""An extension at the end of a number."""
