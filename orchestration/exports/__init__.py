"""Exports: the members of a segment as a file for other programs and people, with a manifest that says what it is.

`write_export` (`write.py`) is the one way in. What is asked stands in `request.py` and `fields.py`, who is in it and
what of them in `collect.py`, each format in a module of its own, and what was written in `manifest.py`, `ledger.py`.
Not here: when something is exported, whether it may be, and sending it anywhere.
"""
