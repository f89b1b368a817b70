"""`twofold alerts`."""

from __future__ import annotations

from importlib import resources

import click


@click.command()
def verb() -> None:
    """Print the rules of alerts for Prometheus: `twofold alerts > twofold-alerts.yml`, then list it in `rule_files`.

    The limits are the defaults of the settings; change them in the file.
    """
    click.echo(resources.files("twofold").joinpath("adapters/prometheus/alerts.yml").read_text("utf-8"), nl=False)
