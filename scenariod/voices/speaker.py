"""The limited process that speaks: a scenario in, its sound files out, then the next one.

Owns its conversation with the supervisor (`director.py` has the other half). Never opens the
library; `recital.py` has the files.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenariod.base import loading
from scenariod.base.errors import ExitCode, ScenariodError
from scenariod.base.value import as_dict
from scenariod.workers.confinement import Stop, peak_rss_bytes
from scenariod.workers.limited import confine, leave_to_environment, parser, say, stop_being_root
from scenariod.workers.outcome import EXIT_SOFT_STOP
from scenariod.workers.privileges import drop_capabilities, is_root

# Imports up here stay light: under rlimits no limit is in force yet. See _load() for the rest.

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenariod.voices.recital import Recital


def main(arguments: Sequence[str] | None = None) -> int:
    """Speak scenarios until there is none left; return the exit status."""
    stop = Stop()
    known = parser("scenariod.voices.speaker")
    known.add_argument("folder", type=Path)
    orders = known.parse_args(arguments)
    ready = confine(orders)
    _load()
    if not is_root():
        drop_capabilities()
    say("ready", **ready)
    return _speak(orders.folder, stop=stop, supervisor_pid=orders.supervisor_pid)


def _load() -> None:
    with loading.without_search_for_garbage():
        from scenariod.voices import recital  # noqa: F401  only under the limit

        gc.freeze()


def ask(event: str, **details: object) -> dict[str, Any]:
    """Tell the supervisor, and return the line that it answers."""
    say(event, **details)
    line = sys.stdin.buffer.readline()
    if not line:  # it has ended, and so does this process
        raise SystemExit(ExitCode.INTERRUPTED)
    answer = json.loads(line)
    assert isinstance(answer, dict)  # noqa: S101  it is the supervisor who says so
    return answer


def _speak(folder: Path, *, stop: Stop, supervisor_pid: int) -> int:
    from scenariod.voices.engines import choice
    from scenariod.voices.recital import Recital, StoppedError, rehearse

    settings = json.loads(sys.stdin.buffer.readline())
    try:
        os.chdir(folder)  # who is nobody later may have no other way to it
        engine = choice.engine_of(settings, charge=lambda it: say("charge", **as_dict(it)))
        if is_root():
            rehearse()
            choice.load(engine)
            stop_being_root("the speaker", supervisor_pid)
        is_stopped = partial(_is_stopped, stop, is_paid=choice.is_paid(settings))
        recital = Recital(engine, settings, say=say, ask=ask, is_stopped=is_stopped)
        _speak_all(recital, stop=stop)
    except ScenariodError as error:  # the engine is unavailable, or its settings are wrong
        more = {name: getattr(error, name, None) for name in ("retry_after_s", "is_obscure")}
        say("unavailable", reason=str(error), cure=error.hint, **more)
    except StoppedError:
        pass
    except OSError as error:
        leave_to_environment(error, file=_named(error))
    say("done", peak_rss_bytes=peak_rss_bytes())
    return EXIT_SOFT_STOP if stop.asked else ExitCode.OK


def _named(error: OSError) -> str | None:
    return None if error.filename is None else os.fsdecode(error.filename)


def _is_stopped(stop: Stop, *, is_paid: bool) -> bool:
    """Say whether to end in the middle of a file; not where its beginning is paid for."""
    return stop.asked and not is_paid


def _speak_all(recital: Recital, *, stop: Stop) -> None:
    while not stop.asked:
        about = ask("next")
        if not about:
            return
        document = sys.stdin.buffer.read(about["bytes"])
        say("file", name=about["id"])
        recital.speak(about["id"], document, again=about["again"])


if __name__ == "__main__":
    sys.exit(main())
