"""The packet views of a run: for each that its manifest asks for, the packets of one trial."""

from __future__ import annotations

from pathlib import Path

from hinterland.errors import UsageError
from hinterland.model.experiment import Ladder, label
from hinterland.model.history import History
from hinterland.model.packets import PacketView
from hinterland.model.run import RunRecord
from hinterland.model.verdict import TrialResult
from hinterland.runner.record import histories, packet_files


def packet_views(record: RunRecord) -> tuple[PacketView, ...]:
    """Returns the views that the record has the packets for, in the manifest's order.

    A trial is chosen by the ladder's levels: the first whose evidence counted, else the first that kept its
    packets. A file that is gone or damaged costs the view, not the report.
    """
    found = []
    for ladder in record.info.experiment.ladder:
        view = _view(record, ladder)
        if view is not None:
            found.append(view)
    return tuple(found)


def _view(record: RunRecord, ladder: Ladder) -> PacketView | None:
    folder = Path(record.folder)
    fitting = [
        trial
        for trial in record.trials
        if all(trial.treatment.get(name) == level for name, level in ladder.where.items())
        and packet_files.path_of(folder, trial.id, ladder.link).exists()
    ]
    fitting.sort(key=lambda trial: trial.status != "done")
    for trial in fitting[:1]:
        try:
            history = histories.load(folder, trial.id)
        except UsageError:
            return None
        return _drawn(ladder, trial, history)
    return None


def _drawn(ladder: Ladder, trial: TrialResult, history: History) -> PacketView | None:
    log = history.packets.get(ladder.link)
    if log is None or not len(log):
        return None
    return PacketView(
        caption=ladder.caption,
        trial=trial.id,
        treatment=label(trial.treatment),
        log=log,
        rtt_ms=rtt_ms(history, ladder.link),
        start_ms=ladder.start_ms,
        end_ms=ladder.end_ms,
    )


def rtt_ms(history: History, link: str) -> float | None:
    """Returns the round trip that a link of two hosts was opened with; None for any other link."""
    for event in history.events:
        if event.kind == "link" and event.name == "opened" and event.target == link:
            hosts = event.detail["hosts"].values()
            if len(hosts) == 2:
                return float(sum(host[way].get("delay_ms", 0.0) for host in hosts for way in ("up", "down")))
    return None
