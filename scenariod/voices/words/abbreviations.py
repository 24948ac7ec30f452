"""Words that are not said as they are written: abbreviations, slang, capitals, stretched letters.

Pure; every pattern is linear in its text.
"""

from __future__ import annotations

import re

from scenariod.voices.words import numbers

_TITLES = {
    "dr": "Doctor", "mr": "Mister", "mrs": "Missus", "ms": "Miz", "prof": "Professor",
    "st": "Saint", "gov": "Governor", "sen": "Senator", "rep": "Representative", "gen": "General",
    "lt": "Lieutenant", "sgt": "Sergeant", "capt": "Captain", "rev": "Reverend",
}  # fmt: skip
_TITLE = re.compile(
    r"\b(?i:(dr|mr|mrs|ms|prof|st|gov|sen|rep|gen|lt|sgt|capt|rev)\.|(dr|mr|mrs|ms)\b)"
    r"(?= ?[A-Z])"
)
_ABBREVIATIONS = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "etc": "et cetera",
    "vs.": "versus", "vs": "versus", "approx.": "approximately", "et al.": "and others",
    "jr.": "Junior", "sr.": "Senior", "inc.": "Incorporated", "corp.": "Corporation",
    "ltd.": "Limited", "dept.": "department", "govt.": "government",
    "a.k.a.": "also known as", "aka": "also known as",
    "w/o": "without", "w/": "with ", "b/c": "because", "tl;dr": "too long, didn't read",
    "c'mon": "come on", "ph.d.": "P H D", "phd": "P H D", "phds": "P H D's", "btw": "by the way",
    "tbh": "to be honest", "imo": "in my opinion", "imho": "in my humble opinion",
    "idk": "I don't know", "ngl": "not gonna lie", "smh": "shaking my head",
    "ikr": "I know, right", "afaik": "as far as I know", "iirc": "if I recall correctly",
    "fwiw": "for what it's worth", "irl": "in real life", "omg": "oh my god", "ppl": "people",
    "pls": "please", "plz": "please", "thx": "thanks", "fyi": "for your information",
    "lmk": "let me know", "nvm": "never mind", "ofc": "of course", "lmao": "L M A O",
    "lmfao": "L M F A O", "diy": "D I Y", "asap": "as soon as possible", "faq": "F A Q",
    "tldr": "too long, didn't read", "ok": "okay", "wifi": "Wi-Fi", "ama": "ask me anything",
    "at&t": "A T and T",
}  # fmt: skip
_ABBREVIATION = re.compile(
    r"(?<![\w./'])(?:"
    + "|".join(re.escape(word) for word in sorted(_ABBREVIATIONS, key=len, reverse=True))
    + r")(?![\w/])",
    re.I,
)
_LOWER_SLANG = {"bc": "because", "u": "you", "ur": "your", "rn": "right now", "jk": "just kidding",
                "ai": "A I", "dm": "D M", "dms": "D M's", "tv": "T V"}  # fmt: skip
_SLANG = re.compile(r"(?<![\w.'-])(?:" + "|".join(_LOWER_SLANG) + r")(?![\w'.-])")
_INITIALS = re.compile(r"(?<![\w.])((?:[A-Za-z]\.){2,8})(?P<last>[A-Z]\b)?")

_STRETCHED = re.compile(r"(?<!\w)[A-Za-z']{0,40}([A-Za-z])\1\1[A-Za-z']*", re.I)
_RUN = re.compile(r"([a-z])\1\1+", re.I)
_DOUBLED = frozenset(
    ["cool", "good", "too", "look", "soon", "food", "see", "free", "week", "need", "feel", "sleep",
     "all", "hell", "hello", "well", "kill", "tell", "will", "full", "still", "call", "off", "miss",
     "really", "hmm", "pfft", "mmm", "shh", "brr", "grr", "eww", "aww", "boo", "woo", "sweet",
     "agree", "oops", "yee", "wee", "cheers", "week", "dress", "boss", "fool", "school", "room",
     "whee", "grass", "pass", "class", "ball", "small", "yell", "bee", "tree", "psst", "egg", "add",
     "wrong"]
)  # fmt: skip

_ROMAN = {"I": "1", "II": "2", "III": "3", "IV": "4", "V": "5", "VI": "6", "VII": "7", "VIII": "8",
          "IX": "9", "X": "10", "XI": "11", "XII": "12", "XIII": "13", "XIV": "14"}  # fmt: skip
_NUMBERED = re.compile(
    r"\b(War|Part|Chapter|Volume|Act|Episode|Phase|Level|Type|Tier|Season|Book|Section|Stage)"
    r" (X?(?:I{1,3}|IV|VI{0,3}|IX)|X)\b(?!')"
    r"|\b(?!The\b|An\b|This\b|My\b|His\b|Her\b)([A-Z][a-z]{1,20}) (II|III|VI{1,3}|IX|XI{1,3}|IV)\b"
)
_UPPER = "A-ZÀ-ÖØ-Þ"
_CAPITALS = re.compile(
    rf"(?<!\w)(?<!\w')([{_UPPER}]{{2,}}+(?:'[{_UPPER}]{{1,2}}(?![\w]))?)('s|s)?(?!\w)"
)
_SHOUTED_ARTICLE = re.compile(rf"(?<=[^.!?\n] )A(?= [{_UPPER}]{{2}})")
_VOWEL = re.compile("[AEIOUYÀ-Þ]")
_ACRONYMS = frozenset(
    ["AAA", "ABC", "ACLU", "ADHD", "AFC", "AFK", "AGI", "AI", "AMA", "AOL", "API", "APR", "ASMR",
     "ATM", "AWS", "BFA", "BMI", "CEO", "CFO", "CIA", "CIO", "COO", "CPA", "CPU", "CSI", "CTO",
     "DEI", "DIY", "DMCA", "DOA", "DOJ", "DUI", "EFT", "EKG", "EMF", "EMP", "EMT", "EPA", "EQ",
     "ER", "ESL", "ESP", "ETA", "EU", "EV", "EVP", "FAA", "FAQ", "FBI", "FDA", "GIS", "GMO",
     "GPA", "GPU", "GUI", "HDPE", "HIV", "HOA", "HVAC", "IBM", "ICU", "ID", "IEP", "IG", "IMDB",
     "IMF", "IOU", "IP", "IPO", "IQ", "IRA", "IRS", "ISO", "ISP", "IT", "IV", "IVF", "KPI", "LA",
     "LAPD", "LED", "LGBTQIA", "LMAO", "LMFAO", "MBA", "MFA", "MIT", "MMA", "MMO", "MMORPG",
     "MRI", "NAACP", "NBA", "NDA", "NGO", "NIH", "NSA", "NY", "NYC", "NYPD", "OCD", "OCR", "OG",
     "OMG", "PE", "POC", "POV", "PPE", "PTA", "PTO", "QA", "ROI", "SEO", "SOS", "SUV", "TBA",
     "TSA", "UAE", "UBI", "UCLA", "UFO", "UI", "UK", "UN", "UPC", "UPS", "URL", "US", "USA",
     "USB", "USC", "USPS", "UV", "UX", "VIP"]
)  # fmt: skip
"""Those with a vowel; any without one is spelled."""
_SAID = {"II": "two", "III": "three", "VII": "seven", "VIII": "eight", "NOAA": "Noah",
         "HMM": "hmm", "SHH": "shh", "PFFT": "pfft", "PSST": "psst", "BRR": "brr",
         "GRR": "grr", "TSK": "tsk", "MMM": "mmm", "ZZZ": "", "NTH": "nth", "JPG": "jay peg",
         "JPEG": "jay peg", "MRS": "missus", "MR": "mister", "DR": "doctor"}  # fmt: skip
_COUNTRY = re.compile(r"\b(?:the|in|a|across|from|entire|every|of|to) \Z")
_TECHNICIANS = re.compile(
    r" (?:department|team|guys?|support|admins?|security|staff|director|manager|jobs?|help)\b"
)
_MOST_LETTERS = 6
"""A word without vowels that is longer is noise, not an acronym."""


def expanded(text: str) -> str:
    """Return `text` with abbreviations and slang in full."""
    text = _TITLE.sub(lambda match: _TITLES[(match[1] or match[2]).lower()], text)
    text = _ABBREVIATION.sub(_abbreviation, text)
    text = _INITIALS.sub(_initials, text)
    text = _SLANG.sub(lambda match: _LOWER_SLANG[match[0]], text)
    return _NUMBERED.sub(_numbered, text)


def _abbreviation(match: re.Match[str]) -> str:
    """Return what stands for an abbreviation, and the full stop that its point is, too."""
    word = _ABBREVIATIONS[match[0].lower()]
    words = word[0].upper() + word[1:] if _begins_sentence(match) else word
    return words + (_stop(match) if match[0].endswith(".") else "")


def _stop(match: re.Match[str]) -> str:
    """Return a full stop where an abbreviation ends its line."""
    following = match.string[match.end() : match.end() + 3].lstrip(" \"')")
    return "." if following[:1] in ("", "\n") else ""


def _initials(match: re.Match[str]) -> str:
    letters = match[1].replace(".", " ").strip().upper()
    return f"{letters} {match['last']}" if match["last"] else letters + _stop(match)


def _numbered(match: re.Match[str]) -> str:
    name, number = match[1] or match[3], match[2] or match[4]
    return f"{name} {numbers.cardinal(_ROMAN[number])}"


def unstretched(text: str) -> str:
    """Return `text` with stretched words as usual: "sooooo" is "so", "coooool" is "cool"."""
    return _STRETCHED.sub(_unstretched, text)


def _unstretched(match: re.Match[str]) -> str:
    word = match[0]
    if len(word) == 3 and word.isupper():
        return word
    doubled = _RUN.sub(r"\1\1", word)
    return doubled if doubled.lower() in _DOUBLED else _RUN.sub(r"\1", word)


def calmed(text: str) -> str:
    """Return `text` with acronyms spelled, letter by letter, and all other capitals lower-cased."""
    return _CAPITALS.sub(_calmed, _SHOUTED_ARTICLE.sub("a", text))


def _calmed(match: re.Match[str]) -> str:
    word, ending = match[1], match[2] or ""
    if word in _SAID:
        return _SAID[word] + ending
    if _is_spelled(match):
        return " ".join(word) + (ending and "'s")
    lower = word.lower()
    return (lower.capitalize() if _begins_sentence(match) else lower) + ending


def _is_spelled(match: re.Match[str]) -> bool:
    """Return whether a word in capitals is said letter by letter."""
    word = match[1]
    if word == "US":
        return _COUNTRY.search(match.string, max(match.start() - 8, 0), match.start()) is not None
    if word == "IT":
        return _TECHNICIANS.match(match.string, match.end()) is not None
    return word in _ACRONYMS or (len(word) <= _MOST_LETTERS and not _VOWEL.search(word))


def _begins_sentence(match: re.Match[str]) -> bool:
    before = match.string[max(match.start() - 4, 0) : match.start()]
    before = before.rstrip(" \"'")
    return not before or before[-1] in ".!?\n"
