"""What pulls write, read by the landing that calculations start from."""

from __future__ import annotations

import duckdb

from orchestration.landing.load import load_landing
from tests.connectors.world import World


def test_everything_that_is_pulled_can_be_loaded(here: World) -> None:
    for connector, kinds in {
        "mixpanel": ("audiences", "events"),
        "amplitude": ("audiences", "events"),
        "netmera": ("audiences", "users", "messages"),
    }.items():
        for kind in kinds:
            assert here.pull(connector, kind).failures == []
    here.mixpanel.events = {}
    here.pull("mixpanel", "events", since=here.bench.event_days("mixpanel", None, None)[0])  # days without events
    with duckdb.connect(str(here.root / "warehouse.duckdb")) as con:
        report = load_landing(con, str(here.root / "landing"))
        assert report.ignored == ()
        counts = {
            table: con.execute(f"select count(*) from raw.{table}").fetchall()[0][0]
            for table in ("users", "devices", "events", "audiences", "audience_members", "messages", "message_events")
        }
        unread = con.execute("select count(*) from raw.events where unread is not null").fetchall()[0][0]
        sources = con.execute("select source, count(*), min(ts) from raw.events group by all order by all").fetchall()
    assert counts == {
        "users": 2, "devices": 1, "events": 47, "audiences": 4, "audience_members": 2554, "messages": 1,
        "message_events": 25,
    }  # fmt: skip
    assert unread == 0
    assert [(source, count) for source, count, _ in sources] == [("amplitude", 7), ("mixpanel", 40)]
