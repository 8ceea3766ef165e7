"""Stands in for dbt's `model` while sqlfluff renders a model: something that has been written."""

raw_code = "select 1"
