"""The voices: how far they have come, what failed, what is said, by whom, and what it costs.

Changes nothing but which scenarios are to be spoken again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scenariod.base import clock
from scenariod.base.errors import ConfigError
from scenariod.base.value import as_dict
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, require_root, scenario_of, utc
from scenariod.library import Library, voicing
from scenariod.library.voicing import State
from scenariod.monitoring.status import VoiceProgress
from scenariod.voices import rules

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from scenariod.base.config import Config
    from scenariod.library.voicing import Due, Voicing
    from scenariod.voices.script import Script

_ALL = -1


def voices(config: Config, asked: argparse.Namespace) -> Answer:
    """Answer how far the voices have come, or what is missing, or what failed and why."""
    require_root(config)
    if asked.redo:
        return _redo(config, asked.redo)
    settings = rules.digest(config.voice_rules)
    with _reading(config) as library:
        if asked.failed:
            return _failed(voicing.current(library, State.FAILED))
        missing = voicing.due(library, settings, most=_ALL)
        if asked.missing:
            return _missing(missing)
        if asked.cost:
            return _expected_cost(config, library, missing)
        tally = voicing.tally(library, settings)
    progress = VoiceProgress(
        config.voice_rules.engine,
        scenarios=tally.scenarios,
        done=tally.done,
        failed=tally.failed,
    )
    document = {
        "engine": progress.engine,
        "scenarios": tally.scenarios,
        "spoken": tally.by_state.get(State.SPOKEN, 0),
        "silent": tally.by_state.get(State.SILENT, 0),
        "failed": progress.failed,
        "missing": len(missing),
        "folder": str(config.voices),
    }
    lines = [f"voices: {progress.words()}", f"files: {config.voices}"]
    if progress.engine == "off":
        lines = ['voices are off: set voices.engine, for example to "flite"']
    if progress.failed:
        lines.append("`scenariodctl voices --failed` shows why")
    return Answer(document, lines=lines)


def text(config: Config, asked: argparse.Namespace) -> Answer:
    """Answer what is said of a scenario, and by whom."""
    with _reading(config) as library:
        script = _script(library, asked.what)
        cast = {each.name: each.voice for each in voicing.cast_of(library, asked.what)}
    document = {
        "id": asked.what,
        "reason": script.reason,
        "cut": script.is_cut,
        "files": {name: [as_dict(line) for line in said] for name, said in script.files.items()},
    }
    lines = [script.reason] if script.reason else []
    for name, said in script.files.items():
        lines.append(f"{name}:")
        for line in said:
            voice = f" [{cast[line.speaker]}]" if line.speaker in cast else ""
            lines.append(f"  {line.speaker or 'narrator'}{voice}: {line.text}")
    if script.is_cut:
        lines.append("the text is too long: only its beginning is spoken")
    return Answer(document, lines=lines)


def characters(config: Config, asked: argparse.Namespace) -> Answer:
    """Answer who speaks in a scenario; without one, in all that were spoken."""
    require_root(config)
    with _reading(config) as library:
        if asked.what is None:
            return _all_characters(library)
        script = _script(library, asked.what)
    document = [
        {
            "name": each.name,
            "aliases": list(each.aliases),
            "kind": each.kind,
            "gender": each.gender,
            "evidence": each.evidence,
        }
        for each in script.characters
    ]
    lines = []
    for each in script.characters:
        also = f" (also {', '.join(each.aliases)})" if each.aliases else ""
        lines.append(f"{each.name}{also}: {each.gender or 'unknown'}, {each.evidence}")
    return Answer(document, lines=lines or ["only the narrator speaks"])


def cast(config: Config, asked: argparse.Namespace) -> Answer:
    """Answer which voice each character of a scenario has, and why."""
    with _reading(config) as library:
        scenario_of(library, asked.what)
        found = voicing.cast_of(library, asked.what)
        voiced = voicing.of(library, asked.what)
    document = [as_dict(each) for each in found]
    lines = [
        f"{each.name}: {each.voice}, {each.why}" + ("" if each.is_certain else " (uncertain)")
        for each in found
    ]
    if any(not each.is_certain for each in found):
        lines.append('to choose one by hand: under [voices.cast], "NAME" = "VOICE"')
    if not found:
        spoken = voiced is not None and voiced.state in {State.SPOKEN, State.SILENT}
        lines = ["only the narrator speaks" if spoken else "it has not been spoken yet"]
    return Answer(document, lines=lines)


def cost(config: Config, _: argparse.Namespace) -> Answer:
    """Answer what was spent this month, by model, and what is left of the budget."""
    require_root(config)
    asked_for, since = config.voice_rules, voicing.month_of(clock.now())
    with _reading(config) as library:
        spent = voicing.spent(library, since=since)
    total = sum(each.settled + each.reserved for each in spent)
    limit = asked_for.credits_per_month
    budget = None if limit == "off" else limit
    money = round(total * asked_for.price_per_1000 / 1000, 2) if asked_for.price_per_1000 else None
    document = {
        "since": since.isoformat(),
        "credits": total,
        "budget": budget,
        "money": money,
        "models": [as_dict(each) for each in spent],
    }
    lines = [f"since {since:%Y-%m-%d}: {total} credits" + (f" of {budget}" if budget else "")]
    if money is not None:
        lines[0] += f", about {money:.2f}"
    lines += [
        f"  {each.engine} {each.model}: {each.settled} credits in {each.requests} requests"
        + (f", {each.reserved} reserved" if each.reserved else "")
        for each in spent
    ]
    return Answer(document, lines=lines)


def _reading(config: Config) -> Library:
    require_root(config)
    return Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S)


def _script(library: Library, scenario_id: str) -> Script:
    from scenariod.voices.script import script_of  # loads much, which few commands need

    return script_of(json.loads(scenario_of(library, scenario_id)[1]))


def _redo(config: Config, ids: list[str]) -> Answer:
    if config.voice_rules.engine == "off":
        raise ConfigError("voices are off", hint='set voices.engine, for example to "flite"')
    busy_s = config.library.busy_timeout_s
    with Library.open(config.database, busy_timeout_s=busy_s) as library:
        for scenario_id in ids:
            scenario_of(library, scenario_id)
        voicing.redo(library, ids)
    words = "it will be" if len(ids) == 1 else f"these {len(ids)} will be"
    return Answer({"redo": ids}, lines=[f"{words} spoken again once the inbox is empty"])


def _failed(found: Iterable[Voicing]) -> Answer:
    failed = list(found)
    document = [{"id": v.scenario_id, "reason": v.reason, "at": v.at} for v in failed]
    lines = [f"{v.scenario_id}, {utc(v.at)}: {v.reason}" for v in failed]
    if failed:
        lines.append("to try again: scenariodctl voices --redo ID")
    return Answer(document, lines=lines or ["no scenario has failed"])


def _missing(missing: list[Due]) -> Answer:
    ids = [due.scenario_id for due in missing]
    return Answer(ids, lines=ids or ["nothing is missing"])


def _expected_cost(config: Config, library: Library, missing: list[Due]) -> Answer:
    """Answer how much text is to be spoken, which is what most engines count."""
    letters = 0
    for due in missing:
        script = _script(library, due.scenario_id)
        letters += sum(len(line.text) for said in script.files.values() for line in said)
    price = config.voice_rules.price_per_1000
    money = round(letters * price / 1000, 2) if price else None
    document = {"scenarios": len(missing), "characters": letters, "money": money}
    about = f", about {money:.2f}" if money is not None else ""
    words = f"{len(missing)} scenarios to speak: {letters} characters{about}"
    return Answer(document, lines=[words])


def _all_characters(library: Library) -> Answer:
    voices_of: dict[str, list[str]] = {}
    found = voicing.characters(library)
    for each in found:
        voices_of.setdefault(each.name, []).append(f"{each.scenario_id} ({each.voice})")
    document = [
        {"name": c.name, "scenario": c.scenario_id, "voice": c.voice, "certain": c.is_certain}
        for c in found
    ]
    lines = [f"{name}: {', '.join(places)}" for name, places in voices_of.items()]
    return Answer(document, lines=lines or ["no scenario has been spoken yet"])
