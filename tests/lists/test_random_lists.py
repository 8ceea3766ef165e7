"""Lists that nobody thought of: random files over random users, where the pipeline and the reference have to agree.

Two runs over a few dozen lists: the second uploads other files, to some lists with `replace` and to some with `add`.
"""

from __future__ import annotations

import random

import pytest

from tests.orchestration.workspace import Workspace, an_event
from tests.reference.lists import judge

LISTS = 40
IDS = ("1", "01", "a", "A", "ann@example.com", "ANN@example.com", "bob@example.com", "+905321234567", "+123", "b c")
SPELT = ("{}", " {}", "{}\u00a0", "\ufeff{} ", '"{}"')


def a_user(rng: random.Random, user_id: str) -> dict[str, object]:
    def maybe(*values: str) -> str | None:
        return rng.choice((*values, None, None))

    return {
        "user_id": user_id,
        "external_id": maybe(*IDS),
        "email": maybe("ann@example.com", " Ann@Example.com", "bob@example.com", "no e-mail", "İ@example.com"),
        "msisdn": maybe("+905321234567", "+90 532 123-4567", "905321234567", "+12345678"),
    }


def an_identity(rng: random.Random) -> str:
    phones = ("+90 532 1234567", "+90-532-123-45-67", "905321234567", "+12345678", "i@example.com", "", " ")
    return rng.choice(SPELT).format(rng.choice((*IDS, *IDS, *phones)))


def a_file(rng: random.Random) -> str:
    end = rng.choice(("\n", "\r\n"))
    if rng.random() < 0.3:
        return end.join(an_identity(rng) for _ in range(rng.randrange(1, 9))) + end
    mark = rng.choice((",", ";"))
    lines = [mark.join(rng.choice((["Type", "Identity"], ["TYPE", " identity "])))]
    for _ in range(rng.randrange(0, 12)):
        kind = rng.choice(("g", "g", "i", "i", "i", "I", '"g"', "x", ""))
        after = rng.choice(("", "", "", mark, f"{mark}more", '"'))
        lines.append(f"{kind}{mark}{an_identity(rng)}{after}")
    return rng.choice(("", "\ufeff")) + end.join(lines) + rng.choice(("", end, end * 3))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("random"))
    workspace.land("events", an_event("1", "visit", "2026-01-01T00:00:00Z"))
    return workspace


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_pipeline_and_reference_judge_every_row_alike(workspace: Workspace, seed: int):
    rng = random.Random(seed)
    users = [a_user(rng, user_id) for user_id in ("1", "01", "a", "A", "b c", "c", "d", "e", "f")]
    workspace.land("users", *users)
    words = {f"s{seed}_{number}": rng.choice(("replace", "add")) for number in range(LISTS)}
    workspace.define(**{name: f"list: {{file: {name}.csv, on_upload: {word}}}\n" for name, word in words.items()})
    uploads: dict[str, list[tuple[str, str]]] = {name: [] for name in words}
    for day in (2 * seed, 2 * seed + 1):
        for name, word in words.items():
            content = a_file(rng)
            (workspace.settings.segments / f"{name}.csv").write_bytes(content.encode())
            if (content, word) not in uploads[name][-1:]:
                uploads[name].append((content, word))
        workspace.run(f"2026-01-0{day}")
        numbers = workspace.rows("select segment, upload_no from segments.list_uploads order by upload_no")
        rows = workspace.rows("select upload_no, line, outcome, strategy, user_id from segments.list_rows")
        members = workspace.rows("select segment, user_id from segments.segment_members")
        for name in words:
            verdicts, listed = judge(uploads[name], users)
            assert {user for segment, user in members if segment == name} == listed, uploads[name]
            own = [number for segment, number in numbers if segment == name]
            for number, judged in zip(own, verdicts, strict=True):
                found = {line: told for upload, line, *told in rows if upload == number}
                expected = {one.line: [one.outcome, one.strategy, one.user] for one in judged}
                was_replaced = number != own[-1] and not found
                assert found == expected or was_replaced, (number, uploads[name])
