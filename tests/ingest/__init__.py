"""Pulls through Dagster: assets, jobs, gates, and what a failed pull leaves behind."""
