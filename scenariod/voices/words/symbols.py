"""Every character as one that can be spoken: emoji and controls go, signs become words or ASCII.

Pure. Decides by the character alone; what signs mean together is for the other modules.
"""

from __future__ import annotations

import re
import unicodedata

EMOJI = "\x1f"
"""Stands where emoji were, until it is clear whether they ended a sentence."""

_SIGNS = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "`", "´": "'", "ʼ": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "″": '"',
    "‐": "-", "‑": "-", "‒": "-", "–": "–", "—": "—", "―": "—", "−": "-", "⸺": "—",
    "…": "...", "‼": "!", "⁉": "?", "⁈": "?", "⁇": "?", "¿": "", "¡": "", "⁄": "/", "∕": "/",
    "•": "\n", "‣": "\n", "·": " ", "●": "\n", "▪": "\n", "■": "\n", "↳": " ", "¦": "|",
    "=": "=", "≠": " does not equal ", "≈": " about ", "≥": " at least ", "≤": " at most ",
    "×": "×", "÷": " divided by ", "±": " plus or minus ", "√": " the square root of ",
    "∞": " infinity ", "π": " pi ", "Δ": " delta ", "∑": " the sum of ", "µ": "µ", "μ": "µ",
    "∈": " in ", "∴": " therefore ", "∂": " partial ", "¬": " not ", "∀": " for all ",
    "²": " squared ", "³": " cubed ", "°": "°", "º": "°", "℃": "°C", "℉": "°F", "№": "#",
    "→": ", ", "⇒": ", ", "⟶": ", ", "➔": ", ", "➡": ", ", "←": ", ", "↔": ", ",
    "¢": "¢", "€": "€", "£": "£", "¥": "¥", "₹": "₹", "₿": "₿", "‰": " per mille ",
    "§": " section ", "¶": "\n", "†": "", "‡": "", "™": "", "®": "", "©": "", "℠": "", "ℹ": "",
    "ª": "", "⟨": "(", "⟩": ")", "【": "[", "】": "]", "「": '"', "」": '"', "⭐": EMOJI,
    "\u2028": "\n", "\u2029": "\n", "\x85": "\n", "\v": "\n", "\f": "\n", "\r": "\n", "\t": " ",
}  # fmt: skip
_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Lm", "Me", "Sk"})
_MARKED = re.compile(r"([A-Za-z])([\u0300-\u036f])[\u0300-\u036f]*+")
_MARKS = re.compile(r"[\u0300-\u036f\ufe00-\ufe0f]++")
_BEFORE_SENTENCE = re.compile(rf"(?<=[^\W_])(?<!\bI) ?{EMOJI}[{EMOJI} ]*+(?=[\"']?[A-Z][a-z' ])")
_SPACES = re.compile(r"  +")
_ABOUT = re.compile(r"~ ?(?=[$€£¥-]{0,2}\d)")

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.I), spoken)
    for pattern, spoken in (
        (r"\band/or\b", "and or"),
        (r"(?<=\bhe)/(?=she\b)|(?<=\bhis)/(?=her)|(?<=\bhim)/(?=her\b)", " or "),
        (r"(?<=\bshe)/(?=he\b)|(?<=\bher)/(?=his\b|him\b)|(?<=\byes)/(?=no\b)", " or "),
        (r"(?<=\w) ?/ ?(?=\w)", ", "),
        (r" ?& ?", " and "),
        (r"-{1,4}>|={1,4}>|<-{1,4}", ", "),
        (r"--+|—+", "—"),
        (r">=", " at least "),
        (r"<=", " at most "),
        (r"!=", " does not equal "),
        (r"=+(?=.)", " equals "),
        (r"(?<=\w)>(?=\w)|(?<=[\w)\"'] )>(?= [\w(\"'])", " greater than "),
        (r"(?<=\w)<(?=[\w.])|(?<=[\w)\"'] )<(?= [\w(\"'])", " less than "),
        (r"(?<=\w)\^(?=\w)", " to the power of "),
        (r"°", " degrees "),
        (r"%", " percent "),
        (r"(?<=\b[A-F])-(?=[\s.,;!?)]|\Z)", " minus"),
        (r"\+", " plus "),
        (r"(?<=[a-z])\((e?s)\)", r"\1"),
        (r"—(?=[\s\"']*(?:\n|\Z))|—(?=\"| ?[A-Z][a-z']{0,30}:)", "..."),
        (r"^[ \t]*[–—-]++", ""),
        (r" ?— ?| [–-]{1,4}(?=\s|\Z)|(?<=\s)[–-] ", ", "),
        (r"–", "-"),
        (r"[()]", ", "),
    )
)


def spoken_signs(text: str) -> str:
    """Return `text` with the signs between its words as words or pauses."""
    for pattern, spoken in _RULES:
        text = pattern.sub(spoken, text)
    return text


def plain_characters(text: str) -> str:
    """Return `text` with its letters, ASCII digits and signs, and a few others that have a meaning.

    Emoji go; where they parted two sentences, a full stop does so now.
    """
    text = text.replace("\r\n", "\n").replace("-∞", "minus ∞ ")
    text = _MARKS.sub("", _MARKED.sub(_composed, text))
    table = {ord(char): _plain(char) for char in set(text) if not " " <= char <= "~"}
    text = text.translate(table)
    text = _BEFORE_SENTENCE.sub(". ", text).replace(EMOJI, " ")
    return _ABOUT.sub("about ", _SPACES.sub(" ", text))


def _composed(match: re.Match[str]) -> str:
    """Return a letter and its first accent as one character."""
    return unicodedata.normalize("NFC", match[1] + match[2])


def _plain(char: str) -> str:
    """Return what one character, which is not printable ASCII, becomes."""
    if char in _SIGNS:
        return _SIGNS[char]
    if char in "\n":
        return char
    category = unicodedata.category(char)
    if category in _DROPPED_CATEGORIES:
        return ""
    if category == "So":
        return EMOJI
    if category == "Nd":
        return str(unicodedata.digit(char))
    if category[0] == "Z":
        return " "
    if category[0] in "LM" and not _is_styled(char):
        return char
    return _compatible(char)


def _is_styled(char: str) -> bool:
    """Return whether `char` is a bold, wide or otherwise dressed form of a plain letter."""
    return unicodedata.decomposition(char).startswith("<")


def _compatible(char: str) -> str:
    """Return the plain form of a fraction, an index, a dressed letter; "" where it has none."""
    plain = unicodedata.normalize("NFKC", char).replace("⁄", "/")
    if plain == char or not plain.isprintable():
        return " "
    return f" {plain} " if "/" in plain else plain
