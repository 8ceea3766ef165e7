"""The command line `segments`: what people and scripts start by hand.

Each module holds the commands of one thought: definitions (`validate`), one-off evaluation (`evaluate`), runs (`runs`),
reading what is published (`catalogue`), and the workspace around it (`workspace`). What loads slowly (DuckDB, dbt,
Dagster) is imported inside the commands that need it.
Not here: anything a run does. The commands parse words, call one function and show what came of it.
"""

from orchestration.cli.app import main

__all__ = ["main"]
