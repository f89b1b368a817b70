"""The configuration: three sources, one precedence, all faults at once."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from twofold.config import Config, settings
from twofold.errors import ConfigError


def write_table(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.twofold]\n{text}\n")


def faults_of(error: pytest.ExceptionInfo[ConfigError]) -> str:
    return "\n".join(error.value.faults)


def test_the_defaults_are_the_safe_ones() -> None:
    config = Config()

    assert config.synchronous == "full"
    assert config.host == "127.0.0.1"
    assert config.cache is False
    assert config.retention is None


def test_the_defaults_are_the_table_of_the_guidelines() -> None:
    config = Config()

    assert (config.lag_objective, config.snapshot_every, config.cache_ttl) == (1.0, 500, 30.0)


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().port = 1  # type: ignore[misc]


def test_keywords_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    write_table(tmp_path, 'port = 1\nhost = "file"\nstore = "memory://"')

    config = Config.load(tmp_path, {"TWOFOLD_PORT": "2", "TWOFOLD_HOST": "environment"}, port=3)

    assert (config.port, config.host, config.store, config.wait_default) == (3, "environment", "memory://", 2.0)


def test_a_keyword_of_none_counts_as_not_given(tmp_path: Path) -> None:
    assert Config.load(tmp_path, {"TWOFOLD_STORE": "memory://"}, store=None).store == "memory://"


def test_without_file_and_variables_the_defaults_stand(tmp_path: Path) -> None:
    assert Config.load(tmp_path, {}) == Config()


def test_variables_are_read_as_what_the_setting_is(tmp_path: Path) -> None:
    config = Config.load(
        tmp_path,
        {
            "TWOFOLD_CACHE": "yes",
            "TWOFOLD_CACHE_TTL": "12.5",
            "TWOFOLD_SNAPSHOT_EVERY": "100",
            "TWOFOLD_ALLOWED_HOSTS": "a.example, b.example",
            "TWOFOLD_OUTCOME_RETENTION": "none",
        },
    )

    assert (config.cache, config.cache_ttl, config.snapshot_every) == (True, 12.5, 100)
    assert config.allowed_hosts == ("a.example", "b.example")
    assert config.outcome_retention is None


def test_variables_of_the_test_suites_are_no_settings(tmp_path: Path) -> None:
    assert Config.load(tmp_path, {"TWOFOLD_TEST_POSTGRES": "x", "OTHER": "y"}) == Config()


def test_a_list_in_the_file_is_read(tmp_path: Path) -> None:
    write_table(tmp_path, 'allowed_hosts = ["a", "b"]\nlag_objective = 2')

    config = Config.load(tmp_path, {})

    assert (config.allowed_hosts, config.lag_objective) == (("a", "b"), 2)


def test_all_faults_of_all_sources_are_reported_at_once(tmp_path: Path) -> None:
    write_table(tmp_path, 'snapshot_every = "many"\nwait_default = -1')

    with pytest.raises(ConfigError) as error:
        Config.load(tmp_path, {"TWOFOLD_PRT": "1", "TWOFOLD_PORT": "tcp://x"}, lag_objectve=3.0)

    assert error.value.faults == (
        "unknown setting 'TWOFOLD_PRT'; did you mean 'TWOFOLD_PORT'? (environment)",
        "snapshot_every must be a whole number of events, not 'many' (pyproject.toml)",
        "wait_default must be between 0.0 and 600.0 seconds, not -1 (pyproject.toml)",
        "port must be a whole number, not 'tcp://x' (environment)",
        "unknown setting 'lag_objectve'; did you mean 'lag_objective'? (keyword)",
    )


@pytest.mark.parametrize(
    ("setting", "value", "text"),
    [
        ("port", True, "a whole number"),
        ("port", 65536, "between 0 and 65535"),
        ("lag_objective", float("nan"), "a number of seconds"),
        ("lag_objective", float("inf"), "a number of seconds"),
        ("cache", 1, "true or false"),
        ("synchronous", "off", "'full' or 'normal'"),
        ("store", 3, "text or none"),
        ("outcome_retention", -2.0, "at least 0.01 days"),
        ("allowed_hosts", "a", "a list of texts"),
        ("retention", 90.0, "kept for ever"),
    ],
)
def test_a_wrong_value_is_refused_and_the_text_says_what_is_wanted(setting: str, value: object, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        Config(**{setting: value})  # type: ignore[arg-type]

    assert len(error.value.faults) == 1
    assert text in faults_of(error)
    assert setting in faults_of(error)


@pytest.mark.parametrize("text", ["[tool.twofold", "[tool]\ntwofold = 3"])
def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    with pytest.raises(ConfigError, match=r"pyproject\.toml"):
        Config.load(tmp_path, {})


def test_a_file_of_other_tools_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.other]\nport = 1\n")

    assert Config.load(tmp_path, {}) == Config()


def test_every_setting_is_described_with_its_variable_and_durations_with_their_unit() -> None:
    table = {each.name: each for each in settings()}

    assert all(each.text for each in table.values())
    assert table["cache_ttl"].variable == "TWOFOLD_CACHE_TTL"
    assert (table["cache_ttl"].default, table["cache_ttl"].unit) == ("30.0", "s")
    assert all(each.unit for each in table.values() if "float" in each.type)


def test_the_defaults_themselves_are_without_fault() -> None:
    assert Config() == Config.load(Path("/nonexistent"), {})
