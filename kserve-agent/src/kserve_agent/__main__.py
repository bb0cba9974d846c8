import sys

from kserve_agent.cli import main

sys.exit(main())
