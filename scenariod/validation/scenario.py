"""The scenario model: what is valid, and why not, in one sentence a wrong field.

The boundary between what people drop and the rest. Only the worker imports it, never the
supervisor. Never changes a scenario, never coerces a value.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from typing import Annotated, Any, NoReturn

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from scenariod.validation.document import canonical, mistakes, places, reader
from scenariod.validation.document.wording import (
    FieldProblem,
    Steps,
    cut,
    field_name,
    kind,
    named,
    shown,
    unusual,
)
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import Accepted, Rejected, Verdict, stored_title

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_ANSWERS = ("logic", "emotion", "balanced", "agenda")
_HIGHEST_SCORE = 100


def judge(content: bytes, *, name: str) -> Verdict:
    """Return the verdict on the file `name` that holds `content`; never raises but MemoryError."""
    sha256 = hashlib.sha256(content).hexdigest()
    read = reader.read(content)
    if isinstance(read, Problem):
        return Rejected(name, len(content), sha256, (read,))
    problems = places.problems(read, faults(read.members))
    scenario_id = read.members.get("id")
    if problems:
        known = isinstance(scenario_id, str) and _ID.fullmatch(scenario_id) is not None
        return Rejected(name, len(content), sha256, problems, scenario_id if known else None)
    return Accepted(
        name=name,
        size_bytes=len(content),
        sha256=sha256,
        content_sha256=canonical.content_sha256(read.members),
        scenario_id=read.members["id"],
        title=stored_title(read.members["title"]),
        correct_answer=read.members["correctAnswer"],
    )


def faults(members: dict[str, Any]) -> list[FieldProblem]:
    """Return what keeps `members` from being a scenario: one fault a wrong or missing field."""
    try:
        Scenario.model_validate(members)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return _of_another_shape(members) or [_fault(each, members) for each in found]
    return []


def _of_another_shape(members: dict[str, Any]) -> list[FieldProblem]:
    """Return what is wrong with an object that is not a scenario, or that wraps one."""
    scenarios = members.get("scenarios")
    if isinstance(scenarios, list) and "correctAnswer" not in members:
        message = mistakes.many_scenarios(len(scenarios))
        return [FieldProblem(Reason.MANY_SCENARIOS, message, ("scenarios",))]
    if "id" in members:
        return []
    if "scenarios" in members:
        message = f"scenarios must be a list, not {kind(scenarios)}"
        return [FieldProblem(Reason.WRONG_TYPE, message, ("scenarios",))]
    for key, value in members.items():
        if isinstance(value, dict) and value.keys() >= {"id", "title"}:
            message = f"id is missing; {shown(key)} holds a scenario: make that object the file"
            return [FieldProblem(Reason.MISSING_FIELD, message, ("id",), at=(key,))]
    return []


# Each check stops at the first fault of its field: a list with a million wrong entries must not
# become a million errors. That is why no union and no typed list is left to pydantic.


def _refuse(code: Reason, message: str, at: Steps = ()) -> NoReturn:
    raise PydanticCustomError(code.value, "{message}", {"message": message, "at": at})


def _expect(value: Any, *kinds: type, at: Steps = ()) -> Any:
    if not isinstance(value, kinds):
        expected = " or ".join(kind(expected()) for expected in kinds)
        _refuse(Reason.WRONG_TYPE, f"must be {expected}, not {kind(value)}", at)
    return value


def _unless_null(value: Any, *kinds: type, at: Steps = ()) -> Any:
    return value if value is None else _expect(value, *kinds, at=at)


def _line(value: Any) -> Any:
    if not _expect(value, str).strip():
        _refuse(Reason.WRONG_VALUE, "must not be blank")
    return value


def _id(value: Any) -> Any:
    if _ID.fullmatch(_expect(value, str)) is None:
        rule = "must be 1 to 128 letters, digits or . _ - and begin with a letter or digit"
        _refuse(Reason.WRONG_VALUE, f"{rule}, not {shown(value)}")
    return value


def _answer(value: Any) -> Any:
    if _expect(value, str) not in _ANSWERS:
        rule = f"must be {', '.join(_ANSWERS[:-1])} or {_ANSWERS[-1]}"
        _refuse(Reason.WRONG_VALUE, f"{rule}, not {shown(value)}")
    return value


def _score(value: Any, at: Steps = ()) -> Any:
    if kind(value) != "a number":
        _refuse(Reason.WRONG_TYPE, f"must be a number, not {kind(value)}", at)
    if not 0 <= value <= _HIGHEST_SCORE:
        rule = f"must be from 0 to {_HIGHEST_SCORE}"
        _refuse(Reason.WRONG_VALUE, f"{rule}, not {cut(str(value))}", at)
    return value


def _object(value: Any) -> Any:
    return _expect(value, dict)


def _story(value: Any, info: ValidationInfo) -> Any:
    """Check `content`, and that it or `text`, which comes first, holds the story."""
    _unless_null(value, str)
    if "text" not in info.data:  # it is no string, which is told already
        return value
    text = info.data["text"]
    if text is None and value is None:
        where = {"message": "is missing: the story belongs in text or content", "field": "text"}
        raise PydanticCustomError(Reason.MISSING_FIELD.value, "{message}", where)
    if not f"{text or ''}{value or ''}".strip():
        where = {"message": "must not be blank", "field": "content" if text is None else "text"}
        raise PydanticCustomError(Reason.WRONG_VALUE.value, "{message}", where)
    return value


def _review_keywords(value: Any) -> Any:
    """Check keywords by dimension: each a list, or an object that holds one."""
    for dimension, entry in (_unless_null(value, dict) or {}).items():
        if isinstance(entry, dict):
            _keywords(entry.get("keywords"), at=(dimension, "keywords"))
            _unless_null(entry.get("explanation"), str, at=(dimension, "explanation"))
        else:
            _keywords(_unless_null(entry, dict, list, at=(dimension,)), at=(dimension,))
    return value


def _keywords(value: Any, at: Steps) -> None:
    for index, keyword in enumerate(_unless_null(value, list, at=at) or ()):
        _expect(keyword, str, dict, at=(*at, index))


def _analysis(value: Any) -> Any:
    """Check the scores of each dimension; what else stands there is free."""
    for dimension, entry in (_unless_null(value, dict) or {}).items():
        scores = entry.get("scores") if isinstance(entry, dict) else None
        at = (dimension, "scores")
        for name, score in (_unless_null(scores, dict, at=at) or {}).items():
            _score(score, at=(*at, name))
    return value


def _object_or_list(value: Any) -> Any:
    return _unless_null(value, dict, list)


def _fallacies(value: Any) -> Any:
    for index, fallacy in enumerate(_unless_null(value, list) or ()):
        _expect(fallacy, dict, at=(index,))
    return value


def _difficulty(value: Any) -> Any:
    if isinstance(value, Decimal) and value != value.to_integral_value():
        _refuse(Reason.WRONG_VALUE, f"must be a whole number or a string, not {cut(str(value))}")
    if value is not None and kind(value) not in {"a number", "a string"}:
        _refuse(Reason.WRONG_TYPE, f"must be a string or a whole number, not {kind(value)}")
    return value


def _optional_string(value: Any) -> Any:
    return _unless_null(value, str)


def _audio_hints(value: Any) -> Any:
    """Check what a voice follows: tone, pacing, and a direction for each character."""
    hints = _unless_null(value, dict) or {}
    for key in ("tone", "pacing"):
        _unless_null(hints.get(key), str, at=(key,))
    at = "characterVoices"
    for name, direction in (_unless_null(hints.get(at), dict, at=(at,)) or {}).items():
        _unless_null(direction, str, at=(at, name))
    return value


Line = Annotated[str, PlainValidator(_line)]
Score = Annotated[int | Decimal, PlainValidator(_score)]


class Weights(BaseModel):
    """How right each answer is. The sum is free; the right answer need not weigh most."""

    model_config = ConfigDict(strict=True, extra="ignore")

    logic: Score
    emotion: Score
    balanced: Score
    agenda: Score


class Scenario(BaseModel):
    """What a scenario must hold, and the shape of what it may hold.

    Other fields are welcome: the document is kept as it was dropped, not as this model.
    """

    model_config = ConfigDict(strict=True, extra="ignore")

    id: Annotated[str, PlainValidator(_id)]
    title: Line
    claim: Line
    correct_answer: Annotated[str, PlainValidator(_answer)] = Field(alias="correctAnswer")
    answer_weights: Annotated[Weights, BeforeValidator(_object)] = Field(alias="answerWeights")
    text: Annotated[str | None, PlainValidator(_optional_string)] = None
    content: Annotated[str | None, PlainValidator(_story)] = Field(None, validate_default=True)
    review_keywords: Annotated[Any, PlainValidator(_review_keywords)] = Field(
        None, alias="reviewKeywords"
    )
    analysis: Annotated[Any, PlainValidator(_analysis)] = None
    hints: Annotated[Any, PlainValidator(_object_or_list)] = None
    peak_moments: Annotated[Any, PlainValidator(_object_or_list)] = Field(None, alias="peakMoments")
    logical_fallacies: Annotated[Any, PlainValidator(_fallacies)] = Field(
        None, alias="logicalFallacies"
    )
    difficulty: Annotated[Any, PlainValidator(_difficulty)] = None
    audio_script: Annotated[Any, PlainValidator(_optional_string)] = Field(
        None, alias="audioScript"
    )
    audio_hints: Annotated[Any, PlainValidator(_audio_hints)] = Field(None, alias="audioHints")


def _fault(error: ErrorDetails, members: dict[str, Any]) -> FieldProblem:
    context = error.get("ctx", {})
    steps = (*error["loc"], *context.get("at", ()))
    if "field" in context:
        steps = (context["field"],)
    code = Reason.MISSING_FIELD if error["type"] == "missing" else Reason(error["type"])
    message = f"{field_name(steps)} {context.get('message', 'is missing')}"
    meant = _meant(steps, members) if code is Reason.MISSING_FIELD else None
    if meant is None:
        return FieldProblem(code, message, steps)
    which = shown(meant)
    if unusual(meant) is None and not meant.isascii():  # a letter of another script looks the same
        which += f" (with {named(next(each for each in meant if not each.isascii()))})"
    message = f"{field_name(steps)} is missing; {which} seems to be it: rename that key"
    return FieldProblem(code, message, steps, at=(*steps[:-1], meant))


def _meant(steps: Steps, members: dict[str, Any]) -> str | None:
    """Return the key that was meant to be the one that is missing; None where none is like it."""
    model, there = (Scenario, members) if len(steps) == 1 else (Weights, members[str(steps[0])])
    known = {field.alias or name for name, field in model.model_fields.items()}
    return mistakes.nearest(str(steps[-1]), (key for key in there if key not in known))
