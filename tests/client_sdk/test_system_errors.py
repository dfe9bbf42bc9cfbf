"""Why another computer was not reached, in the chosen language and without the system's own words."""

import errno
import socket
from collections.abc import Iterator

import httpx
import pytest

from client_sdk.errors import MailleError
from client_sdk.measurement.once import Surroundings
from client_sdk.messages import use_language
from client_sdk.system_errors import cause_of, unreachable


@pytest.fixture(autouse=True)
def french() -> Iterator[None]:
    use_language("fr")
    yield
    use_language("en")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 9)"), "rien ne répond"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "aucun réseau"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "nom inconnu"),
        (TimeoutError(), "pas de réponse"),
    ],
)
def test_common_reasons_are_told_in_words(error: OSError, said: str) -> None:
    assert said in unreachable(error)


def test_the_system_s_reason_is_found_behind_a_library_s() -> None:
    with pytest.raises(httpx.ConnectError) as failed:
        httpx.get("http://127.0.0.1:9")
    assert cause_of(failed.value) == "rien ne répond à ce port"


def test_another_reason_is_told_as_it_is() -> None:
    assert unreachable(OSError(errno.EDOM, "odd")) == "odd"
    assert cause_of(ValueError("odd")) == "odd"


@pytest.mark.parametrize(("given", "option"), [({"sim_plmn": "2080"}, "--sim-plmn"), ({"latitude": 47.0}, "--lat")])
def test_what_is_given_by_hand_is_refused_by_its_option(given: dict[str, object], option: str) -> None:
    with pytest.raises(MailleError, match=f"{option}.*(attendu|donnez)"):
        Surroundings(**given)  # type: ignore[arg-type]
