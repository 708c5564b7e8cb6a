"""Plan, trials, record, judge, stop.

`plan` and `judge` are pure. `run` drives the loop, `keeper` is the process that forks each trial and
ends whatever it leaves, `trial` is what an experiment sees, `record` is the run folder.
"""
