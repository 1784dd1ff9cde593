"""Months as they begin in the languages whose dates are read, by number; case and endings do not matter."""

# ruff: noqa: RUF001 - Greek and Cyrillic are meant

from __future__ import annotations

from collections.abc import Mapping

from reconciler.inference.safety.digits import MARKS

THAI_YEARS = 543
"""How many years the Buddhist era is ahead."""

_BEGINNINGS = (
    "jan gen ene jän ian tammi jaan saus ocak oca stycz sty led siječ ion янв січ яну ιαν يناير ינואר जन ม.ค มกรา",
    "feb fév fev lut únor unor úno helmi veeb vasar şub velj chwef фев лют φεβ فبراير פברואר फर फ़र ก.พ กุมภา",
    "mar mär maa mrt már maalis märts marts kov břez brez ožuj mawr мар бер μαρ μάρ مارس מרץ מרס मार्च มี.ค มีนา",
    "apr avr abr ápr huhti baland nis kwi dub trav ebr апр квіт απρ أبريل ابريل אפריל अप्रैल เม.ย เมษา",
    "may mai mei mag maj máj maig touko geg mayıs kvě kvet svib май мая мај трав μαΐ μαι μάι مايو מאי मई พ.ค พฤษภา",
    "jun juin giu jún iun kesä juuni birž haz cze červn červen lip čer июн черв ιουν ιούν يونيو יוני जून มิ.ย มิถุนา",
    "jul juil lug júl iul heinä juuli liep tem lipc lipi červenc gorff июл лип ιουλ ιούλ يوليو יולי जुल ก.ค กรกฎา",
    "aug aoû aou ago elo rugp ağu agu sie sierp srpn kolo aws авг серп αυγ αύγ أغسطس اغسطس אוגוסט अग ส.ค สิงหา",
    "sep set szep syys rugs eyl wrz zář zar září ruj medi сен вер септ σεπ سبتمبر ספטמבר सित ก.ย กันยา",
    "oct okt ott out loka spal eki paź paz říj rij list hyd окт жов οκτ أكتوبر اكتوبر אוקטובר अक्टू ต.ค ตุลา",
    "nov noi marras lapkr kas lis listop stud tach ное ноя листоп νοε νοέ نوفمبر נובמבר नव พ.ย พฤศจิกา",
    "dec dez déc dic des joulu dets gruod ara gru pros rhag дек груд дец δεκ ديسمبر דצמבר दिस ธ.ค ธันวา",
)
_NUMBERS: Mapping[str, int] = {start: number for number, names in enumerate(_BEGINNINGS, 1) for start in names.split()}
_LONGEST = max(map(len, _NUMBERS))
_HEBREW_PREPOSITION = "ב"

_TAILS = (
    "aa|ag|ai|an|ar|ay|br|ct|eb|ec|ei|en|ep|et|ev|ez|go|ic|iu|kt|ne|ou|ov|oû|pr|rt|tt|ug|uil|uin|ul|un|ut|vr|är|éc|év"
)
FIRST = rf"[adefgjlmnos](?<![^\W_].)(?:{_TAILS})"
"""How those begin that may stand before the day; few, since a stream waits at each of them for what follows.

The first letter stands before what it must not follow, so that other letters are passed over fast.
"""

WORD = rf"(?:[^\W\d_]|[{MARKS}\u0e31-\u0e4e]|(?<=[\u0e01-\u0e31\u0e35\u0e34])\.(?=[\u0e01-\u0e2e])){{3,16}}+"
"""What could be the name of a month: letters with their marks, dots within Thai abbreviations."""


def month(name: str) -> int:
    """The number of the month that a word begins like; 0 for none."""
    lower = name.lower()
    for word in (lower, lower[1:]) if lower.startswith(_HEBREW_PREPOSITION) else (lower,):
        for size in range(min(len(word), _LONGEST), 1, -1):
            if found := _NUMBERS.get(word[:size]):
                return found
    return 0
