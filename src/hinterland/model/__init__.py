"""The words of Hinterland as plain, frozen, typed values.

Imports nothing of ours and does no I/O. One word for one thing:

- experiment: one question about one fundamental; region: a part of the atlas.
- factor: something set; level: a value of it; treatment: a level for every factor.
- trial: one run of one treatment; block: one trial of each treatment, in random order.
- metric: a measured outcome, with its unit and which way is better.
- operation: one request, with the outcome `ok`, `fail` (certainly did not happen) or
  `unknown` (may have happened).
- history: every operation and fault of a trial, on one monotonic clock.
- finding: what a checker concludes from a history; witness: the events that prove it.
- claim: a statement judged over all trials; control: a treatment in which it must come
  out the other way; verdict: `holds`, `refuted` or `inconclusive`.
- assumption: a fact that must be true for a verdict to mean anything.

`experiment` has no heavy import, so that listing the catalogue stays quick; `history`
needs NumPy.
"""
