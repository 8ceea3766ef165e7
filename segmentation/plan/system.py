"""System segments: they exist without a file, and rules may refer to them.

A run of a workspace computes them like any other segment; a plan that was not asked for them computes those that
others read, and keeps none. Not here: which events count as opening the app; the settings name it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from segmentation.language.canonical import definition_hash
from segmentation.language.folder import Folder
from segmentation.language.model import (
    Aggregate,
    All,
    Attribute,
    Check,
    Definition,
    Did,
    Not,
    Refresh,
    Rule,
    Test,
    Within,
)

DEFAULT_APP_OPEN = "app_open"
TEXTS = {
    "all_users": ("All users", "Everybody who has landed as a user, test users included."),
    "test_users": (
        "Test users",
        "Users whose is_test is true. They count in every segment that does not exclude them.",
    ),
    "first_time_users": ("First-time users", "Users who opened the app for the first time since yesterday's midnight."),
    "engaged_users": ("Engaged users", "Users who opened the app at least 4 times in the last 7 days."),
}


def system_definitions(settings: Mapping[str, str]) -> dict[str, Definition]:
    """Definitions of the built-in segments by name."""
    app_open = (settings.get("app_open", DEFAULT_APP_OPEN),)
    test_user = Attribute("is_test", Check((Test("equals", True),)))
    rules: dict[str, Rule] = {
        "all_users": Not(All((test_user, Not(test_user)))),
        "test_users": test_user,
        "first_time_users": Did(app_open, occurrence="first", window=Within(1, "days")),
        "engaged_users": Did(
            app_open,
            window=Within(7, "days"),
            aggregate=Aggregate("count", None, Check((Test("gte", 4),))),
        ),
    }
    daily = Refresh("daily", "daily", "0 0 * * *")
    made = {
        name: Definition(name, "", "who", rule, daily, title=TEXTS[name][0], description=TEXTS[name][1])
        for name, rule in rules.items()
    }
    return {name: replace(one, hash=definition_hash(one, {})) for name, one in made.items()}


def with_system(folder: Folder, settings: Mapping[str, str]) -> Folder:
    """A folder together with the built-in segments; a file that takes one of their names is an error and no more."""
    system = system_definitions(settings)
    definitions = {**folder.definitions, **system}
    return replace(
        folder,
        definitions={name: definitions[name] for name in sorted(definitions)},
        broken=folder.broken - set(system),
        order=[*system, *folder.order],
    )
