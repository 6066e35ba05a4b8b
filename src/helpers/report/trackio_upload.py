"""``python -m helpers.report.trackio_upload RUN``: a finished run in a trackio project on this machine.

`helpers.report.tracked` reads it. The last line of standard output is JSON: ``folder`` or ``error``.
`helpers.report.tracking` starts it, and says by ``TRACKIO_DIR`` where the project lies; nothing is sent anywhere.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from helpers.report.tracked import Tracked, first_line, tracked
from helpers.runs.directory import attach


def main(directory: Path) -> dict[str, str]:
    """Put the run into its project and return the outcome."""
    try:
        import trackio
    except ImportError as error:
        install = "pip install -e '.[trackio]' -c requirements.txt"
        return {"error": f"the package trackio cannot be used ({error}); {install} brings it"}
    try:
        return _tell(trackio, tracked(attach(directory)))
    except Exception as error:  # whatever it raises, it takes nothing
        return {"error": f"trackio refused: {first_line(error)}"}


def _tell(trackio: Any, told: Tracked) -> dict[str, str]:
    """Log the attempts as steps, then what describes the whole run as one more: figures, distributions, tables."""
    words = {name: value for name, value in told.summary.items() if isinstance(value, str)}
    figures = {name: value for name, value in told.summary.items() if not isinstance(value, str)}
    run = trackio.init(
        project=told.project,
        name=told.name,
        group=told.group,
        config={**told.config, **words},
        embed=False,
        auto_log_gpu=False,
        auto_log_cpu=False,
    )
    for step, point in enumerate(told.points):
        run.log(dict(point), step=step)
    shown = {f"distribution/{name}": trackio.Histogram(list(values)) for name, values in told.distributions.items()}
    shown |= {
        f"table/{name}": trackio.Table(columns=list(t.columns), data=[list(row) for row in t.rows])
        for name, t in told.tables.items()
    }
    run.log({**figures, **shown}, step=len(told.points))
    trackio.finish()
    return {"folder": str(trackio.utils.TRACKIO_DIR)}


if __name__ == "__main__":
    answer, sys.stdout = sys.stdout, sys.stderr  # trackio talks on standard output, even while it ends
    found = main(Path(sys.argv[1]))
    print(json.dumps(found), file=answer, flush=True)
