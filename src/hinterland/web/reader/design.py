"""An experiment as it runs at other levels than the usual ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from hinterland.model.experiment import Chart, Experiment, Level


def design(it: Experiment, levels: Mapping[str, Sequence[Level]]) -> Experiment:
    """Returns the experiment as it runs with these levels: factors, grid, and what its charts keep."""
    if not levels:
        return it
    return msgspec.structs.replace(
        it,
        factor={
            name: msgspec.structs.replace(factor, levels=tuple(levels[name])) if name in levels else factor
            for name, factor in it.factor.items()
        },
        grid=tuple({name: row[name] for name in row if name not in levels} for row in it.grid),
        chart=tuple(_chart(chart, levels) for chart in it.chart),
    )


def _chart(chart: Chart, levels: Mapping[str, Sequence[Level]]) -> Chart:
    where = {
        name: levels[name][0] if name in levels and level not in levels[name] else level
        for name, level in chart.where.items()
    }
    return msgspec.structs.replace(chart, where=where)
