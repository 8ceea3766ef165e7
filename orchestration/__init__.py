"""The pipeline around the plan: files and the warehouse in, Dagster and the command line out.

Here: settings, the warehouse, the dbt project, one recalculation from landing to published members, and what people
touch (`cli/`, Dagster's assets, schedules and jobs).
Not here: vendors' fields (`connectors/`), the meaning of rules (`segmentation/`), set logic (`dbt_project/`).
"""
