"""What a finished run comes to for the command line: its exit status, its document, its report file."""

from __future__ import annotations

from pathlib import Path

from hinterland import errors
from hinterland.cli.terminal.documents import RunDocument
from hinterland.cli.terminal.store import store_option
from hinterland.model.run import RunRecord
from hinterland.model.verdict import Verdict, VerdictWord

STATUS_OF: dict[VerdictWord, int] = {
    "holds": errors.HOLDS,
    "refuted": errors.REFUTED,
    "inconclusive": errors.INCONCLUSIVE,
}
WORST_FIRST = (
    errors.INTERRUPTED,
    errors.INTERNAL,
    errors.SETUP,
    errors.USAGE,
    errors.REFUTED,
    errors.INCONCLUSIVE,
    errors.HOLDS,
)


def worst(statuses: list[int]) -> int:
    """Returns the exit status of several runs: the worst of theirs, 0 for none."""
    return min(statuses, key=WORST_FIRST.index, default=errors.HOLDS)


def worst_of_those_that_ran(statuses: list[int]) -> int:
    """Returns the worst of several runs; that one can't run here counts only where all can't."""
    return worst([status for status in statuses if status != errors.SETUP] or statuses)


def exit_status(record: RunRecord) -> int:
    """Returns 130 for an interrupted run, else what its main claims come to, the worst first."""
    if record.info.status == "interrupted":
        return errors.INTERRUPTED
    if record.info.status == "failed":
        return errors.INTERNAL
    return worst([STATUS_OF[verdict.verdict] for verdict in main_verdicts(record)] or [errors.INCONCLUSIVE])


def main_verdicts(record: RunRecord) -> list[Verdict]:
    """Returns the verdicts on the claims that the experiment was made for; all if none is marked."""
    return [verdict for verdict in record.verdicts if verdict.main] or list(record.verdicts)


def document(record: RunRecord, changed: tuple[str, ...] = ()) -> RunDocument:
    """Returns a run as `--json` prints it."""
    from hinterland.report import weather

    info = record.info
    return RunDocument(
        run=info.id,
        experiment=info.experiment.id,
        status=info.status,
        cause=info.cause,
        exit_status=exit_status(record),
        verdicts=record.verdicts,
        learned=info.experiment.learned,
        blocks=len({trial.block for trial in record.trials}),
        trials=len(record.trials),
        trials_lost=sum(trial.status != "done" for trial in record.trials),
        left_out=info.left_out,
        seed=info.seed,
        budget_s=info.budget_s,
        started_at=info.started_at,
        ended_at=info.ended_at,
        folder=record.folder,
        report=str(report_path(record)),
        changed=changed,
        trials_disturbed=sum(bool(trial.disturbed) for trial in record.trials),
        weather=weather.overall(record.trials),
        noise=weather.says(record),
    )


def report_path(record: RunRecord) -> Path:
    """Returns where a run's report stands, written or not."""
    return Path(record.folder) / "report.html"


def page(record: RunRecord) -> str:
    """Returns the report as one HTML file, with the lesson if the experiment is installed here."""
    from hinterland.report import html
    from hinterland.runner.record.packet_views import packet_views

    lesson = Path(record.info.experiment.folder) / "lesson.md"
    text = lesson.read_text(encoding="utf-8") if lesson.is_file() else ""
    return html.render(record, text, packet_views(record), store_option())


def write_report(record: RunRecord) -> Path:
    """Writes report.html into the run's folder whole and returns its path."""
    from hinterland.runner.record.folder import RunFolder

    path = report_path(record)
    RunFolder(path.parent).write_bytes(path.name, page(record).encode())
    return path


def open_in_browser(path: Path) -> bool:
    """Opens a file in the person's browser; says so and returns False where there is none."""
    import sys
    import webbrowser

    if webbrowser.open(path.as_uri()):
        return True
    print(f"No browser could be opened here. The report is {path}", file=sys.stderr)
    return False
