"""What the page of a segment says: its title, its rule in words and as a tree, and when it is recalculated.

The first lines are also what lists show, as plain text, so they carry no markup. Not here: numbers (`segments.py`),
and the wording of rules (`segmentation/language/describe.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from segmentation.language.describe import as_tree, in_words
from segmentation.language.model import Connector, Definition, Live, Predict, StaticList, leaves
from segmentation.language.problems import Problem

KINDS_WITHOUT_A_RULE = (Connector, StaticList, Live, Predict)


def page(definition: Definition) -> str:
    """Markdown for a definition that was read without errors."""
    title = definition.title or definition.name.replace("_", " ").capitalize()
    if definition.is_system:
        return f"{_sentence(title)} {in_words(definition)}\n\n{refresh_in_words(definition)}"
    parts = [f"{_sentence(title)} {definition.description or ''}".strip(), in_words(definition)]
    body = definition.body
    if not isinstance(body, KINDS_WITHOUT_A_RULE) and len(list(leaves(body))) > 1:
        parts += ["### Who is in", as_tree(body)]
    when = "Paused: it keeps its members." if definition.paused else refresh_in_words(definition)
    parts.append(when + (" Ready to use." if definition.ready_to_use else ""))
    return "\n\n".join(parts)


def page_of_errors(problems: Iterable[Problem]) -> str:
    """Markdown for a file that has errors."""
    listed = [f"- line {one.line}: {one.message}" for one in problems]
    return "\n".join(["Its file has errors; the last good members stay.", "", *listed])


def refresh_in_words(definition: Definition) -> str:
    """When a segment is recalculated, as a sentence: by its refresh policy, and by a sensor as files land."""
    refresh = definition.refresh
    match refresh.policy:
        case "once":
            return "Calculated once and then kept."
        case "manual":
            return "Recalculated when somebody asks for it."
        case "cron":
            when = f"at the cron times `{refresh.text}`"
        case _:
            when = refresh.text
    if isinstance(definition.body, Live):
        return f"Recalculated as files land, and {when}."
    if isinstance(definition.body, Connector):
        return f"Recalculated as its cohort or users land, and {when}."
    return f"Recalculated {when}."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
