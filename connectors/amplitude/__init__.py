"""Amplitude: its cohorts and their members (cohorts.py), and its raw events by day of upload (export.py)."""
