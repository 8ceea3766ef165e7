"""Stands in for dbt's `adapter` while sqlfluff renders a model: a dispatched macro becomes a call by its name."""

from collections.abc import Callable


def dispatch(macro_name: str, macro_namespace: str | None = None) -> Callable[..., str]:
    """Answer what dbt answers: something to call that gives SQL, here `macro_name(arguments)`."""
    return lambda *arguments, **named: f"{macro_name}({', '.join(map(str, (*arguments, *named.values())))})"
