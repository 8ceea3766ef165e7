"""Mixpanel: its cohorts and their members (cohorts.py), and its raw events by day (export.py)."""
