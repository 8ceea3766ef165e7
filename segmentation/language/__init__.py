"""The segment language: YAML files in, checked definitions or errors with file and line out.

`model/` is what everything else works with. Not here: SQL, data, and what a definition's members are.
"""
