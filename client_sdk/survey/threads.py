"""Calls that block, in threads that nobody waits for at the end."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(call: Callable[[], Result], name: str) -> Result:
    """Run a call in a daemon thread of its own and wait for its end; a cancelled wait leaves the thread alone.

    The threads of ``asyncio.to_thread`` are waited for when a program ends, however long they take.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]  # a result of None is one of Result's

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except Exception as failure:  # told to who waits
            error = failure
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the loop ended meanwhile
            return

    threading.Thread(target=run, name=name, daemon=True).start()
    return await answer
