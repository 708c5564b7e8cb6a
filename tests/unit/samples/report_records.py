"""Records to draw: shaped like real runs, with figures made up by a seeded generator."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

from msgspec.structs import replace

from hinterland.model.experiment import (
    Chart,
    ClaimDeclaration,
    Experiment,
    Factor,
    Level,
    Metric,
    Prediction,
    Source,
)
from hinterland.model.run import LeftOut, RunInfo, RunRecord
from hinterland.model.verdict import (
    Assumption,
    Evidence,
    Finding,
    Outcome,
    TrialResult,
    Verdict,
    WitnessEvent,
)

MACHINE = {
    "cpu": "Example CPU 2.10 GHz",
    "cores": 2,
    "memory_bytes": 25_000_000_000,
    "kernel": "6.18.0",
    "mitigations": {"spectre_v2": "Retpolines", "meltdown": "Not affected"},
    "governor": None,
    "clock_source": "tsc",
    "filesystem": {"type": "ext4", "device": "vda"},
    "versions": {"python": "3.11.2", "sqlite": "3.40.1", "postgresql": "15.14", "redis": "7.0.15"},
}
QUIET = Assumption(
    id="machine_quiet",
    says="other processes use less than 0.5 core",
    held=True,
    measured="0.03 cores, steal 0.1 %",
)

Measure = Callable[[dict[str, Level], random.Random], Outcome]


def record(
    experiment: Experiment,
    treatments: list[dict[str, Level]],
    blocks: int,
    measure: Measure,
    verdicts: tuple[Verdict, ...] = (),
    **info: object,
) -> RunRecord:
    """Returns a finished run of these treatments, each trial's outcome taken from `measure`."""
    dice = random.Random(7)
    trials = []
    for block in range(1, blocks + 1):
        for place, treatment in enumerate(dice.sample(treatments, len(treatments)), 1):
            outcome = measure(treatment, dice)
            trials.append(
                TrialResult(
                    id=f"b{block:03}-t{place:02}",
                    block=block,
                    treatment=treatment,
                    seed=dice.randrange(2**31),
                    status="done",
                    outcome=outcome,
                    duration_s=dice.uniform(0.6, 1.4),
                )
            )
    about = {
        "id": f"20261120-073000-{experiment.id.replace('/', '-')}-k3v9",
        "seed": 4242,
        "budget_s": experiment.budget_s,
        "started_at": 1_795_000_000.0,
        "ended_at": 1_795_000_057.4,
        "machine": MACHINE,
        "status": "finished",
        "version": "0.1.0",
        **info,
    }
    run = RunInfo(experiment=experiment, treatments=tuple(treatments), **about)  # type: ignore[arg-type]
    return RunRecord(info=run, trials=tuple(trials), verdicts=verdicts, events=(), folder=f"/runs/{run.id}")


def grid(**levels: list[Level]) -> list[dict[str, Level]]:
    """Returns every combination of the levels."""
    return [dict(zip(levels, row, strict=True)) for row in itertools.product(*levels.values())]


def idempotency() -> RunRecord:
    """Categorical variants by database; counts, witnesses, a level that this machine can't run."""
    variants: list[Level] = [
        "no_key",
        "check_then_insert",
        "key_in_transaction",
        "key_in_redis",
        "expiring_lock",
    ]
    experiment = Experiment(
        id="apis/idempotency",
        title="The second click",
        question="A customer clicks Submit twice. How many times is the card charged?",
        learned="A key protects only if it is stored in the same transaction as the charge.",
        budget_s=60,
        trial_s=0.9,
        factor={
            "variant": Factor(levels=tuple(variants), says="where the idempotency key is kept"),
            "database": Factor(levels=("sqlite", "postgresql"), says="what the charges are stored in"),
            "crash": Factor(
                levels=("none", "between_steps"), says="whether the server is killed between two steps"
            ),
        },
        metric={
            "double_charges": Metric(
                unit="charges",
                better="lower",
                says="charges beyond the first",
                name="double charges",
                scale="count",
            ),
            "latency_ms": Metric(unit="ms", better="lower", says="median time of a submit", name="latency"),
        },
        claim=(
            ClaimDeclaration(
                id="one_transaction",
                says="A key stored in the charge's own transaction never charges twice, even when "
                "the process dies in between.",
                control="check, then insert: the same handler with the key looked up before the transaction",
            ),
            ClaimDeclaration(
                id="redis_gap",
                says="A key in Redis beside the database never charges twice.",
                control="no key at all",
            ),
            ClaimDeclaration(
                id="cheap",
                says="The key costs less than a factor of 1.5 in latency.",
                control="a key with a lock that expires under a slow handler",
                main=False,
            ),
        ),
        prediction=Prediction(
            kind="choice",
            ask="Which of these never charges twice?",
            options=tuple(str(variant) for variant in variants),
            answer="Only key_in_transaction.",
        ),
        source=(
            Source(
                title="Designing robust and predictable APIs with idempotency",
                url="https://stripe.com/blog/idempotency",
                says="keys are kept at least 24 hours",
            ),
            Source(
                title="The Idempotency-Key HTTP header field",
                url="https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/",
            ),
        ),
        chart=(
            Chart(
                metric="double_charges",
                by="variant",
                series="database",
                caption="Only the key in the charge's own transaction charges nobody twice.",
            ),
            Chart(
                metric="latency_ms",
                by="variant",
                series="database",
                where={"crash": "none"},
                caption="What each way of keeping the key costs.",
            ),
        ),
    )
    usual = {
        "no_key": 40,
        "check_then_insert": 14,
        "key_in_transaction": 0,
        "key_in_redis": 3,
        "expiring_lock": 6,
    }

    def measure(treatment: dict[str, Level], dice: random.Random) -> Outcome:
        mean = usual[str(treatment["variant"])] * (1.4 if treatment["crash"] == "between_steps" else 0.8)
        slow = 4.1 if treatment["database"] == "postgresql" else 1.9
        charges = float(max(0, round(dice.gauss(mean, mean / 5)))) if mean else 0.0
        return Outcome(
            metrics={"double_charges": charges, "latency_ms": slow * dice.lognormvariate(0, 0.15)},
            tries={"double_charge": 200},
            assumptions=(
                QUIET,
                Assumption(
                    id="fault_fired",
                    says="each planned kill ended its process",
                    held=True,
                    measured="gone in 2 ms",
                ),
            ),
        )

    story = Finding(
        kind="double_charge",
        key="intent-0042",
        says="variant=check_then_insert database=sqlite crash=between_steps: one click, two charges of 42.00",
        witness=(
            WitnessEvent(t_ms=812.0, actor="customer", says="submits intent-0042 with key k-17"),
            WitnessEvent(
                t_ms=813.1, actor="server", says="looks up k-17, finds nothing, and charges the card"
            ),
            WitnessEvent(
                t_ms=813.9, actor="rig", says="kills the server between charge and insert of the key"
            ),
            WitnessEvent(
                t_ms=1046.0,
                actor="customer",
                says="retries intent-0042 with the same key after its connection was cut",
            ),
            WitnessEvent(
                t_ms=1047.3, actor="server", says="looks up k-17, finds nothing, and charges the card again"
            ),
        ),
    )
    verdicts = (
        Verdict(
            claim="one_transaction",
            says=experiment.claim[0].says,
            verdict="holds",
            form="never",
            evidence=Evidence(
                verdict="holds",
                says="double charge: 0 in 6,400 tries (rate at most 0.09%)",
                estimate=0.0,
                low=0.0,
                high=0.0009,
                unit="share",
                threshold=0.01,
                blocks=8,
                tries=6400,
                assumed="tries are exchangeable; no shape of any distribution",
            ),
            control=Evidence(
                verdict="refuted",
                says="double charge: 560 in 6,400 tries (rate at most 9.91%)",
                estimate=0.0875,
                low=0.077,
                high=0.0991,
                unit="share",
                threshold=0.01,
                blocks=8,
                tries=6400,
                violations=560,
            ),
            control_says=experiment.claim[0].control,
            witnesses=(story,),
        ),
        Verdict(
            claim="redis_gap",
            says=experiment.claim[1].says,
            verdict="refuted",
            form="never",
            evidence=Evidence(
                verdict="refuted",
                says="double charge: 104 in 6,400 tries (rate at most 2.1%)",
                estimate=0.0163,
                low=0.0122,
                high=0.021,
                unit="share",
                threshold=0.01,
                blocks=8,
                tries=6400,
                violations=104,
                assumed="tries are exchangeable; no shape of any distribution",
            ),
            control=Evidence(
                verdict="refuted",
                says="double charge: 1,600 in 6,400 tries",
                estimate=0.25,
                low=0.23,
                high=0.27,
                unit="share",
                threshold=0.01,
                blocks=8,
                tries=6400,
                violations=1600,
            ),
            control_says=experiment.claim[1].control,
        ),
        Verdict(
            claim="cheap",
            says=experiment.claim[2].says,
            verdict="inconclusive",
            form="difference_within",
            main=False,
            cause="after 8 blocks the ratio is only known to be 1.31 x to 1.62 x",
            evidence=Evidence(
                verdict="inconclusive",
                says="latency ms: 1.45 x, between 1.31 x to 1.62 x; asked: within 1.5",
                estimate=1.45,
                low=1.31,
                high=1.62,
                unit="x",
                threshold=1.5,
                blocks=8,
                assumed="paired log ratios are symmetric",
            ),
            control=Evidence(
                verdict="refuted",
                says="latency ms: 2.4 x",
                estimate=2.4,
                low=2.1,
                high=2.8,
                unit="x",
                threshold=1.5,
                blocks=8,
            ),
            control_says=experiment.claim[2].control,
        ),
    )
    treatments = grid(variant=variants, database=["sqlite", "postgresql"], crash=["none", "between_steps"])
    return record(
        experiment,
        treatments,
        4,
        measure,
        verdicts,
        left_out=(
            LeftOut(
                factor="database", level="mysql", why="mariadb is not installed: apt install mariadb-server"
            ),
        ),
    )


def read_write_ratio() -> RunRecord:
    """A numeric factor, three engines, a logarithmic metric and a crossover."""
    ratios: list[Level] = [0.0, 0.25, 0.5, 0.75, 0.95, 1.0]
    experiment = Experiment(
        id="storage/read_write_ratio",
        title="Where the best engine changes",
        question="At which read/write ratio does the best storage engine change?",
        learned="Measure the mix: blending pure reads and pure writes predicts the wrong winner.",
        budget_s=60,
        trial_s=1.1,
        factor={
            "read_ratio": Factor(
                levels=tuple(ratios),
                says="share of operations that read",
                name="share of reads",
                unit="share",
            ),
            "engine": Factor(levels=("sqlite", "lmdb", "rocksdb"), says="the storage engine"),
        },
        metric={
            "throughput": Metric(unit="operations/s", better="higher", says="operations done a second"),
            "written_bytes": Metric(
                unit="bytes a user byte", better="lower", says="device bytes", name="write amplification"
            ),
        },
        claim=(
            ClaimDeclaration(
                id="crossover",
                says="RocksDB wins where writes dominate, LMDB where reads do.",
                control="LMDB against itself",
            ),
            ClaimDeclaration(
                id="writes",
                says="With writes alone RocksDB does at least 3 times what LMDB does.",
                control="reads alone",
            ),
        ),
        prediction=Prediction(
            kind="number",
            ask="At which share of reads do LMDB and RocksDB draw?",
            answer="about 82",
            unit="%",
        ),
        source=(
            Source(
                title="LevelDB benchmarks (2011)", url="http://www.lmdb.tech/bench/microbench/benchmark.html"
            ),
        ),
        chart=(
            Chart(
                metric="throughput",
                by="read_ratio",
                series="engine",
                scale="log",
                caption="RocksDB leads while writes dominate; LMDB overtakes it when reads do.",
            ),
            Chart(
                metric="written_bytes",
                by="read_ratio",
                series="engine",
                where={},
                caption="Bytes that reach the device for each byte that the user wrote.",
            ),
        ),
    )
    ends = {"sqlite": (28.5e3, 158e3), "lmdb": (44.6e3, 442e3), "rocksdb": (246e3, 173e3)}

    def measure(treatment: dict[str, Level], dice: random.Random) -> Outcome:
        share, engine = float(treatment["read_ratio"]), str(treatment["engine"])
        low, high = ends[engine]
        rate = math.exp((1 - share**2) * math.log(low) + share**2 * math.log(high)) * dice.lognormvariate(
            0, 0.12
        )
        written = {"sqlite": 70.5, "lmdb": 37.0, "rocksdb": 5.2}[engine] * dice.lognormvariate(0, 0.05)
        metrics = {"throughput": rate} | ({"written_bytes": written} if share < 1 else {})
        return Outcome(metrics=metrics, assumptions=(QUIET,))

    verdicts = (
        Verdict(
            claim="crossover",
            says=experiment.claim[0].says,
            verdict="holds",
            form="crossover",
            evidence=Evidence(
                verdict="holds",
                says="rocksdb is 5.5 x lmdb at read_ratio 0 and 0.39 x at 1; they cross at 0.82",
                estimate=0.82,
                low=0.75,
                high=0.95,
                unit="share",
                blocks=6,
                assumed="paired log ratios are symmetric about their centre",
            ),
            control=Evidence(verdict="refuted", says="lmdb is 1 x lmdb at both ends", unit="share", blocks=6),
            control_says=experiment.claim[0].control,
        ),
        Verdict(
            claim="writes",
            says=experiment.claim[1].says,
            verdict="holds",
            form="ratio_at_least",
            evidence=Evidence(
                verdict="holds",
                says="throughput: 5.51 x, between 4.6 x to 6.6 x (medians 2.46e+05 and 4.46e+04)",
                estimate=5.51,
                low=4.6,
                high=6.6,
                unit="x",
                threshold=3.0,
                blocks=6,
                assumed="paired log ratios are symmetric",
            ),
            control=Evidence(
                verdict="refuted",
                says="throughput: 0.39 x",
                estimate=0.39,
                low=0.33,
                high=0.47,
                unit="x",
                threshold=3.0,
                blocks=6,
            ),
            control_says=experiment.claim[1].control,
        ),
    )
    return record(
        experiment, grid(read_ratio=ratios, engine=["sqlite", "lmdb", "rocksdb"]), 6, measure, verdicts
    )


def c10k() -> RunRecord:
    """100 to 10,000 connections, six models whose lines end close together, an infinite value."""
    models: list[Level] = [
        "thread_per_connection",
        "process_pool",
        "asyncio",
        "uvloop",
        "nodejs",
        "java_virtual_threads",
    ]
    experiment = Experiment(
        id="execution/c10k",
        title="Ten thousand clients",
        question="Ten thousand clients connect, most of them idle: which server still answers?",
        learned="Threads do reach ten thousand; what differs is memory and the tail.",
        budget_s=90,
        trial_s=2.5,
        factor={
            "connections": Factor(levels=(100, 1000, 10000), says="clients connected at once"),
            "model": Factor(levels=tuple(models), says="how the server attends to its clients"),
        },
        metric={
            "memory_bytes": Metric(
                unit="bytes", better="lower", says="resident memory of the server", name="resident memory"
            ),
            "p99_ms": Metric(
                unit="ms", better="lower", says="99th percentile of the active clients", name="p99 latency"
            ),
        },
        claim=(
            ClaimDeclaration(
                id="memory",
                says="At 10,000 connections threads take at least 3 times the memory of an event loop.",
                control="100 connections",
            ),
        ),
        prediction=Prediction(kind="curve", ask="Draw memory against connections."),
        source=(),
    )
    each = dict(zip(map(str, models), (43e3, 12e3, 3.7e3, 3.6e3, 4.2e3, 9e3), strict=True))

    def measure(treatment: dict[str, Level], dice: random.Random) -> Outcome:
        connections, model = float(treatment["connections"]), str(treatment["model"])
        memory = (18e6 + connections * each[model]) * dice.lognormvariate(0, 0.03)
        latency = (
            0.4
            * (connections / 100) ** (0.9 if model.startswith("thread") else 0.45)
            * dice.lognormvariate(0, 0.2)
        )
        if model == "process_pool" and connections == 10000:
            latency = math.inf
        series = (
            {"latency over time": [(t / 10, latency * (1 + 0.3 * math.sin(t))) for t in range(20)]}
            if latency < 1e9
            else {}
        )
        return Outcome(
            metrics={"memory_bytes": memory, "p99_ms": latency}, assumptions=(QUIET,), series=series
        )

    verdict = Verdict(
        claim="memory",
        says=experiment.claim[0].says,
        verdict="holds",
        form="ratio_at_least",
        evidence=Evidence(
            verdict="holds",
            says="memory bytes: 7.9 x, between 7.2 x to 8.6 x",
            estimate=7.9,
            low=7.2,
            high=8.6,
            unit="x",
            threshold=3.0,
            blocks=3,
            assumed="a t mixture over paired log ratios",
        ),
        control=Evidence(
            verdict="refuted",
            says="memory bytes: 1.2 x",
            estimate=1.2,
            low=0.9,
            high=1.5,
            unit="x",
            threshold=3.0,
            blocks=3,
        ),
        control_says="100 connections",
    )
    return record(experiment, grid(connections=[100, 1000, 10000], model=models), 3, measure, (verdict,))


def delivery() -> RunRecord:
    """Two numeric factors, zeros on a logarithmic axis, no chart declared but one."""
    ways: list[Level] = ["short_polling", "long_polling", "sse", "websocket"]
    experiment = Experiment(
        id="patterns/delivery",
        title="Who hears the news first",
        question="Who hears the news first, and at what price?",
        learned="Polling costs half its interval in delay; pushing costs a connection.",
        budget_s=60,
        trial_s=2,
        factor={
            "way": Factor(levels=tuple(ways), says="how the client learns of an event"),
            "rate_per_s": Factor(levels=(1, 50), says="events a second", name="event rate", unit="/s"),
            "clients": Factor(levels=(10,), says="clients that listen"),
        },
        metric={
            "delay_ms": Metric(unit="ms", better="lower", says="from event to client", name="delivery delay"),
            "requests_per_event": Metric(
                unit="requests an event", better="lower", says="cost", name="requests"
            ),
        },
        claim=(
            ClaimDeclaration(
                id="push",
                says="Long polling, SSE and WebSocket deliver within a factor of 2 of each other.",
                control="short polling in place of SSE",
            ),
        ),
        prediction=Prediction(
            kind="choice",
            ask="Which is fastest?",
            options=tuple(map(str, ways)),
            answer="All but short polling, about equally.",
        ),
        source=(
            Source(
                title="Server-sent events",
                url="https://html.spec.whatwg.org/multipage/server-sent-events.html",
            ),
        ),
        chart=(
            Chart(
                metric="delay_ms",
                by="way",
                series="rate_per_s",
                scale="log",
                caption="Polling waits half its interval; the others do not.",
            ),
            Chart(
                metric="requests_per_event",
                by="way",
                series="rate_per_s",
                scale="log",
                caption="Requests that one event costs.",
            ),
        ),
    )

    def measure(treatment: dict[str, Level], dice: random.Random) -> Outcome:
        way = str(treatment["way"])
        delay = {"short_polling": 260.0, "long_polling": 2.1, "sse": 1.1, "websocket": 0.9}[
            way
        ] * dice.lognormvariate(0, 0.2)
        requests = (
            {"short_polling": 2.0, "long_polling": 1.0}.get(way, 0.0) / float(treatment["rate_per_s"]) * 10
        )
        return Outcome(metrics={"delay_ms": delay, "requests_per_event": requests}, assumptions=(QUIET,))

    verdict = Verdict(
        claim="push",
        says=experiment.claim[0].says,
        verdict="holds",
        form="difference_within",
        evidence=Evidence(
            verdict="holds",
            says="delay ms: 1.2 x, between 0.97 x to 1.46 x",
            estimate=1.2,
            low=0.97,
            high=1.46,
            unit="x",
            threshold=2.0,
            blocks=5,
            assumed="paired log ratios are symmetric",
        ),
        control=Evidence(
            verdict="refuted",
            says="delay ms: 240 x",
            estimate=240.0,
            low=190.0,
            high=310.0,
            unit="x",
            threshold=2.0,
            blocks=5,
        ),
        control_says="short polling in place of SSE",
    )
    return record(experiment, grid(way=ways, rate_per_s=[1, 50], clients=[10]), 5, measure, (verdict,))


def interrupted() -> RunRecord:
    """Cut short in its first block: one verdict without an interval, the rest not judged."""
    whole = idempotency()
    open_evidence = Evidence(
        verdict="inconclusive",
        says="double charge: 0 in 400 tries (rate at most 1.4%)",
        estimate=0.0,
        low=0.0,
        high=0.014,
        unit="share",
        threshold=0.01,
        blocks=1,
        tries=400,
        cause="400 tries",
    )
    verdict = replace(
        whole.verdicts[0],
        verdict="inconclusive",
        cause="interrupted",
        evidence=open_evidence,
        control=Evidence(
            verdict="inconclusive", says="no trial", cause="no trial of variant=check_then_insert was run"
        ),
        witnesses=(),
    )
    info = replace(whole.info, status="interrupted", cause="Ctrl-C in block 1", ended_at=None)
    return replace(whole, info=info, trials=whole.trials[:7], verdicts=(verdict,))


def broken() -> RunRecord:
    """Inconclusive: assumptions broke, trials are void or failed, with log lines; bounds still infinite."""
    whole = delivery()
    trials = []
    for number, trial in enumerate(whole.trials):
        if number % 3 == 0:
            noisy = Assumption(
                id="machine_quiet",
                says=QUIET.says,
                held=False,
                measured=f"{0.6 + number / 50:.2f} cores, steal 7.2 %",
            )
            outcome = replace(trial.outcome, assumptions=(noisy,))
            trial = replace(
                trial,
                status="void",
                cause="machine_quiet broke: other processes used too much",
                outcome=outcome,
            )
        elif number % 7 == 1:
            log = (
                "Traceback (most recent call last):",
                '  File "server.py", line 9, in <module>',
                "OSError: [Errno 98] Address already in use",
            )
            trial = replace(
                trial,
                status="failed",
                cause="sse ended with status 1 before it answered",
                outcome=Outcome(),
                log=log,
            )
        trials.append(trial)
    evidence = replace(
        whole.verdicts[0].evidence,
        verdict="inconclusive",
        estimate=1.3,
        low=-math.inf,
        high=None,
        cause="14 of 40 trials gave no evidence",
    )
    verdict = replace(
        whole.verdicts[0],
        verdict="inconclusive",
        evidence=evidence,
        cause="14 of 40 trials gave no evidence: machine_quiet broke: other processes used too much",
    )
    return replace(whole, trials=tuple(trials), verdicts=(verdict,))


def empty() -> RunRecord:
    """A run that failed before its first trial."""
    whole = idempotency()
    info = replace(whole.info, status="failed", cause="PostgreSQL did not start", machine={}, ended_at=None)
    return replace(whole, info=info, trials=(), verdicts=())


def running() -> RunRecord:
    """A run under way after one trial."""
    whole = c10k()
    info = replace(whole.info, status="running", ended_at=None)
    return replace(whole, info=info, trials=whole.trials[:1], verdicts=())


def expecting() -> RunRecord:
    """A metric beside what should come out: by category, along a number, with and without series.

    Nothing is expected of `odd`; of `unknown` there is no valid trial; what is expected of `far` is 40 times
    what is measured.
    """
    variants: list[Level] = ["near", "far", "odd", "unknown"]
    where: dict[str, Level] = {"variant": "near"}
    charts = [
        Chart(metric="took_ms", by="variant", series="distance", expected="formula_ms", caption="Rows."),
        Chart(metric="took_ms", by="variant", expected="formula_ms", scale="log", caption="Logarithmic."),
        Chart(metric="took_ms", by="distance", series="variant", expected="formula_ms", caption="Lines."),
        Chart(
            metric="took_ms",
            by="distance",
            expected="formula_ms",
            expected_where=where,
            caption="Restricted.",
        ),
    ]
    experiment = replace(
        delivery().info.experiment,
        factor={
            "variant": Factor(levels=tuple(variants), says="what goes"),
            "distance": Factor(levels=(1, 2, 4), says="how far", unit="ms"),
        },
        metric={
            "took_ms": Metric(unit="ms", better="lower", says="how long it took"),
            "formula_ms": Metric(unit="ms", better="neither", says="by the formula", name="by the formula"),
        },
        chart=tuple(charts),
    )

    def measure(treatment: dict[str, Level], dice: random.Random) -> Outcome:
        took_ms = 10.0 * float(treatment["distance"])
        factor = {"near": 1.0, "far": 40.0}.get(str(treatment["variant"]))
        metrics = {} if treatment["variant"] == "unknown" else {"took_ms": took_ms}
        return Outcome(metrics=metrics if factor is None else metrics | {"formula_ms": factor * took_ms})

    return record(experiment, grid(variant=variants, distance=[1, 2, 4]), 2, measure)


ALL: dict[str, Callable[[], RunRecord]] = {
    "expecting": expecting,
    "idempotency": idempotency,
    "read_write_ratio": read_write_ratio,
    "c10k": c10k,
    "delivery": delivery,
    "interrupted": interrupted,
    "broken": broken,
    "empty": empty,
    "running": running,
}
