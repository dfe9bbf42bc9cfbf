"""What runs on a phone or a laptop in the field: take, sign, keep and send samples.

The base install of this package is pure Python plus ``cryptography``; nothing here imports the server packages.
"""

__version__ = "0.1.0"
