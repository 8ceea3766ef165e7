"""What Dagster shows: landing tables, dbt models, and one asset per segment, in one graph.

Each module makes assets for one settings object. Not here: when they run (`jobs.py`, `schedules.py`), and how a
recalculation works (`orchestration/recalculation.py`).
"""
