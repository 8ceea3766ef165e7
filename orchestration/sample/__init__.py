"""The sample workspace: an invented shop whose data is there when no real data is, and grows by a day each day.

`write_sample` makes it, `vendors.played` plays the vendors whose cohorts and events belong to it.
Not here: loading the landing folder, and the sample segments.
"""

from orchestration.sample.write import SampleReport, is_sample, made_with, write_sample

__all__ = ["SampleReport", "is_sample", "made_with", "write_sample"]
