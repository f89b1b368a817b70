"""The rule file for Prometheus: it names only metrics and labels that exist, and has the limits of the settings."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_lag import TOWER
from twofold import Config
from twofold.runtime.measures import Family
from twofold.testing import memory_app

RULES = resources.files("twofold.adapters.prometheus").joinpath("alerts.yml").read_text()
EXPECTED = Path(__file__).with_name("alerts_test.yml")
SELECTOR = re.compile(r"(twofold_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(?:=|!=|=~|!~)"')
GROUPING = re.compile(r"\bby \(([^)]*)\)")
FROM_PROMETHEUS = {"job", "instance", "le"}


def rules_in(text: str) -> list[dict[str, Any]]:
    document = import_module("yaml").safe_load(text)
    return [rule for group in document["groups"] for rule in group["rules"]]


def series_of(families: list[Family]) -> dict[str, set[str]]:
    """The labels of each time series that an app shows."""
    ends = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}
    return {each.name + end: {*each.labels} for each in families for end in ends[each.kind]}


def faults(text: str, known: dict[str, set[str]]) -> Iterator[str]:
    for rule in rules_in(text):
        seen: set[str] = set()
        for name, matchers in SELECTOR.findall(rule["expr"]):
            if name not in known:
                yield f"{rule['alert']}: no metric is called {name}"
                continue
            seen |= known[name]
            yield from (f"{rule['alert']}: {name} has no label {label}" for label in _labels(matchers, known[name]))
        for grouping in GROUPING.findall(rule["expr"]):
            named = {label.strip() for label in grouping.split(",")}
            yield from (f"{rule['alert']}: nothing to group by {label}" for label in sorted(named - _also(seen)))
        if set(rule["annotations"]) != {"summary", "action"}:
            yield f"{rule['alert']}: does not say what is wrong, and what to do"


def _labels(matchers: str, known: set[str]) -> list[str]:
    return sorted({*MATCHER.findall(matchers)} - _also(known))


def _also(known: set[str]) -> set[str]:
    return known | FROM_PROMETHEUS


@pytest.fixture
async def known() -> dict[str, set[str]]:
    async with memory_app(TOWER) as tower:
        return series_of(await tower.metrics.families())


def test_every_metric_and_label_in_a_rule_exists(known: dict[str, set[str]]) -> None:
    assert list(faults(RULES, known)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("twofold_view_lag_seconds", "twofold_view_lag", "no metric is called twofold_view_lag"),
        ("by (job, view) (twofold_view_parked", "by (job, row) (twofold_view_parked", "nothing to group by row"),
        ('bucket{kind!="past"}', 'bucket{sort!="past"}', "twofold_query_duration_seconds_bucket has no label sort"),
    ],
)
def test_planted_a_rule_that_could_never_fire_is_found(
    known: dict[str, set[str]], right: str, wrong: str, fault: str
) -> None:
    assert RULES.count(right) >= 1
    assert any(fault in found for found in faults(RULES.replace(right, wrong), known))


def test_the_limits_are_the_defaults_of_the_settings() -> None:
    limits = {rule["alert"]: re.findall(r"> (\d[\d.]*)", rule["expr"]) for rule in rules_in(RULES)}
    config = Config()

    assert float(*limits["TwofoldViewBehind"]) == config.alert_lag == 5.0
    assert float(*limits["TwofoldEventsMany"]) == config.alert_events == 10_000.0
    assert float(*limits["TwofoldQueriesSlow"]) == config.alert_query == 0.1
    assert float(*limits["TwofoldFoldsFailing"]) == config.alert_failed_folds == 10.0


def test_what_is_expected_of_the_rules_covers_every_one_of_them() -> None:
    document = import_module("yaml").safe_load(EXPECTED.read_text())
    raised = {case["alertname"] for test in document["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}

    assert raised == {rule["alert"] for rule in rules_in(RULES)}


def is_understood(rules: str, folder: Path) -> bool:
    """Whether Prometheus itself takes the rules and raises what is expected; without `promtool` it is taken for so."""
    tool = shutil.which("promtool")
    (folder / "alerts.yml").write_text(rules)
    (folder / EXPECTED.name).write_text(EXPECTED.read_text())
    calls = [["check", "rules", "alerts.yml"], ["test", "rules", EXPECTED.name]] if tool is not None else []
    ran = [subprocess.run([str(tool), *call], cwd=folder, capture_output=True, check=False) for call in calls]
    return all(each.returncode == 0 for each in ran)


def test_promtool_raises_what_is_expected_where_it_is_installed(tmp_path: Path) -> None:
    assert is_understood(RULES, tmp_path)


@pytest.mark.parametrize(("right", "wrong"), [("_lag_seconds) > 5", "_lag_seconds) > 50"), ("sum by (job)", "sum by")])
def test_planted_promtool_finds_a_wrong_limit_and_a_wrong_expression(tmp_path: Path, right: str, wrong: str) -> None:
    assert RULES.count(right) >= 1
    assert is_understood(RULES.replace(right, wrong), tmp_path) is (shutil.which("promtool") is None)
