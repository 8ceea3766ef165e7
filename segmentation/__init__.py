"""What a segment is: the language people write, its meaning in time, and the plan that computes it.

Plain Python. Here: reading and checking definitions (`language/`), the clock and its windows (`clock.py`),
and the compiler from rules to one shared SQL plan (`plan/`).
Not here: Dagster, HTTP, open databases, and where any file of data lies.
"""
