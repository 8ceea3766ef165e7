"""What the outside world starts: one module per kind of thing that is watched.

Sensors run in the daemon, beside recalculations, so none of them opens the warehouse. Not here: the clock
(`orchestration/schedules.py`).
"""
