"""The files that people copy or that other programs read: settings, the workspace, Dagster's instance."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance

from orchestration.names import ACTIVATION_TAG
from orchestration.settings import read_file

ROOT = Path(__file__).parents[2]
SETTINGS = """
SEGMENTS_HOME SEGMENTS_TIMEZONE SEGMENTS_LANDING SEGMENTS_TARGET SEGMENTS_SEND
SEGMENTS_S3_ENDPOINT AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION
SEGMENTS_SFTP_USER SEGMENTS_SFTP_PASSWORD SEGMENTS_SFTP_KEY_FILE SEGMENTS_SFTP_KNOWN_HOSTS
MIXPANEL_URL MIXPANEL_EXPORT_URL MIXPANEL_USERNAME MIXPANEL_SECRET MIXPANEL_PROJECT_ID
MIXPANEL_WEBHOOK_USERNAME MIXPANEL_WEBHOOK_PASSWORD
AMPLITUDE_URL AMPLITUDE_API_KEY AMPLITUDE_SECRET_KEY AMPLITUDE_WEBHOOK_SECRET
NETMERA_URL NETMERA_API_KEY
META_URL META_ACCESS_TOKEN META_APP_SECRET META_AD_ACCOUNT
GOOGLE_DATAMANAGER_URL GOOGLE_ACCESS_TOKEN GOOGLE_ACCESS_TOKEN_FILE GOOGLE_ADS_CUSTOMER_ID GOOGLE_LOGIN_CUSTOMER_ID
JOURNEY_HOOK_URL JOURNEY_HOOK_SECRET
""".split()
CODE = ("connectors", "segmentation", "orchestration", "dbt_project")


def test_the_example_of_settings_names_each_one_with_an_explanation_and_no_value():
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = [(above, line) for above, line in pairwise(lines) if line and line[0] != "#"]
    assert [line for _, line in named] == [f"{setting}=" for setting in SETTINGS]
    assert all(above.startswith("# ") for above, _ in named)


def test_the_code_reads_no_setting_that_the_example_does_not_name():
    own = re.compile(r"\b(?:SEGMENTS|MIXPANEL|AMPLITUDE|NETMERA|META|GOOGLE)_[A-Z_]*[A-Z]\b")
    read = {
        name
        for folder in CODE
        for file in (ROOT / folder).rglob("*")
        if file.suffix in {".py", ".yml", ".sql"} and "target" not in file.parts
        for name in re.findall(rf"""["']({own.pattern})["']""", file.read_text())
    }
    assert read - {"GOOGLE_ADS"} <= set(SETTINGS)  # which is how Google names a kind of account


@pytest.mark.parametrize("written", ["-1", "'90'", "true", "9.5"])
def test_days_without_use_are_whole_days_or_never(tmp_path: Path, written: str):
    file = tmp_path / "settings.toml"
    file.write_text(f"[segments]\nidle_days = {written}\n")
    with pytest.raises(ValueError, match=r"settings.toml: found idle_days = .* expected days such as 90, or 0"):
        read_file(file)


def test_the_workspace_is_one_code_location_of_ours():
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    assert workspace["load_from"] == [
        {
            "python_module": {
                "module_name": "orchestration.definitions",
                "working_directory": ".",
                "location_name": "segmentation",
            }
        }
    ]


def test_dagster_takes_the_instance_settings_and_lets_one_step_at_a_time_into_a_pool(tmp_path: Path):
    (tmp_path / "dagster.yaml").write_text((ROOT / "deploy/dagster.yaml").read_text())
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        pools = instance.get_concurrency_config().pool_config
        assert (pools.default_pool_limit, pools.pool_granularity.value) == (1, "op")
        queue = instance.get_concurrency_config().run_queue_config
        assert queue.max_concurrent_runs == 4
        assert queue.tag_concurrency_limits == [{"key": ACTIVATION_TAG, "limit": 2}]
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds > 0
