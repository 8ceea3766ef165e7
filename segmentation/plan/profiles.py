"""Leaves about the user's own row: attributes, tags, place, the stable random bucket.

They are computed on the profile row itself, without any join.
Not here: devices (`devices.py`) and anything that happened (`events.py`).
"""

from __future__ import annotations

from segmentation.language.model import Attribute, Bucket, Located, Tag
from segmentation.plan.checks import Checks
from segmentation.plan.fields import FieldSet
from segmentation.plan.places import at
from segmentation.plan.sql import Sql, all_of, any_of, literal

USER = "u"  # how a condition calls the profile row

DRAWS = 2**32

ProfileLeaf = Attribute | Tag | Located | Bucket


def profile_test(leaf: ProfileLeaf, checks: Checks, fields: FieldSet) -> Sql:
    """What a leaf asks of the profile row; may be null, which means no."""
    match leaf:
        case Attribute(path, check):
            return checks.holds(check, fields.facets(path))
        case Tag(names, mode):
            terms = [Sql(f"list_contains({USER}.tags, {literal(name)})") for name in names]
            return any_of(terms) if mode == "any" else all_of(terms)
        case Located(place):
            return at(place, USER)
        case Bucket(seed, start, end):
            drawn = percent(seed)
            return Sql(f"({drawn} >= {literal(float(start))} and {drawn} < {literal(float(end))})")


def percent(seed: str) -> Sql:
    """What a user draws, from 0 to less than 100."""
    return Sql(f"({draw(seed)} * 100 / {DRAWS}.0)")


def draw(seed: str) -> Sql:
    """A number in [0, DRAWS) that a user keeps for good, another one for each seed."""
    # The first 32 bits of an MD5 spread evenly and are the same in every engine and version.
    return Sql(f"('0x' || substr(md5(concat({literal(seed + ':')}, {USER}.user_id)), 1, 8))::ubigint")
