"""What a file of identifiers says, row by row, or why it is no list: the reading alone, on cases as data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration import state
from orchestration.lists.ledger import load_lists
from segmentation.language.folder import load_texts
from tests.reference.lists import lines_of

CASES = yaml.safe_load((Path(__file__).parent / "files.yml").read_text(encoding="utf-8"))
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def take(con: duckdb.DuckDBPyConnection, folder: Path, file: str = "case.csv") -> dict[str, str]:
    definitions = load_texts({f"{folder}/case.yml": f"name: case\nlist: {{file: '{file}'}}\n"}).definitions
    return load_lists(con, definitions, AS_OF, 1)


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        state.prepare_schema(connection)
        yield connection


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_every_line_is_a_row_or_the_file_is_refused(case, con: duckdb.DuckDBPyConnection, tmp_path: Path):
    content = case["latin"].encode("iso-8859-9") if "latin" in case else case["file"].encode()
    (tmp_path / "case.csv").write_bytes(content)
    refused = take(con, tmp_path)
    rows = con.execute("select line, type, identity, problem from raw.list_rows order by row_no").fetchall()
    assert [list(row) for row in rows] == case.get("rows", [])
    assert ("case" in refused) == ("refused" in case)
    assert refused.get("case", "").startswith(case.get("refused", ""))
    if "rows" in case:
        judged = [(line.number, line.problem) for line in lines_of(case["file"])]
        assert judged == [(row[0], row[3]) for row in rows]


def test_rows_keep_their_places_in_a_file_that_is_read_in_pieces(con: duckdb.DuckDBPyConnection, tmp_path: Path):
    many = 1_500_000  # some 40 MB: more than one buffer of the reader
    con.execute(
        f"copy (select case when i % 2 = 0 then 'g' else 'i' end as Type, 'somebody-' || i || '@example.com' as"
        f" Identity from range({many}) as t (i)) to '{tmp_path}/case.csv' (header)"
    )
    with (tmp_path / "case.csv").open("ab") as file:
        file.write(b"i,\xff\n")
    assert take(con, tmp_path)["case"].startswith(f"case.csv:{many + 2}: found bytes that are not UTF-8")
    with (tmp_path / "case.csv").open("rb+") as file:
        file.truncate(file.seek(-4, 2))
    assert take(con, tmp_path) == {}
    found = con.execute(
        "select count(*), count(*) filter (identity <> 'somebody-' || (line - 2) || '@example.com'), max(line)"
        " from raw.list_rows"
    ).fetchall()
    assert found == [(many, 0, many + 1)]


def test_a_name_with_wildcards_and_quotes_in_it_is_a_name(con: duckdb.DuckDBPyConnection, tmp_path: Path):
    (tmp_path / "v*p [1].csv").write_text("ann\n")
    (tmp_path / "vip 1.csv").write_text("bob\n")
    assert take(con, tmp_path, "v*p [1].csv") == {}
    assert con.execute("select identity from raw.list_rows").fetchall() == [("ann",)]
    assert take(con, tmp_path, "vip 1.CSV")["case"].endswith("did you mean 'vip 1.csv'?")


def test_reading_in_little_memory_leaves_the_connection_as_it_was(con: duckdb.DuckDBPyConnection, tmp_path: Path):
    settings = "select current_setting('memory_limit'), current_setting('threads')"
    before = con.execute(settings).fetchall()
    (tmp_path / "case.csv").write_text("ann\n")
    take(con, tmp_path)
    assert con.execute(settings).fetchall() == before
