"""The landing area as the warehouse sees it: views over files, and a ledger of which files were read.

`load_landing` puts views of the current files into the schema raw, dbt builds staging from them, and
`confirm_landing` notes that it did. A run that dies in between is repeated without harm.
Not here: what makes a row usable (dbt_project/models/staging/), listing files (connectors/landing_files.py), Dagster.
"""

from connectors.landing_files import LandingError
from orchestration.landing.load import LandingReport, confirm_landing, load_landing, load_messages

__all__ = ["LandingError", "LandingReport", "confirm_landing", "load_landing", "load_messages"]
