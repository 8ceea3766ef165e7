"""What holds for all tests: random cases are the same in every run, so that a red test stays red."""

from hypothesis import settings

settings.register_profile("same_every_time", derandomize=True, deadline=None)
settings.load_profile("same_every_time")
