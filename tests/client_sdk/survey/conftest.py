"""The survey's tests share ``survey_drive``, found beside them however pytest is started."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
