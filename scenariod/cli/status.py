"""How the running daemon is, as it reports itself. Changes nothing, loads nothing large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scenariod.base.errors import NotAnsweringError
from scenariod.base.units import MIB
from scenariod.cli import failed
from scenariod.cli.answer import Answer, backup_lines, report_made, require_root
from scenariod.monitoring import status as live
from scenariod.monitoring.counts import Counts

if TYPE_CHECKING:
    import argparse

    from scenariod.base.config import Config

MOST_WAITING_SHOWN = 10


def status(config: Config, _: argparse.Namespace) -> Answer:
    """Answer how the daemon is; where none answers, what the folders and the library show."""
    require_root(config)
    silent = None
    try:
        document = live.ask(config.socket) if config.socket.parent.is_dir() else None
    except NotAnsweringError as error:
        document, silent = None, error
    if document is None:
        from scenariod.cli import stopped  # what it loads is not needed where a daemon answers

        return stopped.status(config) if silent is None else stopped.silent(config, silent)
    refused = failed.look(config.failed)
    made, report_lines = report_made(config)
    answer = {"running": True, "answering": True, **document, **refused.document, **made}
    return Answer(answer, lines=[*_status_lines(document, refused), *report_lines])


def _sight(document: dict[str, Any]) -> str:
    """Say how arrivals are noticed, and why so where that is not by events."""
    seen = f"seen by {document['watch']}" if document["watch"] == "events" else document["watch"]
    return f"{seen}: {document['watch_detail']}" if document["watch_detail"] else seen


def _status_lines(document: dict[str, Any], refused: failed.Look) -> list[str]:
    state = document["state"] + (f": {document['detail']}" if document["detail"] else "")
    lines = [
        f"scenariod {document['version']} is {state}",
        f"     Root: {document['root']}",
        f"  Process: PID {document['pid']} as {document['user']}, since {document['started_at']}",
        f"  Workers: {_workers(document)}",
        f"    Inbox: {document['inbox']} waiting ({_sight(document)})",
    ]
    waiting = document["waiting"]
    lines += [f"{'':11}{w['file']}: {w['reason']}" for w in waiting[:MOST_WAITING_SHOWN]]
    if (left := len(waiting) - MOST_WAITING_SHOWN) > 0:
        many = f"at least {left}" if len(waiting) == live.MOST_WAITING else f"{left}"
        lines.append(f"{'':11}and {many} more: `scenariodctl status --json`")
    left_alone = live.left_alone(document["left_alone"], document["left_alone_files"])
    lines += [f"{'':11}{line}" for line in left_alone]
    for worker in document["workers"]:
        files = ", ".join(worker["files"])
        stalled = _stalled(worker["stalled_percent"])
        lines.append(f"    Batch: {worker['batch']}: {files}; {live.memory(worker)}{stalled}")
    if document["next_waits"]:
        lines.append(f"     Next: {document['next_waits']}")
    lines.append(f"   Memory: {_memory_line(document['memory'])}")
    counts = Counts(
        added=document["added"],
        replaced=document["replaced"],
        already_added=document["already_added"],
        refused=document["refused"],
    )
    return [
        *lines,
        f"  Library: {document['scenarios']} scenarios",
        *_voices(document),
        f"    Since: {counts.words()}, in {document['batches']} batches",
        *refused.lines,
        *backup_lines(document),
        *([f"    Clock: ! {document['clock_doubt']}"] if document.get("clock_doubt") else []),
    ]


def _voices(document: dict[str, Any]) -> list[str]:
    if not document.get("voices"):
        return []
    progress = live.VoiceProgress(**document["voices"])
    speaker = document["speaker"]
    return [
        f"   Voices: {progress.words()}" + (f"; {live.memory(speaker)}" if speaker else ""),
    ]


def _stalled(percent: float | None) -> str:
    return f", stalled {percent:g} % of the last 10 s" if percent else ""


def _workers(document: dict[str, Any]) -> str:
    most, limit = document["most_workers"], _size(document["memory"], "limit")
    how = f"{document['launcher']} as {document['worker_user']}"
    start = f", {document['worker_start']}" if document.get("worker_start") else ""
    return f"{most} at most, {limit} each, by {how}{start}"


def _size(memory: dict[str, Any], name: str) -> str:
    """Return a size of memory, and whether it was chosen for this machine."""
    auto = " (auto)" if f"{name}_mb" in memory["chosen"] else ""
    return f"{memory[f'{name}_bytes'] // MIB} MB{auto}"


def _memory_line(memory: dict[str, Any]) -> str:
    total, available = memory["total_bytes"] // MIB, memory["available_bytes"] // MIB
    pressure = (
        "pressure unknown (no /proc/pressure/memory)"
        if memory["stalled_percent"] is None
        else f"pressure: stalled {memory['stalled_percent']:g} % of the last 10 s"
    )
    kept = f"{_size(memory, 'reserve')} kept free"
    return f"{available} MB of {total} MB available, {kept}; {pressure}"
