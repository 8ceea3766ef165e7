"""Static lists: files of identifiers that somebody uploads, read once per version into a ledger in the warehouse.

`load_lists` takes what is new or changed into `raw.list_uploads` and `raw.list_rows`, with a verdict on the form of
every row. An upload carries the number of the run that read it, and so becomes visible with it or not at all.
Not here: who the identifiers belong to (dbt_project/models/state/list_matches.sql).
"""
