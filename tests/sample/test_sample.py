"""The sample workspace is the first thing a newcomer sees: it has to be the same everywhere and grow without rewriting.

A sample that changes its past would make every membership history built on it jump.
"""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from orchestration.sample import is_sample, write_sample
from orchestration.sample.people import arrived, between

LAST = date(2026, 5, 10)  # a campaign is sent on this day
SMALL = {"days": 5, "users": 300, "events_per_day": 250}

REQUIRED = {
    "users": {"user_id"},
    "events": {"user_id", "event", "ts"},
    "devices": {"device_id", "user_id", "platform"},
    "consents": {"user_id", "channel", "state", "at"},
    "blacklist": {"user_id", "channel", "listed", "at"},
    "messages": {"message_id", "title", "channel", "status", "created_at"},
    "message_events": {"message_id", "user_id", "kind", "ts"},
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    landing = tmp_path_factory.mktemp("sample") / "landing"
    write_sample(landing, LAST, **SMALL)
    return landing


def hashes(landing: Path) -> dict[str, str]:
    files = sorted(path for path in landing.rglob("*") if path.is_file())
    return {str(path.relative_to(landing)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def events(landing: Path) -> list[dict]:
    return [row for path in sorted(landing.glob("events/*.parquet")) for row in pq.read_table(path).to_pylist()]


def columns(path: Path) -> set[str]:
    if path.suffix == ".parquet":
        return set(pq.read_schema(path).names)
    if path.suffix == ".csv":
        return set(path.read_text(encoding="utf-8").splitlines()[0].split(","))
    return set.union(*(set(json.loads(line)) for line in path.read_bytes().splitlines()))


def test_the_same_settings_give_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "again", LAST, **SMALL)
    assert hashes(tmp_path / "again") == hashes(sample)


def test_another_seed_gives_other_events(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "other", LAST, **SMALL, seed=8)
    name = f"events/{LAST}.parquet"
    assert hashes(tmp_path / "other")[name] != hashes(sample)[name]


def test_a_later_last_day_adds_files_and_leaves_the_old_days_alone(sample: Path, tmp_path: Path) -> None:
    landing = tmp_path / "grown"
    write_sample(landing, LAST - timedelta(days=2), **{**SMALL, "days": 3})
    before = {name: value for name, value in hashes(landing).items() if "/" in name}
    report = write_sample(landing, LAST, **SMALL)
    after = hashes(landing)
    assert report.days_written == (LAST - timedelta(days=1), LAST)
    assert {name: after[name] for name in before} == before
    assert after == hashes(sample), "grown day by day and made at once are the same sample"


def test_a_second_call_for_the_same_day_writes_nothing(sample: Path) -> None:
    report = write_sample(sample, LAST, **SMALL)
    assert (report.days_written, report.rows) == ((), {})


def test_cohorts_that_an_earlier_version_wrote_make_room_for_those_that_are_pulled(sample: Path) -> None:
    theirs = {"audiences/mixpanel-1.parquet", "audience_members/mixpanel-1.parquet"}
    for name in ("audiences.jsonl", "audience_members.jsonl.gz", *theirs):
        (sample / name).parent.mkdir(exist_ok=True)
        (sample / name).write_bytes(b"")
    write_sample(sample, LAST, **SMALL)
    assert {name for name in hashes(sample) if name.startswith("audience")} == theirs
    for name in theirs:
        (sample / name).unlink()


def test_days_that_were_lost_are_written_again_and_book_no_purchase_twice(tmp_path: Path) -> None:
    landing = tmp_path / "interrupted"
    write_sample(landing, LAST, **SMALL)
    whole = hashes(landing)
    for days in (3, 1):
        (landing / f"events/{LAST - timedelta(days=days)}.parquet").unlink()
    write_sample(landing, LAST, **SMALL)
    assert hashes(landing) == whole


def test_every_table_has_the_columns_that_the_pipeline_requires(sample: Path) -> None:
    for table, required in REQUIRED.items():
        files = [*sample.glob(f"{table}/*"), *sample.glob(f"{table}.*")]
        assert files, table
        for file in files:
            assert required <= columns(file), file.name


def test_the_file_of_a_day_holds_that_day_only(sample: Path) -> None:
    files = sorted(sample.glob("events/*.parquet"))
    assert [path.stem for path in files] == [str(LAST - timedelta(days=n)) for n in range(4, -1, -1)]
    for path in files:
        start = datetime.fromisoformat(path.stem).replace(tzinfo=UTC)
        moments = pq.read_table(path, columns=["ts"])["ts"].to_pylist()
        assert start <= min(moments)
        assert max(moments) < start + timedelta(days=1)


def test_within_a_visit_the_cart_comes_before_the_order_and_after_a_look_at_the_product(sample: Path) -> None:
    visits: dict[str, list[dict]] = {}
    for row in events(sample):
        visits.setdefault(row["session_id"], []).append(row)
    orders = 0
    for rows in visits.values():
        for order in (row for row in rows if row["event"] == "purchase"):
            orders += 1
            for item in json.loads(order["properties"])["items"]:
                added = min(r["ts"] for r in rows if r["event"] == "add_to_cart" and names(r, item["product_id"]))
                seen = min(r["ts"] for r in rows if r["event"] == "product_view" and names(r, item["product_id"]))
                assert seen < added < order["ts"]
    assert orders


def names(row: dict, product: str) -> bool:
    return json.loads(row["properties"])["product_id"] == product


def test_the_profile_of_a_buyer_says_what_the_events_say(sample: Path) -> None:
    profile: dict[str, dict] = {}
    for path in sorted(sample.glob("users/*.parquet")):
        rows = pq.read_table(path, columns=["user_id", "attributes"]).to_pylist()
        profile |= {row["user_id"]: json.loads(row["attributes"]) for row in rows}
    last = {row["user_id"]: row["ts"] for row in events(sample) if row["event"] == "purchase"}
    known = {user: at for user, at in last.items() if user in profile}
    assert known
    for user, at in known.items():
        assert profile[user]["last_order_at"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"


def test_the_blemishes_of_real_feeds_are_there(tmp_path: Path) -> None:
    write_sample(tmp_path, LAST, days=2, users=600, events_per_day=6000)
    rows = events(tmp_path)
    known = {u for p in tmp_path.glob("users/*.parquet") for u in pq.read_table(p)["user_id"].to_pylist()}
    assert len({row["event_id"] for row in rows}) < len(rows), "re-sent events"
    assert any(row["user_id"] not in known for row in rows), "events of nobody we know"
    assert any(row["ingested_at"] - row["ts"] > timedelta(hours=12) for row in rows), "late events"
    with (tmp_path / "consents.csv").open(encoding="utf-8") as file:
        dates = [row["at"] for row in csv.DictReader(file)]
    assert [text for text in dates if "noon" in text or not text], "rows for the quarantine"


def test_a_folder_with_real_data_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user_id\n007\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no sample"):
        write_sample(tmp_path, LAST, **SMALL)
    assert not is_sample(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["users.csv"]


def test_a_sample_does_not_go_on_with_other_settings(sample: Path) -> None:
    with pytest.raises(ValueError, match="other settings"):
        write_sample(sample, LAST + timedelta(days=1), **{**SMALL, "users": 301})


def test_progress_counts_the_days_written(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_sample(tmp_path, LAST, **{**SMALL, "days": 3}, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_everyone_is_born_on_the_day_of_arrival() -> None:
    for users in (1, 300, 20_000):
        for day in range(LAST.toordinal(), LAST.toordinal() + 15):
            arrivals = between(7, users, arrived(users, day - 1), arrived(users, day))
            assert (arrivals.birth == day).all(), (users, day)
