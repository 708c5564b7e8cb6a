"""The load engine: requests sent on a schedule, timed from the moment they were due.

- arrivals: when each request is due, as offsets from the start (`arrivals`).
- closed loop: each connection sends its next request when the last one is answered.
- open loop: requests leave on their schedule whether or not the last ones are answered.
- intended: when a request was due; sent: when it was written; done: when its answer was complete.
- lateness: how long after the intended moment the generator got round to a request. Its own fault.
- service time: done - sent. Response time: done - intended; what a user would feel.

- visit: one request, or a chain of them, that becomes due as one. lane: what carries one operation at a time.

A driver of a protocol makes lanes (`drivers`), a loop decides what each carries next (`engine.loops`), a
pacer looks when something is due (`engine.pacing`), and nobody keeps a task for a request. `inline` does that
in this process for an experiment's trial; `worker` is a process of its own that does its share of a
`LoadPlan` and tells what it counted, to be added up (`conductor`).
"""
