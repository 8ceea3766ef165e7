"""From checked definitions to one shared SQL plan: every distinct condition once, one bit per user and condition.

`compile.py` is the way in. Values become SQL in `sql.py` only; each family of leaves has a module of its own.
Not here: reading YAML, running SQL, and what happens to the members afterwards (the dbt models do that).
"""
