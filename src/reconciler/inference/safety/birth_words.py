"""Words that say that a date is one of birth, by language, and words that say that it is another's.

Each alternative begins with a letter of its own, so that they can be told apart by it: see `either`.
"""

# ruff: noqa: RUF001 - signs of other scripts are meant

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from reconciler.inference.safety.digits import HANGUL, MARKS, UNSPACED

_ANYWHERE = (
    "born",
    r"birth[\s_]?date|date of birth|date_of_birth(?! redacted)|dateofbirth",
    r"dob|d\.o\.b|d/o/b",
    r"geboren\w?|geburts(?:datum|tag\w{0,2}|dat)",
    r"geb\.?-?\s?dat(?:um)?",
    "geb|gebdat|gebdatum",
    "geboorte(?:datum|dag)?",
    "née?|né(?:e?)s",
    r"date de naissance|naissance|ddn|d\.d\.n",
    "nacid[oa]s?|nacido|nací|nació|nacimiento|fec(?:ha)?\\.? ?nac",
    "nac|nacim",
    r"f\. ?nac|f\.n",
    "nascid[oa]s?|nasci|nasceu|nascimento|nasc",
    r"d\.n|dn|data nasc",
    "nat[oa]|nati|nascita|nasce",
    "naixement|nascuda?|vaig néixer",
    "născut[aă]?|naşterii|nașterii|nasterii",
    r"urodz\w{0,6}|ur",
    "narozen\\w{0,3}|narození|naroden\\w{0,3}|nar",
    r"rođen\w{0,3}|rojen\w{0,3}|rojstva",
    r"född\w{0,2}|födelse(?:datum|dag)|fødd?t?|fødselsdato|fødselsdag|fæddur|fædd",
    "syntynyt|syntymäaika|syntymäpäivä|synt",
    r"született|születési|szül",
    "doğum|doğdu\\w{0,3}|doğumlu\\w{0,4}|dogum|d\\.tarihi",
    "sündinud|sünniaeg|sünnikuupäev",
    "dzim\\w{0,6}|gim(?:ęs|usi|imo)",
    r"рожден\w{0,3}|родил\w{0,3}|родив\w{0,2}|роден\w{0,3}|рођен\w{0,3}|род",
    r"г\.\s?р|д\.\s?р|народж\w{0,4}|народив\w{0,3}|народил\w{0,3}",
    r"γενν\w{0,8}|γέννησης|γεν",
    r"ميلاد|الميلاد|مولود|مواليد|ولد|ولدت|وُلد",
    r"לידה|נולד\w{0,2}",
    "जन्म[\u0900-\u097f]{0,8}|জন্ম|பிறந்த|పుట్టిన|જન્મ|ਜਨਮ",
    r"sinh|ngày sinh",
    "lahir|tgl lahir|kelahiran",
    "ipinanganak|kapanganakan",
    "متولد|تولد|پیدائش",
)
_BEFORE_ONLY = (
    r"birth|birthday|b-?day",
    "cumpleaños|anniversaire|compleanno|verjaardag|aniversário|urodzin\\w{0,2}|födelsedag\\w{0,2}",
)  # fmt: skip
_UNSPACED = (
    "生年月日|誕生日|出生日期|出生年月日|生日|生于|生於|出生|誕生|生まれ|うまれ|생년월일|생일|출생|태어|วันเกิด|เกิด"
)
_SHORT = r"(?:(?<![^\W_])(?:b|f|s|n\. ?il|n\. ?a)\.\s?|(?<=\()\*\s?|(?<=[^\s*] )\*\s?)"

_OTHER = (
    "certificat\\w{0,3}|issued|moved|appointment|died|joined|since|expires|expir\\w{0,5}|valid|due|party|ships|order\\w{0,3}|policy"
    "|visit\\w{0,3}|hired|married|signed|from|meeting|until"
    "|ausgestellt|ausgest|termin|gestorben|gest|seit|gültig|bestell\\w{0,4}|eingezogen|verheiratet|verstorben"
    "|rilasciat[oa]|scad\\w{0,4}|appuntamento|residente dal|rendez|délivrée?|depuis|décédée?"
    "|cita|expedid[oa]|emitid[oa]|alta|desde"
    "|consulta|desde|vence|wizyta|wydan[ey]|ważn[ye]|zm|zmarł\\w{0,2}|möte|flyttade|avliden|besök|död"
    "|утверждён|выдан\\w{0,2}|умер\\w{0,2}"
    "|sinds|overleden|afspraak|verhuisd|randevu|vefat"
)
_OTHER_UNSPACED = "予約|発行|契約|入社|死亡|预约|預約|签发|有效|入职|예약|발급|입사|사망|นัด"


def either(patterns: Iterable[str]) -> str:
    """One alternation, by first letter: at most places in a text, one look is enough."""
    tails: dict[str, list[str]] = defaultdict(list)
    for pattern in sorted(set(patterns), key=len, reverse=True):
        tails[pattern[0]].append(pattern[1:])
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in tails.items())


def _split(groups: Iterable[str]) -> list[str]:
    return [part for group in groups for part in _alternatives(group)]


def _alternatives(group: str) -> list[str]:
    """Split at bars outside of brackets."""
    parts, depth = [""], 0
    for sign in group:
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


_BEGIN = rf"(?<![^\W{UNSPACED}{HANGUL}])"
_END = rf"(?![^\W{UNSPACED}{HANGUL}]|[{MARKS}]|-[^\W\d_])"

BORN = re.compile(rf"{_BEGIN}(?:{either(_split([*_ANYWHERE, *_BEFORE_ONLY]))}){_END}|{_UNSPACED}")
"""Said beside a date of birth. To be looked for in lower case."""

BEFORE_ONLY = re.compile("|".join(_BEFORE_ONLY))
"""Said before a date of birth; after a date, it is a cake's."""

TIED = re.compile("生(?![活産徒年日命])|생(?![일년각활])")
"""Stands directly behind a date of birth."""

SHORT = re.compile(_SHORT + r"\Z")
"""So short that the date has to follow at once."""

OTHER = re.compile(rf"\b(?:{either(_split([_OTHER]))})\b|{_OTHER_UNSPACED}", re.IGNORECASE)
"""Between a word for a birth and a date: the date is another one."""
