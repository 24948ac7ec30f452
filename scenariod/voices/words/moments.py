"""Telephone numbers, dates, times and years in words.

Pure; every pattern is linear in its text. What has the form but cannot be (a 13th month) stays.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scenariod.voices.words import numbers

if TYPE_CHECKING:
    from collections.abc import Callable

_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December"]  # fmt: skip
_MONTH = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_HALF = r"(?P<half>[ap]\.?m\b\.?)"

_SET_PHRASES = {"24/7": "twenty-four seven", "24-7": "twenty-four seven",
                "24/7/365": "twenty-four seven, three sixty-five", "9/11": "nine eleven",
                "911": "nine one one", "9-1-1": "nine one one", "50/50": "fifty-fifty",
                "50-50": "fifty-fifty", "20/20": "twenty twenty", "401k": "four oh one K",
                "401(k)": "four oh one K", "007": "double oh seven"}  # fmt: skip
_SET_PHRASE = re.compile(
    r"(?<![\w$€£.,/#-])(?:" + "|".join(map(re.escape, _SET_PHRASES)) + r")(?![\w%/-]|[.,:]\d)", re.I
)
_PHONE = re.compile(
    r"(?<![\w$€£.,/-])(?:\+?1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[.-]\d{4}(?![\w-]|\.\d)"
    r"|(?<![\w$€£.,/-])1-8\d\d-(?=[A-Z])"
    r"|(?<![\w$€£.,/-])(?:555-\d{4}|\d{3}-0\d{3})(?![\w-]|\.\d)"
    r"|(?<!\w)\+\d{1,3}(?:[ -]\(?\d{1,5}\)?){2,5}(?![\w-])"
)
_DIGITS = re.compile(r"\d+")
_ISO_DATE = re.compile(r"(?<![\w/.-])(\d{4})-(\d\d)-(\d\d)(?![\w/-])")
_SLASHED_DATE = re.compile(r"(?<![\w/.$-])(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?![\w/-])")
_SHORT_DATE = re.compile(
    r"(?:(?<=\b[Oo]n )|(?<=\b[Bb]y )|(?<=\b[Ss]ince )|(?<=\b[Uu]ntil ))"
    r"(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])(?![\w/])"
)
_DAY_FIRST = re.compile(rf"(?<![\w.,$:/-])(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?{_MONTH}(?=\W|\Z)")
_MONTH_FIRST = re.compile(rf"\b{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?(?![\w%:/]|[.,]\d|-\d)")
_MONTH_YEAR = re.compile(rf"\b{_MONTH} (?=\d{{4}}\b)")
_TIME_RANGE = re.compile(
    r"(?:(?<=\d)|(?<=[ap]m)|(?<=[ap]\.m\.)) ?[–—-] ?"
    r"(?=\d{1,2}(?::\d\d)? ?[ap]\.?m\b|\d{1,2}:\d\d)",
    re.I,
)
_AFTER_BETWEEN = re.compile(r"between [\d:]{1,5} ?(?:[ap]\.?m\.?)?\Z", re.I)
_DAYS = {"Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday",
         "Sat": "Saturday", "Sun": "Sunday"}  # fmt: skip
_DAY = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:s|rs|rsday|sday|nesday|urday|day|r)?"
_DAY_RANGE = re.compile(rf"\b{_DAY} ?[–-] ?{_DAY}\b")
_TIME = re.compile(
    rf"(?<![\w:.$])(?P<hour>\d{{1,2}}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?!\d|:\d)"
    rf"(?: ?{_HALF})?",
    re.I,
)
_HOUR = re.compile(rf"(?<![\w:.$])(?P<hour>\d{{1,2}})(?P<minute>)(?P<second>) ?{_HALF}", re.I)
_RATIO = re.compile(r"(?<![\w:.])(\d{1,3}):(\d{1,3})(?![\w:])")
_DECADE = re.compile(r"(?<![\w.,$])'?((?:\d\d)?\d0|\d00|1000)'?s\b")
_SHORT_YEAR = re.compile(r"(?<!\w)'(\d\d)(?!\w)")
_YEAR = re.compile(r"(?<![\d.,$€£#])(?:1[1-9]|20)\d\d(?!\d|[.,:]\d)")


def spoken_moments(text: str) -> str:
    """Return `text` with its telephone numbers, dates, times, decades and years in words."""
    rules: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
        (_SET_PHRASE, lambda match: _SET_PHRASES[match[0].lower()]),
        (_PHONE, _phone),
        (_ISO_DATE, lambda match: _date(match, year=match[1], month=match[2], day=match[3])),
        (_SLASHED_DATE, _slashed_date),
        (_SHORT_DATE, lambda match: f"{_MONTHS[int(match[1]) - 1]} {_day(match[2])}"),
        (_DAY_FIRST, lambda match: f"{_the(match)}{_day(match[1])} of {_month(match)}"),
        (_MONTH_FIRST, lambda match: f"{_month(match)} {_day(match[2])}"),
        (_MONTH_YEAR, lambda match: f"{_month(match)} "),
        (_DAY_RANGE, lambda match: f"{_DAYS[match[1]]} to {_DAYS[match[2]]}"),
        (_TIME_RANGE, _time_range),
        (_TIME, _time),
        (_HOUR, _time),
        (_RATIO, lambda match: f"{numbers.cardinal(match[1])} to {numbers.cardinal(match[2])}"),
        (_DECADE, lambda match: numbers.decade(match[1])),
        (_SHORT_YEAR, lambda match: numbers.cardinal(match[1])),
    )
    for pattern, spoken in rules:
        text = pattern.sub(spoken, text)
    return text


def spoken_years(text: str) -> str:
    """Return `text` with its years in words: what is left of four digits, from 1100 to 2099."""
    return _YEAR.sub(lambda match: numbers.year(match[0]), text)


def _phone(match: re.Match[str]) -> str:
    groups = [_phone_group(group) for group in _DIGITS.findall(match[0])]
    plus = "plus " if match[0].startswith("+") else ""
    return plus + ", ".join(groups) + (" " if match[0].endswith("-") else "")


def _phone_group(digits: str) -> str:
    """Return three or four digits of a telephone number: "800" is "eight hundred"."""
    if len(digits) == 3 and digits.endswith("00") and digits[0] != "0":
        return numbers.cardinal(digits)
    return numbers.by_digit(digits)


def _date(match: re.Match[str], *, year: str, month: str, day: str) -> str:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return match[0]
    century = "" if len(year) == 4 else "20" if int(year) < 50 else "19"
    return f"{_MONTHS[int(month) - 1]} {_day(day)}, {numbers.year(century + year)}"


def _slashed_date(match: re.Match[str]) -> str:
    """Return a date as Americans write it, month first, unless that cannot be."""
    first, second, year = match.groups()
    month, day = (second, first) if int(first) > 12 else (first, second)
    return _date(match, year=year, month=month, day=day)


def _day(digits: str) -> str:
    return numbers.ordinal(digits.lstrip("0") or "0")


def _the(match: re.Match[str]) -> str:
    before = match.string[max(match.start() - 4, 0) : match.start()].lower()
    return "" if before == "the " else "the "


def _month(match: re.Match[str]) -> str:
    return next(month for month in _MONTHS if month.startswith(match["month"][:3]))


def _time_range(match: re.Match[str]) -> str:
    before = match.string[max(match.start() - 20, 0) : match.start()]
    return " and " if _AFTER_BETWEEN.search(before) else " to "


def _time(match: re.Match[str]) -> str:
    """Return a time of day as a clock is read: "4:05 pm" is "four oh five P M"."""
    hour, minute, second = match["hour"], match["minute"], match["second"]
    if int(hour) > 24:
        return match[0]
    words = [numbers.cardinal(hour.lstrip("0") or "0")]
    if minute and (minute != "00" or second):
        words.append(_minute(minute))
    if second:
        words.append(_minute(second))
    if match["half"]:
        words.append("A M" if match["half"][0] in "aA" else "P M")
    elif minute == "00" and not second:
        words = [_full_hour(int(hour), words[0])]
    return " ".join(words) + _rest(match)


def _minute(digits: str) -> str:
    return f"oh {numbers.cardinal(digits[1])}" if digits[0] == "0" else numbers.cardinal(digits)


def _full_hour(hour: int, words: str) -> str:
    if hour in (0, 24):
        return "midnight"
    return f"{words} o'clock" if hour <= 12 else f"{words} hundred"


def _rest(match: re.Match[str]) -> str:
    """Return a full stop where the point of "p.m." ends a sentence, too."""
    if not (match["half"] or "").endswith("."):
        return ""
    following = match.string[match.end() : match.end() + 4].lstrip(" \"'")
    return "." if not following or following[0].isupper() or following[0] == "\n" else ""
