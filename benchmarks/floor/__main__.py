"""What a request cannot cost less than, in a server of its own: `python -m benchmarks.floor 8001`.

A bare Django view with one call of the Instant client, at `/floor`, with no middleware. `benchmarks/processor.py`
starts it.
"""

import os
import sys

import django
from django.conf import settings

from credits_site.server import serve
from sandbox.world import HOST

os.environ["DJANGO_SETTINGS_MODULE"] = "credits_site.settings"
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = "benchmarks.floor.urls"
django.setup(set_prefix=False)
serve(host=HOST, port=int(sys.argv[1]), workers=1)
