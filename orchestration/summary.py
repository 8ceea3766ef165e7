"""The cards above the list of segments, in words: how many are active, which is used most, which does best.

Not here: what they count (`dbt_project/models/segments/segment_summary.sql`), and reading them (`details.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.details import Card


def in_words(cards: Mapping[str, Card]) -> list[str]:
    """One phrase a card; those that nothing went out for last month are left out."""
    told = []
    active, used, best = (
        cards.get(name) for name in ("active_segment_count", "most_used_segment", "most_successful_segment")
    )
    if active is not None and active.value is not None:
        told.append(f"{active.value:,.0f} active")
    if used is not None and used.segment is not None:
        told.append(f"most used last month: {used.segment} ({_campaigns(used)})")
    if best is not None and best.segment is not None:
        told.append(f"most successful: {best.segment} ({best.value:.1%} clicked in {_campaigns(best)})")
    return told


def _campaigns(card: Card) -> str:
    return f"{card.campaigns:,} campaign{'' if card.campaigns == 1 else 's'}"
