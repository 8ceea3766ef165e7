"""The words of the language, as tables: which exist and which may stand beside which.

The parser, the editor schema and the messages all read these, so a word is added here first.
Not here: what a word's value looks like (the `parse_*` modules) or means.
"""

from __future__ import annotations

import re

KINDS = ("who", "connector", "list", "live", "predict")
HEAD = (
    "name", "title", "description", "created_by", "created_on", "labels", "ready_to_use", "refresh", "paused",
    "universe", *KINDS, "include", "include_mode", "exclude", "tests", "activate",
)  # fmt: skip
SYSTEM_SEGMENTS = ("all_users", "test_users", "first_time_users", "engaged_users")

NAME = re.compile(r"[a-z][a-z0-9_]{0,99}\Z")
MAX_DESCRIPTION = 500
MAX_DEPTH = 5
MAX_LEAVES = 50
MAX_LIVE_EVENTS = 10

GROUPS = ("all", "any", "not")

# ---------------------------------------------------------------- windows

WINDOWS = ("within", "between", "from", "to", "exactly", "before", "after", "on")
UNITS = ("minutes", "hours", "days", "weeks", "months", "years")
LONG_UNITS = ("days", "weeks", "months", "years")
CALENDAR = (
    "today", "yesterday", "this week", "this month", "this year", "previous week", "previous month", "previous year",
)  # fmt: skip
FRESH_CALENDAR = ("today", "this week", "this month", "this year")  # these end at the run's moment, for events
ANNIVERSARIES = {"today": 0, "yesterday": -1, "tomorrow": 1}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# ---------------------------------------------------------------- operators

COMPARISONS = ("gt", "gte", "lt", "lte")
TEXT_OPERATORS = ("contains", "not_contains", "starts_with", "ends_with", "matches")
OPERATORS = (
    "equals", "not_equals", "in", "not_in", *COMPARISONS, "between", *TEXT_OPERATORS, "exists",
)  # fmt: skip
VALUE_WORDS = (*OPERATORS, *(w for w in WINDOWS if w != "between"), "anniversary", "has_item")
MODIFIERS = ("as", "ignore_case")
CHECK_WORDS = (*VALUE_WORDS, *MODIFIERS)
CONVERSIONS = ("number", "text", "boolean", "date", "version")
DEVICE_OPERATORS = (*OPERATORS, *MODIFIERS)
PAGE_OPERATORS = ("equals", "not_equals", "in", "not_in", *TEXT_OPERATORS, "ignore_case")

AGGREGATES = ("count", "sum", "avg", "min", "max", "distinct", "first", "last")
ONE_VALUE_AGGREGATES = ("first", "last")  # the property's value in one event: any operator
AGGREGATE_OPERATORS = ("gt", "gte", "lt", "lte", "equals", "not_equals", "between")

# What other rule languages call these; difflib would guess something else or nothing.
SYNONYMS = {
    "eq": "equals", "is": "equals", "=": "equals", "==": "equals", "equal": "equals", "neq": "not_equals",
    "ne": "not_equals", "is_not": "not_equals", "!=": "not_equals", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte",
    "ge": "gte", "le": "lte", "min_count": "count", "greater_than": "gt", "less_than": "lt", "regex": "matches",
    "like": "contains", "includes": "contains", "has": "equals", "one_of": "in", "none_of": "not_in",
    "has_not": "not_equals", "is_set": "exists", "since": "from", "until": "to", "last": "within",
    "in_last": "within", "period": "within", "window": "within", "and": "all", "or": "any", "none": "not",
    "event": "did", "did_any": "did", "have_not_done": "did_not", "didnt": "did_not", "prop": "property",
    "filter": "where", "filters": "where", "average": "avg", "total": "sum", "times": "count", "os": "platform",
    "type": "as", "cast": "as", "case_insensitive": "ignore_case", "weekday": "weekdays", "hour": "hours",
    "rule": "who", "rules": "who", "schedule": "refresh", "owner": "created_by", "tags": "labels",
    "unless": "exclude", "excludes": "exclude",
}  # fmt: skip

# ---------------------------------------------------------------- leaves: the leaf word, and what may stand beside it

EVENT_RESTRICTIONS = ("where", *WINDOWS, "hours", "weekdays")
DID = (*EVENT_RESTRICTIONS, "near", *AGGREGATES, "include_non_doers", "first_time", "last_time")
DEVICE_WORDS = ("platform", "device_type", "device_model", "os_version", "app_version")
VERSION_WORDS = ("os_version", "app_version")
PLATFORMS = ("ios", "android", "web")
RESPONSES = ("received", "opened", "clicked", "not_clicked", "not_received")
REACH = ("reachable", "opted_in", "blacklisted")
CHANNELS = ("push", "web_push", "email", "sms", "whatsapp")
LEAVES: dict[str, tuple[str, ...]] = {
    "did": DID,
    "did_not": DID,
    "attribute": CHECK_WORDS,
    "tag": (),
    "segment": (),
    **dict.fromkeys(RESPONSES, WINDOWS),
    **{word: tuple(other for other in DEVICE_WORDS if other != word) for word in DEVICE_WORDS},
    **dict.fromkeys(REACH, ()),
    "located": (),
    "bucket": (),
    "rfm": (),
    "sequence": ("same", *WINDOWS),
    "regularly": ("every", "in_last", "at_least", "where", "count"),
    "interest": EVENT_RESTRICTIONS,
}
FILTER = ("property", *CHECK_WORDS)
PLACE = ("city", "lat", "lon", "within_m")
BUCKET = ("seed", "from", "to")
RFM = ("event", "of", "segment", *WINDOWS)
RFM_SEGMENTS = (
    "champions", "loyal_users", "potential_loyalists", "new_users", "promising", "needing_attention",
    "about_to_sleep", "at_risk", "cannot_lose_them", "hibernating",
)  # fmt: skip
STEP = ("did", "did_not", "where", "after")
PERIODS = ("day", "week", "month")
INTEREST = ("event", "property", *CHECK_WORDS, "hours", "weekdays", "at_least", "predominantly")

# ---------------------------------------------------------------- the other kinds

VENDORS = ("mixpanel", "amplitude")
LIST = ("file", "on_upload")
ON_UPLOAD = ("replace", "add")
LIVE: dict[str, tuple[str, ...]] = {
    "did": ("then_not", "within", "where", "who"),
    "date": ("exactly", "anniversary", "where", "who"),
    "page": ("where", "who"),
    "referrer": ("where", "who"),
    "page_count": ("where", "who"),
}
PREDICT = ("event", "where", "learn_from", "predict", "precision", "band")
BANDS = ("most", "moderately", "least")
UNIVERSES = ("known", "active within 90 days", "{reachable: push}")
REFRESHES = ("daily", "every 3 hours", "once", "manual")

# ---------------------------------------------------------------- beside the rule

TEST = (
    "as_of", "timezone", "users", "events", "devices", "consents", "blacklist", "messages", "message_events",
    "segments", "in", "out",
)  # fmt: skip
TESTED_KINDS = ("who", "live")  # whose members follow from what a test can tell
# Columns that a test may give, by landing table; any other key of a user or an event is an attribute or a property.
TEST_COLUMNS: dict[str, dict[str, str]] = {
    "users": {
        **dict.fromkeys(("external_id", "email", "msisdn", "city", "country"), "text"),
        **dict.fromkeys(("created_at", "updated_at"), "time"),
        **dict.fromkeys(("is_test", "ad_consent"), "flag"),
        **dict.fromkeys(("lat", "lon"), "number"),
        "attributes": "object",
        "tags": "texts",
    },
    "events": {
        **dict.fromkeys(("source", "event_id", "platform", "session_id", "city", "region", "country"), "text"),
        "ingested_at": "time",
        **dict.fromkeys(("lat", "lon"), "number"),
        "properties": "object",
    },
    "devices": {
        "user_id": "user",
        **dict.fromkeys(("device_id", "platform", "device_type", "device_model", "os_version", "app_version"), "text"),
        **dict.fromkeys(("registered", "installed", "has_token", "push_permission"), "flag"),
        "last_used_at": "time",
    },
    "consents": {"user_id": "user", "channel": "channel", "state": "text", "at": "time", "reason": "text"},
    "blacklist": {"user_id": "user", "channel": "channel", "listed": "flag", "at": "time"},
    "messages": {
        **dict.fromkeys(("message_id", "title", "channel", "status"), "text"),
        **dict.fromkeys(("created_at", "sent_at"), "time"),
    },
}
TEST_ROWS_NEED = {
    "devices": ("user_id", "platform"),
    "consents": ("user_id", "channel", "state"),
    "blacklist": ("user_id", "channel"),
    "messages": ("message_id",),
}
MESSAGE_KINDS = ("targeted", "sent", "delivered", "failed", "impression", "opened", "clicked", "converted")
DESTINATIONS: dict[str, tuple[str, ...]] = {  # words beside `to` and `when`
    "netmera_tag": ("tag", "mode", "also"),
    "netmera_push": ("title", "text", "platforms", "tag", "also"),
    "meta": ("audience", "mode", "also"),
    "google": ("audience", "mode", "also"),
    "webhook": ("url_env", "also"),
    "file": ("path", "format", "fields", "delta", "channel", "also"),
}
REQUIRED_BY_DESTINATION = {
    "netmera_push": ("title", "text"), "meta": ("audience",), "google": ("audience",), "webhook": ("url_env",),
    "file": ("path",),
}  # fmt: skip
ALSO = ("initial", "definition")  # causes of entering and leaving that are sent only where somebody asks for it
PUSH_PLATFORMS = ("ios", "android")
MODES = ("mirror", "add_only")
FORMATS = ("csv", "xlsx", "parquet")
ON_CHANGES = ("on_enter", "on_leave", "on_change")
WHENS = (*ON_CHANGES, "daily")
# A message goes to everybody in a segment, so one for each change would reach all the others again and again.
WHENS_OF = {to: ("daily",) if to == "netmera_push" else WHENS for to in DESTINATIONS}
