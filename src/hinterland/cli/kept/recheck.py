"""`hinterland recheck RUN`: the verdicts again, from the files alone."""

from __future__ import annotations

from hinterland import catalogue
from hinterland.cli.run.ending import document, exit_status
from hinterland.cli.terminal.options import Json, RunName
from hinterland.cli.terminal.output import VERDICT_SIGN, VERDICT_STYLE, paint, print_json, wrapped
from hinterland.model.run import RunRecord
from hinterland.runner.recheck import is_without_claims
from hinterland.runner.recheck import recheck as judge_again
from hinterland.runner.record.folder import find
from hinterland.store import default_store


def recheck(run: RunName, /, *, json: Json = False) -> int:
    """Judge a run again from its files alone, by the claims in its record; nothing is written.

    Histories are read by the code that is installed now. Says which verdicts changed. The exit status is
    that of the new verdicts.
    """
    folder = find(default_store(), run)
    before = folder.record()
    todays = is_without_claims(before.info.experiment)
    after = judge_again(folder, catalogue.find(before.info.experiment.id) if todays else None)
    if json:
        print_json(document(after, changed(before, after)))
        return exit_status(after)
    kept = {verdict.claim: verdict.verdict for verdict in before.verdicts}
    print(f"{after.info.id}: {len(after.trials)} trials judged again")
    if todays:
        print(wrapped("This record is of format 1, without its claims' thresholds: today's claims judge it."))
    print()
    for verdict in after.verdicts:
        sign = paint(f"{VERDICT_SIGN[verdict.verdict]} {verdict.verdict}", VERDICT_STYLE[verdict.verdict])
        was = kept.get(verdict.claim, "not judged")
        note = "" if was == verdict.verdict else paint(f"  (was {was})", "yellow")
        print(f"{sign}  {verdict.claim}{note}")
        print(wrapped(verdict.evidence.says or verdict.says, 4))
        if verdict.cause:
            print(wrapped(f"because: {verdict.cause}", 4))
    count = len(changed(before, after))
    print(f"\n{('No verdict', '1 verdict')[count] if count < 2 else f'{count} verdicts'} changed.")
    return exit_status(after)


def changed(before: RunRecord, after: RunRecord) -> tuple[str, ...]:
    """Returns the claims whose verdict differs."""
    kept = {verdict.claim: verdict.verdict for verdict in before.verdicts}
    return tuple(verdict.claim for verdict in after.verdicts if kept.get(verdict.claim) != verdict.verdict)
