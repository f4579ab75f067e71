"""Facts that last as long as the test: what a database would keep while servers come and go."""


class MemoryFacts:
    def __init__(self) -> None:
        self._scopes: dict[str, dict[str, bytes]] = {}

    async def get(self, scope: str, key: str) -> bytes | None:
        return self._scopes.get(scope, {}).get(key)

    async def put_new(self, scope: str, key: str, value: bytes) -> bytes:
        return self._scopes.setdefault(scope, {}).setdefault(key, value)

    async def put(self, scope: str, key: str, value: bytes) -> None:
        self._scopes.setdefault(scope, {})[key] = value

    async def delete(self, scope: str, key: str) -> None:
        self._scopes.get(scope, {}).pop(key, None)

    async def all(self, scope: str) -> dict[str, bytes]:
        return dict(sorted(self._scopes.get(scope, {}).items()))
