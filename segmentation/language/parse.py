"""One segment file into a `Definition`, or into every error it has.

Not here: what several files have to do with each other (folder.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, cast

from segmentation.language import parse_head as head
from segmentation.language import parse_kinds, words
from segmentation.language.model import Connector, Definition, Kind, Known, Live, Predict, Rule, StaticList
from segmentation.language.parse_beside import activate
from segmentation.language.parse_refresh import DEFAULT, refresh
from segmentation.language.parse_rule import rule
from segmentation.language.parse_tests import tests
from segmentation.language.parse_values import boolean, choice, text, texts, unknown_words
from segmentation.language.problems import Problem, Report, one_of
from segmentation.language.yaml_file import BadYaml, Fields, Node, read_yaml

Body = Rule | Connector | StaticList | Live | Predict


@dataclass(frozen=True)
class Parsed:
    """What one file holds: a definition if it has no error, and what was noted on the way.

    `references` are names of other segments with the line that names them; `name` is the file's name without ending;
    `list_line` is the line that names the file of a list; `text` is what the file says.
    """

    name: str
    definition: Definition | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    references: tuple[tuple[str, int], ...]
    list_line: int | None = None
    text: str | None = None


def parse_text(text: str, file: str) -> Parsed:
    """Reads one definition from YAML text. `file` is the path named in messages; its stem has to be the name.

    The definition's hash is still empty: it covers other definitions, which the folder knows.
    """
    r = Report(file)
    stem = PurePath(file).stem
    definition: Definition | None = None
    try:
        node, errors = read_yaml(text)
    except BadYaml as bad:
        r.error(bad.line, bad.message)
    else:
        for line, message in errors:
            r.error(line, message)
        if node is None:
            r.error(1, "found an empty file, expected a name and one of " + ", ".join(words.KINDS))
        elif not isinstance(node, Fields):
            r.wrong(node, "a mapping with a name and one of " + ", ".join(words.KINDS))
        else:
            definition = _definition(node, stem, r)
    problems = tuple(sorted(set(r.problems), key=lambda problem: (problem.line, problem.message)))
    good = None if problems else definition
    warnings, references = tuple(sorted(set(r.warnings))), tuple(r.references)
    return Parsed(stem, good, problems, warnings, references, r.list_line, text)


def _definition(fields: Fields, stem: str, r: Report) -> Definition | None:
    given = fields.fields
    unknown_words(fields, r, words.HEAD, "in a segment")
    name = head.name(fields, stem, r)
    kind, body = _kind(fields, r)

    def flag(word: str) -> bool:
        return bool(boolean(given[word], r)) if word in given else False

    def line_of_text(word: str) -> str | None:
        return text(given[word], r) if word in given else None

    policy = (refresh(given["refresh"], r) if "refresh" in given else DEFAULT) or DEFAULT
    if policy.policy == "daily" and kind != "live":  # whose filter is asked at an instant, mostly not a midnight
        for word, line in r.fresh_windows:
            r.warn(
                line,
                f"found {word!r} in a daily segment: at the midnight that begins it nothing has happened yet, so it is "
                "empty then; a rolling window such as 24 hours, or a previous one, may be what is meant",
            )
    universe = head.universe(given["universe"], r) if "universe" in given else None
    if "tests" in given and kind is not None and kind not in words.TESTED_KINDS:
        r.error(
            fields.lines["tests"],
            f"found tests beside {kind}, expected them beside {one_of(words.TESTED_KINDS)}: whoever is in such a "
            "segment does not follow from events; segments that read it can be tested",
        )
    definition = Definition(
        name=name or stem,
        file=r.file,
        kind=kind or "who",
        body=cast(Body, body),
        refresh=policy,
        include=head.segments(given["include"], r) if "include" in given else (),
        include_mode=cast(
            Literal["any", "all"],
            choice(given["include_mode"], r, ("any", "all")) if "include_mode" in given else "any",
        ),
        exclude=head.segments(given["exclude"], r) if "exclude" in given else (),
        title=line_of_text("title"),
        description=head.description(given["description"], r) if "description" in given else None,
        created_by=line_of_text("created_by"),
        created_on=head.created_on(given["created_on"], r) if "created_on" in given else None,
        labels=(texts(given["labels"], r, "a list of labels", may_be_empty=True) or ()) if "labels" in given else (),
        ready_to_use=flag("ready_to_use"),
        paused=flag("paused"),
        tests=tests(given["tests"], r) if "tests" in given else (),
        activate=activate(given["activate"], r) if "activate" in given else (),
        universe=universe or Known(),
    )
    return definition if body is not None else None


def _kind(fields: Fields, r: Report) -> tuple[Kind | None, Body | None]:
    given = [kind for kind in words.KINDS if kind in fields.fields]
    if len(given) != 1:
        if given:
            later = sorted(given, key=lambda kind: fields.lines[kind])[1]
            r.error(fields.lines[later], f"found {' and '.join(given)}, expected exactly one kind per file")
        else:
            r.error(fields.line, f"found no rule, expected one of {', '.join(words.KINDS)}")
        return None, None
    kind = cast(Kind, given[0])
    node: Node = fields.fields[kind]
    if kind == "who":
        return kind, rule(node, r)
    if kind == "connector":
        return kind, parse_kinds.connector(node, r)
    if kind == "list":
        return kind, parse_kinds.static_list(node, r)
    return kind, parse_kinds.live(node, r) if kind == "live" else parse_kinds.predict(node, r)
