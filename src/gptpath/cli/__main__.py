"""`python -m gptpath.cli`."""

import sys

from gptpath.cli import main

sys.exit(main())
