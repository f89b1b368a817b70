"""`twofold alerts`: the rule file that comes with the package, and nothing else."""

from importlib import resources

from tests.doors.cli.conftest import Run


def test_the_rules_are_printed_as_they_come_with_the_package(run: Run) -> None:
    result = run("alerts")

    assert result.exit_code == 0
    assert result.stdout == resources.files("twofold.adapters.prometheus").joinpath("alerts.yml").read_text()
