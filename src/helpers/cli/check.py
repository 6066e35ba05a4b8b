"""``helpers check``: validate parameters and print them as a run would use them."""

from __future__ import annotations

import argparse

import yaml

from helpers.backends.providers import check_provider
from helpers.cli.addresses import params_of
from helpers.cli.arguments import ANSWERING, add_params
from helpers.core.console import tell
from helpers.runs.inputs import read_inputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers check``."""
    add_params(parser, text=ANSWERING, url="no params file: print those of the service at this address")


def run(args: argparse.Namespace) -> int:
    """Print the resolved parameters; `InputError` names every problem."""
    params = params_of(args, "check")
    check_provider(params)
    if not params.samples.source.startswith("hub:"):
        read_inputs(params).tell()
    tell(yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False, allow_unicode=True).rstrip("\n"))
    return 0
