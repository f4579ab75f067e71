"""`python -m solovirt` is the command `solovirt`."""

import sys

from solovirt.cli import main

sys.exit(main())
