"""Pulls: a vendor's data into landing files, one audience, day or table at a time, each whole or not at all.

What fails leaves the last good file where it is, is noted in `_pulls.jsonl` beside the tables, and keeps nothing else
from being pulled, unless it would fail for the same reason.
Not here: the calls themselves (mixpanel/, amplitude/, netmera.py), and when a pull runs.
"""
