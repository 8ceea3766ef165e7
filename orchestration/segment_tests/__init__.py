"""Tests that stand in segment files, run on small people in a database in memory: no dbt, no Dagster, no landing files.

The rules are compiled to the same models as in a daily run. Not here: how tests are written
(`segmentation/language/parse_tests.py`), and the command (`orchestration/cli/test.py`).
"""
