"""Stands in for dbt's `target` while sqlfluff renders a model: the default warehouse."""

name = "dev"
type = "duckdb"
schema = "main"
database = "segments"
