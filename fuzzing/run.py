"""Look for input that breaks a reader, guided by the lines of code that it reaches (atheris): see ``scripts/fuzz``.

What reached new code is kept in ``.cache/fuzz`` and begun with the next time. Input that breaks a reader, or takes more
than 10 s or 1 GB, stops the run; its file is named, and is read again by ``scripts/fuzz NAME --input FILE``.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["client_sdk", "collector"]):
    from fuzzing.readers import READERS, seeds, words

CACHE = Path(__file__).parent.parent / ".cache" / "fuzz"
MAX_INPUT_BYTES = 20_000
"""Ours: beyond the longest line; larger bodies are the tests' business."""


def main() -> None:
    """Run one reader for so many seconds, or on one input."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=READERS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--input", type=Path)
    given = parser.parse_args()
    if given.input:
        return READERS[given.name](given.input.read_bytes())
    corpus, found = CACHE / given.name, CACHE / f"{given.name}-found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds(given.name):
        (corpus / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    dictionary = CACHE / f"{given.name}.words"
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in words(given.name)))
    options = {
        "max_total_time": given.seconds,
        "max_len": MAX_INPUT_BYTES,
        "timeout": 10,
        "rss_limit_mb": 1024,
        "dict": dictionary,
        "artifact_prefix": f"{found}/",
        "print_final_stats": 1,
    }
    arguments = [sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), str(corpus)]
    atheris.Setup(arguments, READERS[given.name])
    atheris.Fuzz()
    return None


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode("latin-1"))


if __name__ == "__main__":
    main()
