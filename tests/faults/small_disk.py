"""A file system of its own for one folder, which can be full and have room again."""

import os
import subprocess
import tempfile
from pathlib import Path

ROOM = "1g"
PAGE_BYTES = 4096
CAP_SYS_ADMIN = 21  # capabilities(7)


def may_mount() -> bool:
    """Whether this process may mount a file system."""
    status = Path("/proc/self/status").read_text()
    (effective,) = (line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> CAP_SYS_ADMIN & 1)


class SmallDisk:
    """A tmpfs: what it may hold is changed while it is used; any user may look for a folder of theirs in it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="maille-disk-"))
        self._run("mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=0755", "tmpfs", str(self.folder))

    def fill(self, left_bytes: int) -> None:
        """Leave so much room and no more."""
        while True:
            state = os.statvfs(self.folder)
            used = (state.f_blocks - state.f_bfree) * state.f_frsize
            size = max(used + left_bytes, PAGE_BYTES) // PAGE_BYTES * PAGE_BYTES
            command = ["mount", "-o", f"remount,size={size}", str(self.folder)]
            done = subprocess.run(command, capture_output=True, check=False)
            if done.returncode == 0:  # it fails where meanwhile more is used than that
                return

    def free(self) -> None:
        """Plenty of room."""
        self._run("mount", "-o", f"remount,size={ROOM}", str(self.folder))

    def close(self) -> None:
        """Unmount, whoever still has a file of it open."""
        self._run("umount", "--lazy", str(self.folder))
        self.folder.rmdir()

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
