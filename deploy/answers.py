"""A health check: does an address answer with success? Exit code 0 if it does."""

import sys
import urllib.request

try:
    urllib.request.urlopen(sys.argv[1], timeout=8).close()
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error}")
