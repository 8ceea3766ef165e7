"""The models around predictions of the dbt project on tables made by hand: the same SQL and Python, without dbt.

Not here: the tables they read (`engine.py`).
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from orchestration.segment_tests import memory

FOLDER = Path(__file__).parents[2] / "dbt_project" / "models" / "predictions"
PYTHON = {file.stem: file for file in FOLDER.glob("*.py")}
WRITTEN = {file.stem: file.read_text(encoding="utf-8") for file in FOLDER.iterdir() if file.suffix in (".sql", ".py")}


def build_prediction(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """One of the models, on those it reads."""
    if name in PYTHON:
        model: Callable[..., Any] = runpy.run_path(str(PYTHON[name]))["model"]
        made = model(_Dbt(connection), connection)  # noqa: F841  (the statement reads it by name)
        connection.execute(f"create table {name} as from made")
    else:
        connection.execute(f"create table {name} as {memory.rendered(WRITTEN[name])}")


class _Dbt:
    """What dbt hands to a model in Python."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.ref = connection.table

    def config(self, **_: Any) -> None:
        """Says how the model is stored, which is no matter here."""
