"""What is written but not said: stage directions, markdown, tags.

Pure; every pattern is linear in its text. Stage directions go first: to markdown, `*gasps*` is a
stressed word.
"""

from __future__ import annotations

import re

_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\((?:[^()\s]{0,2000})(?: \"[^\"\n]{0,200}\")?\)")
_SPOKEN_BRACKETS = re.compile(
    r"\[((?:REDACTED|DELETED|REMOVED|CENSORED|CLASSIFIED|EXPLETIVE|BLANK|NAME)(?![A-Za-z])"
    r"[\w ]{0,40}|[-+][^\[\]\n]{1,100}|minus [^\[\]\n]{1,100})\]",
    re.I,
)
_BRACKETS = re.compile(r"\[[^\[\]]{0,300}\]")
_STARRED = re.compile(r"(?<![*\w\\])\*(?![*\s])([^*\n]{1,200})(?<!\s)\*(?![*\w])")
_ASIDE = re.compile(r"\(([^()\n]{1,60})\)")
_FOLLOWS_SENTENCE = re.compile(r"(?:^|[.!?:;,\"”)\]*\n—-])\s*\Z")
_PRECEDES_SENTENCE = re.compile(r"\s*(?:\Z|\n|[A-Z\"“'*\[(↳#-])")
_SOUND = re.compile(
    r"(?:\w+ly )?(?:gasp|sigh|laugh|cough|giggle|chuckle|snort|sniff|sniffle|sob|cry|scream|groan"
    r"|yawn|wink|shrug|nod|smile|grin|frown|whisper|pause|bow|wave|cheer|applause|cricket|blush"
    r"|gulp|clap|eye ?roll|facepalm|mic drop|drum ?roll|record scratch|hug|beep|burp|hiccup)"
    r"(?:e?s|ing)?",
    re.I,
)
_ACTION = re.compile(
    r"(?:\w+ly )?(?!(?:this|his|is|was|has|does|always|yes|us|its|as|less|unless|perhaps"
    r"|(?:no|any|every|some)?thing|king|during|sometimes)\b)\w+(?:s|ing)\b",
    re.I,
)
_EMOTICON = re.compile(
    r"(?<![\w:])(?:[:;=8]['-]?[()DPpOo/\\|*]|<3+|</3|[xX]D+|\^_*\^|T_T|¯\\_\(.\)_/¯)(?![\w/])"
)

_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,300}>|<!--[^<>]{0,300}-->")
_ENTITIES = {"amp": "&", "lt": " less than ", "gt": " greater than ", "quot": '"', "apos": "'",
             "#39": "'", "nbsp": " ", "mdash": "—", "ndash": "–", "hellip": "..."}  # fmt: skip
_ENTITY = re.compile(r"&(" + "|".join(_ENTITIES) + ");")
_RULE = re.compile(r"^ {0,3}(?:[-*_=|:+] ?){3,200}$", re.M)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]++", re.M)
_BULLET = re.compile(r"^[ >]*(?:[-*>–—] +(?:\[[ xX]?\] )?)", re.M)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)\w{0,20}$", re.M)
_EMPHASIS = re.compile(r"(?<!\w)_{1,3}(?=\w)|(?<=[\w.,!?])_{1,3}(?!\w)|\*\*++|~~|`++")
_STRESS = re.compile(r"(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)")
_ESCAPE = re.compile(r"\\([*_#`\[\]()<>~|.!+-])")


def without_directions(text: str) -> str:
    """Return `text` without stage directions: `[sighs]`, `*adjusts glasses*`, `(laughs)`, `:-)`.

    A stressed word stays: `*really*`; so do the text of a link and `[REDACTED]`.
    """
    text = _LINK.sub(r"\1", _EMOTICON.sub(" ", text))
    text = _SPOKEN_BRACKETS.sub(lambda match: match[1].replace("_", " ").lower(), text)
    for _ in range(2):
        text = _BRACKETS.sub(" ", text)
    text = _STARRED.sub(_starred, text)
    return _ASIDE.sub(_aside, text)


def _starred(match: re.Match[str]) -> str:
    """Return the words between two stars where they are stressed; nothing where they are acted."""
    words = match[1]
    if _SOUND.fullmatch(words):
        return " "
    alone = _stands_alone(match)
    if " " in words:
        return " " if alone or _ACTION.match(words) else words
    return " " if alone and words[1:].islower() and _ACTION.fullmatch(words) else words


def _stands_alone(match: re.Match[str]) -> bool:
    """Return whether `match` is between sentences, not within one."""
    before = match.string[max(match.start() - 20, 0) : match.start()]
    after = match.string[match.end() : match.end() + 20]
    follows = not before.strip() or _FOLLOWS_SENTENCE.search(before)
    return bool(follows and _PRECEDES_SENTENCE.match(after))


def _aside(match: re.Match[str]) -> str:
    return " " if _SOUND.fullmatch(match[1].strip()) else match[0]


def without_markdown(text: str) -> str:
    """Return `text` without markdown, HTML tags and entities; what they mark stays."""
    text = _ESCAPE.sub(r"\1", text)
    text = _TAG.sub(" ", text)
    text = _ENTITY.sub(lambda match: _ENTITIES[match[1]], text)
    text = _FENCE.sub("", _RULE.sub("", text))
    text = _HEADING.sub("", text)
    text = _BULLET.sub("", text)
    return _STRESS.sub("", _EMPHASIS.sub("", text)).replace("|", ", ")
