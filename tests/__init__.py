"""Tests of the project; shared helpers live in their own sub-packages."""
