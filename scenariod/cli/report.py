"""The report: where it is, and since when; make it now, open it, or serve it to a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.base import streams
from scenariod.base.errors import NotFoundError
from scenariod.base.faults import Step, during
from scenariod.cli.answer import Answer, Stream, require_root, utc
from scenariod.reports import folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from scenariod.base.config import Config
    from scenariod.reports.serving import Server

OPENS = "xdg-open"
_OPENING_S = 10.0
"""How long the command that opens a browser is waited for: some end only with the browser."""


def report(config: Config, asked: argparse.Namespace) -> Answer | Stream:
    """Answer where the report is and when it was made, once what is asked for was done."""
    require_root(config)
    if asked.now:
        _make(config)
    page = config.reports / folder.INDEX
    made = folder.made_at(config.reports)
    if made is None or not page.exists():
        raise NotFoundError(
            f"there is no report in {config.reports} yet",
            hint="`scenariodctl report --now` makes it",
        )
    document = {"report": str(page), "report_made": made, "address": None}
    if asked.serve:
        return Stream(_served(config, document, opens=asked.open, as_json=asked.json))
    if asked.open:
        _open(page.as_uri())
    return Answer(document, lines=[f"{page}", f"made {utc(made)}"])


def _make(config: Config) -> None:
    from scenariod.reports.making import Making  # what it loads only this needs

    with during(Step.REPORTING, config.reports):
        Making(config).run()


def _served(
    config: Config, document: dict[str, str | None], *, opens: bool, as_json: bool
) -> Iterator[str]:
    """Serve until Ctrl-C; yield the address first."""
    from scenariod.reports.serving import Server  # what it loads only this needs

    with Server(config.reports, config.voices) as server:
        document["address"] = server.address
        words = f"the report is at {server.address}; Ctrl-C ends it\n"
        yield json.dumps(document) + "\n" if as_json else words
        streams.flush()
        if opens:
            _open(server.address)
        _serve(server)


def _serve(server: Server) -> None:
    with suppress(KeyboardInterrupt):
        server.serve_forever()


def _open(address: str) -> None:
    if shutil.which(OPENS) is None:
        raise NotFoundError(
            f"{OPENS}, which opens a browser, is not here",
            hint=f"open {address} in a browser yourself, or see `scenariodctl report --serve`",
        )
    opening = subprocess.Popen(
        [OPENS, address],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with suppress(subprocess.TimeoutExpired):
        if opening.wait(timeout=_OPENING_S) != 0:
            raise NotFoundError(
                f"{OPENS} cannot open {address}", hint="open it in a browser yourself"
            )
