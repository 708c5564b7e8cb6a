"""The load engine: requests sent on a schedule, timed from the moment they were due.

- arrivals: when each request is due, as offsets from the start (`arrivals`).
- closed loop: each connection sends its next request when the last one is answered.
- open loop: requests leave on their schedule whether or not the last ones are answered.
- intended: when a request was due; sent: when it was written; done: when its answer was complete.
- lateness: how long after the intended moment the generator got round to a request. Its own fault.
- service time: done - sent. Response time: done - intended; what a user would feel.

`http1` drives many connections and keeps no task for any request. `client` and `operations` are
for correctness: one request at a time, each with the outcome `ok`, `fail` or `unknown`.
"""
