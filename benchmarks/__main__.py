"""python -m benchmarks"""

import sys

from .load.main import main

if __name__ == "__main__":
    sys.exit(main())
