"""Recalculations and Dagster around them, with a real DuckDB, a real dbt and real Dagster instances."""
