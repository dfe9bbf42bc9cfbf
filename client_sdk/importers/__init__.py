"""Drive-test logs of other tools become samples."""
