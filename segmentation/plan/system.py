"""System segments: they exist without a file, and rules may refer to them.

Not here: which events count as opening the app; the settings name it.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    return {name: Definition(name, "", "who", rule, daily) for name, rule in rules.items()}
