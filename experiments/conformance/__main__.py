"""Entry point of `python -m goalposts.experiments.conformance module:WORLD`; see `suite.py`."""

import sys

from .suite import main

sys.exit(main(sys.argv[1:]))
