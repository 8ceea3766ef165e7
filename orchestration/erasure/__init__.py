"""Erasure: one person leaves every place of a workspace for good, and what was purged is said.

`erase` (`erase.py`) is the one way in. Who a person is stands in `person.py`; the places are landing files and lists
(`files.py`, with the formats in `rows.py`), the warehouse (`warehouse.py`), what activations have sent (`sent.py`), and
what else lies beside it (`beside.py`).
Not here: files that were handed to others, and vendors, who have to be asked to do the same.
"""
