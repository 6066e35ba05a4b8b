"""``python -m helpers``."""

import sys

from helpers.cli.main import main

sys.exit(main())
