"""From landing files to staging, with a real DuckDB and a real dbt: what is read, kept, put aside and refused."""
