"""Requests to a speech service: bounded in time, in size and in number.

Owns the connection. Never shows the key: no error of the client leaves this module, because the
request that it holds has the key in its headers. Loads httpx: 14 MB, and 0.1 s of CPU time.
"""

from __future__ import annotations

import errno
import json
import logging
import random
import ssl
import time
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeVar

import httpx

from scenariod.base.errors import ConfigError
from scenariod.base.names import printable
from scenariod.base.units import MIB, size
from scenariod.base.value import Value, replace
from scenariod.voices.engines import refusals
from scenariod.voices.engines.engine import EngineUnavailableError
from scenariod.voices.engines.refusals import Failure, Means

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from scenariod.voices.engines.secret import Secret

T = TypeVar("T")

_MOST_REFUSAL_BYTES = 64 * 1024
_MOST_DOCUMENT_BYTES = 8 * MIB
_QUEUE = "too_many_concurrent_requests"
"""Other requests of the account have to end first: longer and longer waits do not help."""
_QUEUE_WAIT_S = 5.0
_FORBIDDEN = frozenset({errno.EAFNOSUPPORT, errno.EACCES, errno.EPERM})
"""How a connection fails without a network (RestrictAddressFamilies=, IPAddressDeny=)."""
_CHECK_NETWORK = (
    "check `base_url` and the network; an installed service also has to be allowed to use it:"
    " docs/VOICES.md shows how"
)
_NO_SOUND = ("text/", "application/json", "application/xml", "application/problem+json")


class Patience(Value):
    """How long to wait for what, in seconds, and how often to try. `wait` is what waits."""

    connect_s: float = 10.0
    silence_s: float = 60.0
    """An answer of which no byte arrives for so long has stalled."""
    answer_s: float = 900.0
    """How long one whole answer may take, however slowly it comes."""
    tries: int = 4
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    """A service that asks for more is left alone, and the caller tries again."""
    wait: Callable[[float], object] = time.sleep


class Request(Value):
    """A request. `most_bytes` bounds the answer; `may_cost` says whether the service charges."""

    method: Literal["GET", "POST"]
    path: str
    query: Mapping[str, str] = MappingProxyType({})
    content: Mapping[str, object] | None = None
    most_bytes: int = _MOST_DOCUMENT_BYTES
    may_cost: bool = False


def checked_base_url(base_url: str) -> str:
    """Return the address without a slash at its end, or `/v1`; raise ConfigError."""
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query:
        raise ConfigError(
            "`base_url` of the voices is not the address of a service",
            hint="write it as http://HOST:PORT or https://HOST, without user, password or query",
        )
    return str(url.copy_with(fragment=None)).rstrip("/").removesuffix("/v1")


class Authorization(httpx.Auth):
    """Puts the key into the headers of a request as it is sent, and nowhere before."""

    def __init__(self, secret: Secret | None, *, header: str, scheme: str = "") -> None:
        self._secret = secret
        self._header = header
        self._scheme = scheme

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header, where there is a key."""
        if self._secret is not None:
            request.headers[self._header] = f"{self._scheme}{self._secret.reveal()}"
        yield request

    def hide_in(self, text: str) -> str:
        """Return `text` without the key."""
        return text if self._secret is None else self._secret.hide_in(text)


class Service:
    """A speech service at an address. Used by one thread, one request at a time."""

    def __init__(self, base_url: str, *, authorization: Authorization, patience: Patience) -> None:
        self._base_url = checked_base_url(base_url)
        self._authorization = authorization
        self._patience = patience
        self._client = _client(authorization, patience, is_tls=self._base_url.startswith("https:"))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def ask(self, request: Request) -> object:
        """Return the JSON document that answers `request`, or a Failure, after some tries."""
        return self.persist(lambda: self._ask_once(request))

    def persist(self, attempt: Callable[[], T | Failure]) -> T | Failure:
        """Return what `attempt` returns, after some more attempts where these may work."""
        outcome = attempt()
        for number in range(1, self._patience.tries):
            if not isinstance(outcome, Failure) or outcome.means is not Means.AGAIN:
                break
            wait_s = self._wait_s(outcome, number)
            if wait_s > self._patience.longest_wait_s:
                break
            self._patience.wait(wait_s)
            outcome = attempt()
        return outcome

    def _wait_s(self, failure: Failure, number: int) -> float:
        if failure.retry_after_s is not None:
            return failure.retry_after_s
        jitter = random.uniform(0.5, 1.0)  # noqa: S311  no secret: it only spreads requests
        if failure.code == _QUEUE:
            return min(_QUEUE_WAIT_S, self._patience.longest_wait_s) * jitter
        wait_s: float = self._patience.first_wait_s * 2 ** (number - 1)
        return min(wait_s, self._patience.longest_wait_s) * jitter

    def _ask_once(self, request: Request) -> object:
        answer = bytearray()
        outcome = self.fetch(request, answer.extend)
        if isinstance(outcome, Failure):
            return outcome
        try:
            return json.loads(self._authorization.hide_in(answer.decode()))
        except (ValueError, RecursionError):
            return self._stranger("answered with something that is not JSON", request)

    def fetch(
        self, request: Request, take: Callable[[bytes], object]
    ) -> Mapping[str, str] | Failure:
        """Send `request` once; give its answer to `take`, piece by piece as it arrives.

        Returns the answer's headers, or why it failed, maybe after some pieces. Errors of `take`
        go through. The client's own never do, not even as a context: they hold the key.
        """
        try:
            with self._client.stream(
                request.method,
                self._base_url + request.path,
                params=dict(request.query),
                json=request.content,
            ) as response:
                return self._taken(response, request, take)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = self._failed(error, request)
        return failure

    def _taken(
        self, response: httpx.Response, request: Request, take: Callable[[bytes], object]
    ) -> Mapping[str, str] | Failure:
        if response.status_code != 200:
            return self._refused(response)
        if response.headers.get("content-encoding", "identity") != "identity":
            return self._stranger("compressed its answer, although the request forbids it", request)
        kind = response.headers.get("content-type", "")
        if request.method == "POST" and kind.lower().startswith(_NO_SOUND):
            return self._stranger(f"sent {kind}, not sound", request)
        end, size_bytes = time.monotonic() + self._patience.answer_s, 0
        for piece in response.iter_raw():
            size_bytes += len(piece)
            if size_bytes > request.most_bytes:
                return self._too_much(request)
            if time.monotonic() > end:
                return self._unfinished(f"after {self._patience.answer_s:g} s", request)
            take(piece)
        return response.headers

    # Why it failed

    @property
    def _who(self) -> str:
        return f"the speech service at {self._base_url}"

    def _refused(self, response: httpx.Response) -> Failure:
        body = _beginning(response, end=time.monotonic() + self._patience.silence_s)
        failure = refusals.read(
            response.status_code,
            headers=response.headers,
            body=body,
            hide=self._authorization.hide_in,
        )
        return replace(failure, words=f"{self._who} answered {failure.words}")

    def _stranger(self, what: str, request: Request) -> Failure:
        return Failure(
            Means.ENGINE,
            f"{self._who} {refusals.shown(what, self._authorization.hide_in)}",
            hint="check `base_url` in the configuration: another program may answer there",
            may_cost=request.may_cost,
        )

    def _too_much(self, request: Request) -> Failure:
        return Failure(
            Means.TEXT,
            f"{self._who} sent more than {size(request.most_bytes)}, too much for this text",
            hint="change the text of the scenario, or speak it with another engine",
            may_cost=request.may_cost,
        )

    def _unfinished(self, why: str, request: Request) -> Failure:
        return Failure(
            Means.AGAIN,
            f"{self._who} did not finish its answer {why}",
            hint="scenariod retries it by itself; if that lasts, check network and service",
            may_cost=request.may_cost,
        )

    def _failed(self, error: httpx.HTTPError | httpx.InvalidURL, request: Request) -> Failure:
        """Return what an error of the client means, in words of ours: its own may hold the key."""
        if isinstance(error, httpx.ConnectTimeout):
            why = f"no connection within {self._patience.connect_s:g} s"
            return self._unreachable(why, None)
        if isinstance(error, httpx.ProxyError):
            return self._unreachable("the proxy refuses it", None)
        if isinstance(error, httpx.ConnectError):
            cause = _system_error(error)
            return self._unreachable(_words_of(cause), cause)
        if isinstance(error, httpx.TimeoutException):
            return self._unfinished(f"(no byte came for {self._patience.silence_s:g} s)", request)
        if isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError)):
            return self._unfinished("(the connection broke)", request)
        return self._stranger("cannot be sent this request", request)

    def _unreachable(self, why: str, cause: OSError | None) -> Failure:
        if isinstance(cause, ssl.SSLCertVerificationError):
            means, hint = Means.ENGINE, "check the clock: `date`; and `base_url`"
        elif cause is not None and cause.errno in _FORBIDDEN:
            means, hint = Means.ENGINE, "allow the service the network: docs/VOICES.md shows how"
        else:
            means, hint = Means.AGAIN, _CHECK_NETWORK
        return Failure(means, f"cannot reach {self._who}: {why}", hint=hint)


def _client(authorization: Authorization, patience: Patience, *, is_tls: bool) -> httpx.Client:
    for name in ("httpx", "httpcore"):  # they log headers, in which a server may repeat the key
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with suppress(ImportError, OSError, ValueError):
        return httpx.Client(
            auth=authorization,
            headers={"accept-encoding": "identity"},  # a packed answer could grow a thousandfold
            timeout=httpx.Timeout(patience.silence_s, connect=patience.connect_s),
            limits=httpx.Limits(max_connections=1),
            verify=is_tls,  # reading certificates takes 80 ms of CPU time, and http:// needs none
        )
    raise EngineUnavailableError(
        "the proxy or certificate settings in the environment cannot be used",
        hint="check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE of the service",
    )


def _beginning(response: httpx.Response, *, end: float) -> bytes:
    """Return the first part of an answer, or what came of it: its status counts in any case."""
    body = bytearray()
    with suppress(httpx.HTTPError):
        for piece in response.iter_raw():
            body += piece[: _MOST_REFUSAL_BYTES - len(body)]
            if len(body) >= _MOST_REFUSAL_BYTES or time.monotonic() > end:
                break
    return bytes(body)


def _system_error(error: BaseException | None) -> OSError | None:
    """Return the error of the system that is behind one of the client."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def _words_of(cause: OSError | None) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {printable(cause.verify_message)}"
    if cause is None or not cause.strerror:
        return "the connection failed"
    return printable(cause.strerror)
