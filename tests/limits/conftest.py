from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.limits.small_server import Small, small_server


@pytest.fixture(scope="module")
async def small() -> AsyncIterator[Small]:
    async with small_server() as server:
        yield server


@pytest.fixture
async def alone() -> AsyncIterator[Small]:
    """A server of the test's own: what its endpoints saw is of this test."""
    async with small_server() as server:
        yield server
