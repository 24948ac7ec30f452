"""Who has processes killed where: each kill point has a test that reaches it.

The one place to register a point. Those of a file's story are in `stories/test_kill_points.py`, by
the tables below; one that only a command reaches is in the test module of that command, and there
named in `ELSEWHERE`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.base.killpoint import KillPoint, Order

if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE = "SCENARIOD_KILL_POINTS"
"""`all` has every point reached in all roles and sequences, as `make soak` does."""
ALL = "all"

ELSEWHERE: dict[KillPoint, str] = {
    KillPoint.BACKUP_REMOVED: "backups/test_prune",
    KillPoint.BACKUPS_PRUNED: "backups/test_prune",
    KillPoint.DAMAGE_MARKED: "backups/test_rebuild",
    KillPoint.LIBRARY_REBUILT: "backups/test_rebuild",
    KillPoint.FILE_TAKEN_BACK: "backups/test_rebuild",
    KillPoint.DAMAGED_SET_ASIDE: "backups/test_rebuild",
    KillPoint.WAL_SET_ASIDE: "backups/test_rebuild",
    KillPoint.REBUILT_IN_PLACE: "backups/test_rebuild",
    KillPoint.DAMAGE_UNMARKED: "backups/test_rebuild",
    KillPoint.RESTORE_VERIFIED: "cli/test_restore",
    KillPoint.SAFETY_BACKED_UP: "cli/test_restore",
    KillPoint.RESTORE_RECORDED: "cli/test_restore",
    KillPoint.RESTORED: "cli/test_restore",
    KillPoint.UNDO_RECORDED: "cli/test_restore",
    KillPoint.UNDONE: "cli/test_restore",
    KillPoint.SCENARIO_UNPACKED: "transfer/test_importing",
    KillPoint.IMPORT_BACKED_UP: "transfer/test_importing",
    KillPoint.IMPORT_COMMITTED: "transfer/test_importing",
    KillPoint.IMPORTED: "transfer/test_importing",
    KillPoint.EXPORT_BEING_WRITTEN: "transfer/test_export",
    KillPoint.EXPORT_WRITTEN: "transfer/test_export",
    KillPoint.EXPORTED: "transfer/test_export",
}
"""The test module that kills at this point and checks what is left: `"backups/test_undo"`."""


class Scene(StrEnum):
    """What was dropped, so that a point is reached (see `stories/test_kill_points.py`)."""

    MIXED = "two good ones, one that is refused, a conflict"
    BOMB = "one that takes too much memory, its partner, one that is known"
    LARGE = "one that needs the larger limit"
    PATIENT = "one that takes much memory, and one that goes back to wait for its turn"


@dataclass(frozen=True, slots=True)
class Kill:
    """Processes killed at a point: `order` says which."""

    point: KillPoint
    order: Order = Order.HERE
    """The process that comes to the point dies: the role that matters most."""

    @property
    def spares_supervisor(self) -> bool:
        """Whether only the worker dies."""
        return self.order is (Order.HERE if self.point in IN_WORKER else Order.OTHER)

    def __str__(self) -> str:
        """Name the kill by its point and who dies."""
        if self.order is Order.BOTH:
            return f"{self.point}/both"
        return f"{self.point}/{'worker' if self.spares_supervisor else 'supervisor'}"


@dataclass(frozen=True, slots=True)
class Case:
    """Kills one after the other, each in a start of its own, while a scene is processed."""

    scene: Scene
    kills: tuple[Kill, ...]

    @property
    def points(self) -> tuple[KillPoint, ...]:
        """Where processes are killed, one after the other."""
        return tuple(kill.point for kill in self.kills)

    def __str__(self) -> str:
        """Name the case by its kills, for the list of tests."""
        return ",".join(str(kill) for kill in self.kills)


IN_WORKER = (
    KillPoint.FILE_READ,
    KillPoint.VERDICT_BEING_WRITTEN,
    KillPoint.VERDICT_WRITTEN,
)
WHILE_A_WORKER_RUNS = (
    KillPoint.WORKER_LAUNCHED,
    KillPoint.WORKER_READY,
    KillPoint.FILES_HANDED_OVER,
)
SUPERVISOR_ALONE = {
    Scene.MIXED: (
        KillPoint.BATCH_RESERVED,
        KillPoint.FOLDER_MADE,
        KillPoint.FILE_CLAIMED,
        KillPoint.CLAIMED,
        KillPoint.VERDICT_FORGOTTEN,
        KillPoint.ATTEMPT_COUNTED,
        KillPoint.WORKER_ENDED,
        KillPoint.VERDICT_READ,
        KillPoint.BACKUP_BEING_WRITTEN,
        KillPoint.BACKUP_WRITTEN,
        KillPoint.BACKUP_VERIFIED,
        KillPoint.BACKUP_NOTED,
        KillPoint.SCENARIO_ADDED,
        KillPoint.BATCH_RECORDED,
        KillPoint.COMMITTED,
        KillPoint.REASON_BEING_WRITTEN,
        KillPoint.REASON_WRITTEN,
        KillPoint.FILE_MOVED,
        KillPoint.FILES_MOVED,
        KillPoint.FOLDER_EMPTIED,
        KillPoint.FOLDER_REMOVED,
        KillPoint.LIBRARY_BEING_PUBLISHED,
        KillPoint.LIBRARY_PUBLISHED,
        KillPoint.PUBLISHED_MARKED,
    ),
    Scene.BOMB: (
        KillPoint.BATCH_APART_RESERVED,
        KillPoint.FOLDER_APART_MADE,
        KillPoint.FILE_SET_APART,
    ),
    Scene.LARGE: (KillPoint.MORE_ALLOWED,),
    Scene.PATIENT: (KillPoint.FILE_GIVEN_BACK,),
}
"""Points at which there is no worker, by the scene that reaches them."""

AGAIN = {
    Scene.MIXED: (
        (KillPoint.COMMITTED, KillPoint.RECOVERED),
        (KillPoint.FILE_CLAIMED, KillPoint.RECOVERED),
        (KillPoint.CLAIMED, KillPoint.ATTEMPT_COUNTED),
        (KillPoint.WORKER_ENDED, KillPoint.VERDICT_FORGOTTEN),
        (KillPoint.WORKER_ENDED, KillPoint.VERDICT_READ),
        (KillPoint.BACKUP_BEING_WRITTEN, KillPoint.BACKUP_BEING_WRITTEN),
        (KillPoint.COMMITTED, KillPoint.BACKUP_VERIFIED),
        (KillPoint.COMMITTED, KillPoint.FILE_MOVED),
        (KillPoint.COMMITTED, KillPoint.FILES_MOVED),
        (KillPoint.FILE_MOVED, KillPoint.FOLDER_EMPTIED),
        (KillPoint.FOLDER_EMPTIED, KillPoint.FOLDER_REMOVED),
        (KillPoint.REASON_BEING_WRITTEN, KillPoint.REASON_BEING_WRITTEN),
        (KillPoint.REASON_WRITTEN, KillPoint.REASON_WRITTEN),
        (KillPoint.LIBRARY_BEING_PUBLISHED, KillPoint.LIBRARY_PUBLISHED),
    ),
    Scene.BOMB: (
        (KillPoint.FILE_SET_APART, KillPoint.BATCH_RESERVED),
        (KillPoint.FOLDER_APART_MADE, KillPoint.RECOVERED),
    ),
    Scene.LARGE: ((KillPoint.MORE_ALLOWED, KillPoint.ATTEMPT_COUNTED),),
    Scene.PATIENT: ((KillPoint.FILE_GIVEN_BACK, KillPoint.FILES_MOVED),),
}
"""Killed once more by the start that mends what the first kill left."""

WHILE_SPARED = (
    (KillPoint.BATCH_SPARED,),
    (KillPoint.BATCH_SPARED, KillPoint.BATCH_SPARED),
)
"""Points after a worker was killed from outside, each in a start in which that happened anew."""

WHILE_TIDYING = (
    (KillPoint.CUT_OFF_FOUND,),
    (KillPoint.OLD_FILE_REMOVED,),
    (KillPoint.OLD_REASON_REMOVED,),
    (KillPoint.TIDIED,),
    (KillPoint.OLD_FILE_REMOVED, KillPoint.OLD_FILE_REMOVED),
    (KillPoint.OLD_FILE_REMOVED, KillPoint.OLD_REASON_REMOVED),
)
"""Points of removing old files, one after the other, each in a start of its own."""


def cases() -> list[Case]:
    """Return all cases that one run over what was dropped reaches."""
    alone = [
        Case(scene, (Kill(point),))
        for scene, points in SUPERVISOR_ALONE.items()
        for point in points
    ]
    together = [
        Case(Scene.MIXED, (Kill(point, order),))
        for order in (Order.HERE, Order.OTHER, Order.BOTH)
        for point in (*WHILE_A_WORKER_RUNS, *IN_WORKER)
    ]
    again = [
        Case(scene, tuple(Kill(point) for point in points))
        for scene, sequences in AGAIN.items()
        for points in sequences
    ]
    return [*alone, *together, *again]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a run kills: cases, and sequences of points by their kind."""

    cases: list[Case]
    while_spared: list[tuple[KillPoint, ...]]
    while_tidying: list[tuple[KillPoint, ...]]

    def reached(self) -> set[KillPoint]:
        """Return the points that `stories/test_kill_points.py` reaches."""
        sequences = [*self.while_spared, *self.while_tidying]
        return {
            point for points in [*(c.points for c in self.cases), *sequences] for point in points
        }


def everything() -> Chosen:
    """Choose all points, roles and sequences."""
    return Chosen(cases(), list(WHILE_SPARED), list(WHILE_TIDYING))


def each_once() -> Chosen:
    """Choose what reaches each point once; a sequence only where nothing before it does."""
    reached: set[KillPoint] = set()

    def is_new(points: Iterable[KillPoint]) -> bool:
        new = set(points) - reached
        reached.update(new)
        return bool(new)

    return Chosen(
        [case for case in cases() if is_new(case.points)],
        [points for points in WHILE_SPARED if is_new(points)],
        [points for points in WHILE_TIDYING if is_new(points)],
    )


IS_ALL = os.environ.get(VARIABLE) == ALL


def chosen() -> Chosen:
    """Choose as the environment says."""
    return everything() if IS_ALL else each_once()
