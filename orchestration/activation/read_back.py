"""Who is at a destination by its own account, held against what was sent: a difference is told, and nothing is done.

It may be right, as a destination may count in its own time, or let people add others by hand. A message to a tag
reaches those, too. Not here: how a destination is asked (`connectors/`), and what was sent (`ledger.py`).
"""

from __future__ import annotations

from connectors.destinations import Destination, ReadsBack
from connectors.errors import ConnectorError
from orchestration.activation.ledger import Ledger
from orchestration.activation.work import Work


def read_back(work: Work, destination: Destination, ledger: Ledger) -> None:
    """Adds to the details of a call what the destination says, if it says anything, and a remark if that differs."""
    if not isinstance(destination, ReadsBack):
        return
    work.wish.doing(f"reading back who is at {destination.vendor}")
    try:
        there = destination.read_back()
    except ConnectorError as error:
        work.remarks.append(f"it could not be read back who is there: {error}")
        return
    if there is None:
        return
    rows = ledger.connection.execute("select distinct identity from sent where state = 'in'").fetchall()
    sent = {tuple(identity) for (identity,) in rows}
    missing, others = len(sent - there), len(there - sent)
    work.details["read_back"] = {"there": len(there), "missing": missing, "others": others}
    if missing or others:
        place = f"{work.activation.to} {work.activation.place}"
        work.remarks.append(
            f"{destination.vendor} shows {len(there):,} people at {place}: {missing:,} of those who were sent are not"
            f" among them, and {others:,} are there by other means"
        )
