"""Runs in the machine: settles, backs up, publishes, restores, imports until the power goes.

What makes things durable is scenariod's own, in scenariod's order; only the workers are left out,
since one takes seconds to start in the machine: so most cuts fall between two durable steps, not
into waiting. It gets ready, then waits for one line: the root folder, a seed, and what to do often.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import threading
from contextlib import redirect_stdout
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from scenariod.backups import folder as backup_folder
from scenariod.backups import restore
from scenariod.base import clock, config, durable, root
from scenariod.base.names import is_scenario_name
from scenariod.base.value import replace
from scenariod.cli import main as ctl
from scenariod.cli import restore as backups
from scenariod.daemon.drain import Drain
from scenariod.daemon.settle import Settler
from scenariod.intake.batch import Work
from scenariod.library import Library, SettledBatch, publish
from scenariod.monitoring.journal import Event, SystemdJournal
from scenariod.transfer import importing, protocol
from scenariod.validation.scenario import judge
from systemd import journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scenariod.base.config import Config
    from scenariod.intake.batch import Batch
    from scenariod.library import SettledFile
    from scenariod.transfer.protocol import Message

P = ParamSpec("P")
T = TypeVar("T")

MANY_ROUNDS = 1_000_000
"""More than the power ever lasts."""
STEPS = (
    (Settler, "settle", "adding"),
    (backup_folder, "write", "backing up"),
    (publish, "publish", "publishing"),
    (restore, "publish", "publishing"),
    (importing, "publish", "publishing"),
    (backups, "restore_moment", "restoring"),
    (importing, "bring_in", "importing"),
)
"""What is told of when it begins and ends: where the function is found, and what doing it is."""


class Activity:
    """What goes on in one root folder, in an order that `chance` chooses."""

    def __init__(
        self, loaded: Config, *, name: str, chance: random.Random, often: str = ""
    ) -> None:
        self._config = loaded
        self._often = often
        self._name = name
        self._chance = chance
        self._count = 0
        self._work = Work(loaded.work)
        self._settler = Settler(loaded, work=self._work, journal=SystemdJournal())

    async def go_on(self, *, rounds: int) -> None:
        """Take up what was cut off, then settle, back up, publish and restore."""
        await self._settler.open()
        for batch in self._work.batches():
            await self._take_up(batch)
        for _ in range(rounds):
            for _ in range(self._chance.randint(0, 2)):
                await self._next_batch()
            drain = Drain(self._config, settler=self._settler, journal=SystemdJournal())
            await asyncio.gather(drain.close(), self._next_batch())
            if self._often == "restoring" or self._chance.random() < 0.4:
                await asyncio.gather(asyncio.to_thread(self._restore), self._next_batch())
            if self._often == "importing" or self._chance.random() < 0.3:
                await asyncio.gather(asyncio.to_thread(self._import), self._next_batch())
        await self._settler.close()

    async def _next_batch(self) -> None:
        for _ in range(2):
            await asyncio.to_thread(self._drop)
        settler = self._settler
        batch = self._work.create(await settler.in_thread(settler.reserve_batch))
        waiting = sorted(filter(is_scenario_name, os.listdir(self._config.inbox)))
        for name in waiting[:2]:
            (self._config.inbox / name).rename(batch.folder / name)
        await self._take_up(batch)

    async def _take_up(self, batch: Batch) -> None:
        """Settle a batch, unless it was; as an attempt does, with the verdict of a worker."""
        settler = self._settler
        if await settler.in_thread(settler.finish, batch) is None:
            counted = self._work.count_attempt(batch)
            now = clock.now()
            record = SettledBatch(batch.id, now, now, "ok", duration_ms=0, launcher="none")
            verdicts = [judge((batch.folder / n).read_bytes(), name=n) for n in batch.names()]
            await settler.in_thread(settler.settle, counted, verdicts, record)
        self._work.remove(batch)

    def _drop(self) -> None:
        """Drop a file that its dropper has synced, and say so."""
        self._count += 1
        name = f"scenario-{self._name}-{self._count}.json"
        durable.write(self._config.inbox / name, self._scenario(f"{self._name}-{self._count}"))
        journal.send(f"dropped {name}", SYSLOG_IDENTIFIER="dropper", SCENARIOD_FILE=name)

    def _scenario(self, scenario_id: str) -> bytes:
        text = json.dumps(
            {
                "id": scenario_id,
                "title": "A scenario",
                "claim": "A claim.",
                "text": "A story. " * self._chance.randint(1, 1500),
                "correctAnswer": "logic",
                "answerWeights": {"logic": 100, "emotion": 0, "balanced": 40, "agenda": 5},
            }
        )
        return text.encode()

    def _import(self) -> None:
        """Import scenarios in two batches, as a pack; judged here, not by an unpacker."""
        self._count += 1
        name = f"{self._name}-import-{self._count}"
        told: list[Message] = [
            protocol.FileBegun(0, name, 4, json.dumps({"packInfo": {"id": name}}))
        ]
        for number in range(1, 5):
            content = self._scenario(f"{name}-{number}")
            verdict = judge(content, name=f"{name}[{number}]")
            told.append(protocol.Judged(0, number, verdict, content))
            if number == 2:
                about = json.dumps({"packInfo": {"id": f"{name}-b"}})
                told.append(protocol.FileBegun(1, f"{name}-b", 2, about))
        with Library.open(self._config.database, busy_timeout_s=30) as library:
            importing.bring_in(
                self._config,
                library,
                told,
                source=name,
                listener=_Teller(),
                stopping=lambda: False,
            )

    def _restore(self) -> None:
        backups = sorted(self._config.backups.glob("scenarios-backup-*.json"))
        if backups:
            chosen = self._chance.choice(backups)
            with redirect_stdout(sys.stderr):
                ctl.main(["--root", str(self._config.root), "restore", chosen.name])


class _Teller:
    """Tells the journal of each batch that was imported, as `scenariodctl import` does."""

    def begun(self, name: str, count: int) -> None:
        """See `importing.Listener`."""

    def settled(self, files: Iterable[SettledFile], *, batch: int | None) -> None:
        """See `importing.Listener`."""
        if batch is None:
            return
        added = sum(file.result.changes for file in files)
        SystemdJournal().tell(Event.IMPORTED, "imported", batch=batch, scenarios=added)


def settle_until_the_power_goes(
    folder: Path, *, seed: str, often: str = "", rounds: int = MANY_ROUNDS
) -> None:
    """Work in the root folder `folder`; its files are named for the seed.

    `often` is what is to be done in each round, "restoring" or "importing"; else chance says.
    """
    write_config(folder)
    loaded = config.load(config=None, root=folder, cwd=folder)
    all_of_them = config.Backups(keep_last=config.MOST_BACKUPS, max_total_mb=0)
    loaded = replace(loaded, backup_rules=all_of_them)  # each that was reported is looked for
    root.prepare(loaded)
    activity = Activity(loaded, name=seed, chance=random.Random(seed), often=often)
    asyncio.run(activity.go_on(rounds=rounds))


def tell_of_steps() -> None:
    """Have the journal told from now on what each thread is doing, the innermost step of it.

    So the backup that a restore begins with is backing up, and what is left of it restoring.
    """
    doing = threading.local()
    for owner, name, step in STEPS:
        setattr(owner, name, _telling(step, getattr(owner, name), doing=doing))


def _telling(step: str, do: Callable[P, T], *, doing: threading.local) -> Callable[P, T]:
    @wraps(do)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        around = getattr(doing, "step", "nothing")
        _tell_step(doing, step)
        try:
            return do(*args, **kwargs)
        finally:
            _tell_step(doing, around)

    return told


def _tell_step(doing: threading.local, step: str) -> None:
    doing.step = step
    journal.send(
        step,
        SYSLOG_IDENTIFIER="settler",
        SCENARIOD_THREAD=str(threading.get_ident()),
        SCENARIOD_STEP=step,
    )


def write_config(folder: Path) -> None:
    """Have all backups kept: each that was reported is looked for after each cut."""
    (folder / "config").mkdir(exist_ok=True)
    text = "[backups]\nkeep_last = 1000000\nmax_total_mb = 0\n"
    durable.write(folder / "config" / "scenariod.toml", text.encode())


def main(ready: Path, orders: Path) -> None:
    """Do all once in a folder that nobody looks at, say that this is ready, wait for orders."""
    tell_of_steps()
    with tempfile.TemporaryDirectory() as folder:
        settle_until_the_power_goes(Path(folder), seed="rehearsal", rounds=4)
    os.mkfifo(orders)
    ready.touch()
    folder_name, seed, often = orders.read_text().split(maxsplit=2)
    settle_until_the_power_goes(Path(folder_name), seed=seed, often=often.strip())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
