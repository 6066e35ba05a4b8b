"""Commands that users begin with, by verb: shown by ``--help`` and in ``docs/cli.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: What a command does, and the command without ``python -m helpers`` before it.
Example = tuple[str, str]

EXAMPLES: Mapping[str, Sequence[Example]] = {
    "report": (
        ("the demonstration model, on this machine", "report demo"),
        ("a managed endpoint, with two dialogues", "report endpoint --set samples.n=2"),
        ("a chat server, with your own dialogues", "report --url http://127.0.0.1:8000/v1 --samples mine.csv"),
        (
            "ten dialogues first, then as many as each open target needs",
            "report endpoint --set samples.source=bundled:test --until-decided --budget 20m --budget 0.50usd",
        ),
        ("a release gate: exit 3 when a target is missed", "report replay --out pages --gate missed"),
        ("resume a run that was interrupted", "report --resume runs/RUN"),
    ),
    "render": (("judge a finished run by another target", "render runs/RUN --set targets.average_latency.max=4"),),
    "check": (
        ("print the resolved parameters", "check demo --set samples.n=5"),
        ("print what is found at an address", "check --url http://127.0.0.1:8000/v1"),
    ),
    "serve": (("the demonstration model on a port of its own", "serve demo --port 8080"),),
    "summarise": (
        ("a whole data set over Dask workers, resumable", "summarise full --output runs/full.csv"),
        ("a recording to compare with, resumable", "summarise demo --input bundled:test --output runs/demo.jsonl"),
    ),
    "score": (
        (
            "two systems, compared row by row",
            "score predictions.csv --prediction prediction --reference summary --baseline other_model",
        ),
    ),
    "review": (
        ("write the file that readers rate summaries in, blind and offline", "review runs/RUN --out review.html"),
        ("bring the ratings back", "review import ratings-*.json"),
    ),
    "cost": (("the price of a request and of a month, as a live workbook", "cost demo --xlsx cost.xlsx"),),
    "app": (("the app of your own endpoint", "app endpoint"),),
    "load": (
        (
            "half a request per second for a minute",
            "load http://127.0.0.1:8080 --arrival poisson --rate 0.5 --duration 60",
        ),
        (
            "the highest rate that meets a latency target",
            "load http://127.0.0.1:8000/v1 --arrival poisson --find-rate --latency-target 2 --duration 30",
        ),
        (
            "an inference provider, four requests at a time",
            "load --params params/provider.yaml --allow-remote --arrival closed --concurrency 4 --duration 30",
        ),
    ),
    "compare": (("what changed between two runs, with paired intervals", "compare runs/RUN_A runs/RUN_B"),),
    "monitor": (("replay the alert rules over a request log", "monitor runs/RUN/requests.jsonl"),),
    "bench": (("engines on BART-large, within half an hour", "bench --limit 30"),),
    "endpoint": (
        ("its price, and nothing else", "endpoint create endpoint"),
        ("whether it runs", "endpoint status endpoint"),
        (
            "a model repository with a self-contained handler",
            "endpoint package --params local --engine ctranslate2 --dtype int8 --out my-model",
        ),
    ),
    "demo-model": (("train the adapter again", "demo-model train --output my-adapter"),),
}


def with_examples(verb: str, epilog: str | None) -> str | None:
    """Return what ``--help`` ends with: the verb's own words, then its examples."""
    examples = EXAMPLES.get(verb, ())
    lines = [line for does, command in examples for line in (f"  # {does}", f"  python -m helpers {command}")]
    told = "\n".join(["Examples:", *lines]) if lines else ""
    return "\n\n".join(filter(None, [(epilog or "").strip(), told])) or None
