"""How often something happened, with its interval and its target."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import binomtest


@dataclass(frozen=True)
class Score:
    """`hits` among `runs`. A target is met when the share of hits is on its good side.

    `at_most` or `at_least` is the target; with neither the score is there to be read, not judged. Fewer than
    `least_runs` runs miss any target.
    """

    name: str
    hits: int
    runs: int
    at_most: float | None = None
    at_least: float | None = None
    least_runs: int = 1
    remark: str = ""

    @property
    def share(self) -> float:
        return self.hits / self.runs if self.runs else float("nan")

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        if self.at_most is None and self.at_least is None:
            return True
        if self.runs < self.least_runs:
            return False
        if self.at_most is not None:
            return self.share <= self.at_most
        if self.at_least is not None:
            return self.share >= self.at_least
        return True

    def interval(self) -> tuple[float, float]:
        """The exact 95 % binomial interval of the share (Clopper and Pearson 1934)."""
        if not self.runs:
            return 0.0, 1.0
        found = binomtest(self.hits, self.runs).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)

    def as_dict(self) -> dict[str, object]:
        """The score as JSON knows it."""
        low, high = self.interval()
        return {
            "name": self.name, "hits": self.hits, "runs": self.runs, "share": self.share, "low": low,
            "high": high, "at_most": self.at_most, "at_least": self.at_least, "met": self.met,
            "remark": self.remark,
        }  # fmt: skip

    def as_line(self) -> str:
        """The score as one line of text."""
        low, high = self.interval()
        target = ""
        if self.at_most is not None:
            target = f"target: at most {self.at_most:.0%}"
        elif self.at_least is not None:
            target = f"target: at least {self.at_least:.0%}"
        state = ("met" if self.met else "MISSED") if target else ""
        share = f"{self.share:7.2%} ({low:.2%} to {high:.2%})"
        line = (
            f"  {self.name:<42} {self.hits:>5}/{self.runs:<6} {share:<27} {target:<21} {state} {self.remark}"
        )
        return line.rstrip()
