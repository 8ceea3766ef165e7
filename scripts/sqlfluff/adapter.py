"""Stands in for dbt's `adapter` while sqlfluff renders a model: a dispatched macro becomes a call by its name, and a
statement finds something."""

from collections.abc import Callable
from types import SimpleNamespace


def dispatch(macro_name: str, macro_namespace: str | None = None) -> Callable[..., str]:
    """Answer what dbt answers: something to call that gives SQL, here `macro_name(arguments)`."""
    return lambda *arguments, **named: f"{macro_name}({', '.join(map(str, (*arguments, *named.values())))})"


def execute(sql: str, fetch: bool = False) -> tuple[None, SimpleNamespace]:
    """Answer what dbt answers: what the warehouse says, and a table, here of one row."""
    return None, SimpleNamespace(rows=[sql] if fetch else [])
