class DBusAddress:
    def __init__(
        self, object_path: str, bus_name: str | None = None, interface: str | None = None
    ) -> None: ...

class MatchRule:
    def __init__(self, *, type: str, member: str) -> None: ...  # noqa: A002  its name

class Message:
    body: tuple[object, ...]

class DBusErrorResponse(Exception): ...  # noqa: N818  its name

def new_method_call(
    remote_obj: DBusAddress,
    method: str,
    signature: str | None = None,
    body: tuple[object, ...] = (),
) -> Message: ...
