"""When a segment is recalculated: `daily`, `every 3 hours`, `once`, `manual`, or a cron line.

Everything with a clock becomes a cron line in the workspace's zone. Not here: what listens to it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from segmentation.language.model import Refresh
from segmentation.language.problems import Report, did_you_mean
from segmentation.language.yaml_file import Atom, Node

_EVERY = re.compile(r"every (?:(\d{1,3}) )?(hour|minute)s?\Z", re.ASCII)
_DAILY = "0 0 * * *"
_ANY_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)  # whether a day ever comes depends on no moment
_WHAT = 'daily, every 3 hours, once, manual, or a cron line such as "0 6 * * *"'
DEFAULT = Refresh("daily", "daily", _DAILY)


def refresh(node: Node, r: Report) -> Refresh | None:
    """The policy under `refresh`."""
    if not isinstance(node, Atom) or not isinstance(node.value, str):
        r.wrong(node, _WHAT)
        return None
    text = node.value
    if text == "daily":
        return DEFAULT
    if text == "once":
        return Refresh("once", text, None)
    if text == "manual":
        return Refresh("manual", text, None)
    if match := _EVERY.match(text):
        return _every(int(match[1] or 1), match[2], node, r)
    if len(text.split()) == 5:
        if error := cron_error(text):
            r.wrong(node, f"a cron line that is valid: {error}")
            return None
        return Refresh("cron", text, " ".join(text.split()))
    hint = did_you_mean(text, ("daily", "once", "manual", "every 3 hours", "every 30 minutes"))
    r.wrong(node, _WHAT, hint=hint)
    return None


def _every(count: int, unit: str, node: Atom, r: Report) -> Refresh | None:
    """A grid that starts at midnight, so its step has to divide the hour or the day."""
    whole = 60 if unit == "minute" else 24
    if count == 0 or count > whole or whole % count:
        fitting = ", ".join(str(step) for step in range(1, whole + 1) if whole % step == 0)
        r.wrong(node, f"a number of {unit}s that divides {whole}: {fitting}")
        return None
    if unit == "minute":
        cron = "0 * * * *" if count == 60 else "* * * * *" if count == 1 else f"*/{count} * * * *"
    else:
        cron = _DAILY if count == 24 else "0 * * * *" if count == 1 else f"0 */{count} * * *"
    return Refresh("every", str(node.value), cron)


def cron_error(line: str) -> str | None:
    """What is wrong with a cron line of five fields, or None."""
    from croniter import CroniterBadDateError, croniter  # few files have a cron line of their own

    if re.search("[hr]", re.sub("thu|fri|mar|apr", "", line.lower())):
        return "a field that is drawn at random is no schedule"
    try:
        croniter(line, _ANY_MONDAY).get_next()
    except CroniterBadDateError:
        return "its day never comes"
    except (ValueError, KeyError) as error:
        return str(error)
    return None
