"""What the parts of one run of the supervisor share.

Only puts it together; decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scenariod.base.value import Value
from scenariod.daemon.settle import Settler
from scenariod.intake.batch import Work
from scenariod.intake.claim import Claimer
from scenariod.monitoring.journal import Event
from scenariod.workers.budget import Budget
from scenariod.workers.queue import Queue
from scenariod.workers.starting import Starter

if TYPE_CHECKING:
    from scenariod.base.config import Config
    from scenariod.monitoring.journal import Journal
    from scenariod.monitoring.notify import Notifier
    from scenariod.workers.launchers.launcher import Launcher


class Setup(Value):
    """One root folder under one configuration, and what works on it.

    `once` says that the run ends when the inbox is empty.
    """

    config: Config
    launcher: Launcher
    starter: Starter
    journal: Journal
    notifier: Notifier
    once: bool
    work: Work
    settler: Settler
    claimer: Claimer
    queue: Queue
    budget: Budget

    @classmethod
    def of(
        cls,
        config: Config,
        *,
        launcher: Launcher,
        journal: Journal,
        notifier: Notifier,
        once: bool,
    ) -> Self:
        """Make what the configuration asks for; nothing is opened or started yet."""
        work, queue = Work(config.work), Queue()
        settler = Settler(config, work=work, journal=journal)
        claimer = Claimer(
            config,
            work=work,
            reserve_batch=lambda: settler.in_thread(settler.reserve_batch),
            journal=journal,
            pair_wait_s=0.0 if once else config.intake.pair_wait_s,
        )
        return cls(
            config=config,
            launcher=launcher,
            starter=Starter(
                config,
                launcher,
                tell=lambda why: journal.tell(
                    Event.NOT_FORKED,
                    f"each worker starts as a new program, which takes longer: {why}",
                ),
            ),
            journal=journal,
            notifier=notifier,
            once=once,
            work=work,
            settler=settler,
            claimer=claimer,
            queue=queue,
            budget=Budget(config, queue=queue),
        )
