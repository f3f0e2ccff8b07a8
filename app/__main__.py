"""`python -m app` is the `convscope` command."""

import sys

from app.cli import main

sys.exit(main())
